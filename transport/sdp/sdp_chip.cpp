#include "transport/sdp/sdp_chip.h"

#include <algorithm>
#include <array>

namespace flashline::transport {
namespace {

constexpr std::uint16_t freescale = 0x15a2;
constexpr std::uint16_t nxp = 0x1fc9;

constexpr SdpChip mx6(std::string_view name) { return {.name = name, .scratch = 0x00910000}; }
constexpr SdpChip mx6_skipping(std::string_view name) {
  return {.name = name, .skip_dcd = true, .scratch = 0x00910000};
}
constexpr SdpChip mx8m(std::string_view name) {
  return {.name = name, .skip_dcd = true, .scratch = 0x00910000, .uid_string = 4};
}
constexpr SdpChip stream(std::string_view name) { return {.name = name, .kind = SdpKind::sdps, .uid_string = 4}; }
constexpr SdpChip rom_api(std::string_view name) {
  return {.name = name, .kind = SdpKind::sdps, .out_endpoint = true, .uid_string = 4};
}
constexpr SdpChip spl(bool skips) { return {.name = "U-Boot SPL", .kind = SdpKind::spl, .skips_spl = skips}; }

struct Row {
  std::uint16_t vendor;
  std::uint16_t product;
  SdpChip chip;
  std::uint16_t first = 0;
  std::uint16_t last = 0xffff;
};

// U-Boot says by its release which way it wants its second stage; 9999 is what it says when nobody set one.
constexpr std::uint16_t first_skipping = 0x0500;
constexpr std::uint16_t unset = 0x9999;

constexpr std::array rows{
    Row{freescale, 0x0054, mx6("i.MX6Q")},
    Row{freescale, 0x0061, mx6("i.MX6D")},
    Row{freescale, 0x0063, mx6("i.MX6SL")},
    Row{freescale, 0x0071, mx6("i.MX6SX")},
    Row{freescale, 0x007d, mx6_skipping("i.MX6UL")},
    Row{freescale, 0x0080, mx6_skipping("i.MX6ULL")},
    Row{nxp, 0x0128, mx6_skipping("i.MX6SLL")},
    Row{freescale, 0x0076, {.name = "i.MX7D", .skip_dcd = true, .scratch = 0x00911000}},
    Row{nxp, 0x0126, {.name = "i.MX7ULP", .skip_dcd = true, .scratch = 0x2f018000}},
    Row{nxp, 0x012b, mx8m("i.MX8MQ")},
    Row{nxp, 0x0134, mx8m("i.MX8MM")},
    Row{nxp, 0x012f, stream("i.MX8QXP"), 0x0002},
    Row{nxp, 0x0129, stream("i.MX8QM"), 0x0002},
    Row{nxp, 0x0147, stream("i.MX8DXL")},
    Row{nxp, 0x013e, rom_api("i.MX8MN")},
    Row{nxp, 0x0146, rom_api("i.MX8MP")},
    Row{nxp, 0x014a, rom_api("i.MX8ULP")},
    Row{nxp, 0x014b, rom_api("i.MX8ULP")},
    Row{nxp, 0x014e, rom_api("i.MX93")},
    Row{nxp, 0x0159, rom_api("i.MX91")},
    Row{nxp, 0x015c, rom_api("i.MX95")},
    Row{nxp, 0x015d, rom_api("i.MX95")},
    Row{nxp, 0x0027, rom_api("i.MX943")},
    Row{nxp, 0x0028, rom_api("i.MX952")},
    Row{freescale, 0x004f, {.name = "i.MX28", .kind = SdpKind::sdps, .command_block = true}},
    Row{0x0525, 0xb4a4, spl(false), 0, first_skipping - 1},
    Row{0x0525, 0xb4a4, spl(true), first_skipping, unset - 1},
    Row{0x0525, 0xb4a4, spl(false), unset, unset},
    Row{nxp, 0x0151, spl(false), 0, first_skipping - 1},
    Row{nxp, 0x0151, spl(true), first_skipping, unset - 1},
    Row{nxp, 0x0151, spl(false), unset, unset},
    Row{0x3016, 0x1001, spl(false), 0, first_skipping - 1},
    Row{0x3016, 0x1001, spl(true), first_skipping, unset - 1},
    Row{0x3016, 0x1001, spl(false), unset, unset},
};

}  // namespace

std::optional<SdpChip> find_sdp_chip(std::uint16_t vendor, std::uint16_t product, std::uint16_t release) {
  const auto found = std::ranges::find_if(rows, [&](const Row& row) {
    return row.vendor == vendor && row.product == product && row.first <= release && release <= row.last;
  });
  if (found == rows.end()) return std::nullopt;
  return found->chip;
}

}  // namespace flashline::transport
