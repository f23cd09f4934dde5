#include "tests/lab/emulators/sdps_rom.h"

#include <algorithm>
#include <limits>

#include "imaging/core/little_endian.h"

namespace flashline::lab {
namespace {

constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

SdpsRomPlan plan_of(std::uint16_t product, bool out_endpoint) {
  return {.hid = {.vendor = 0x1fc9,
                  .product = product,
                  .release = 0x0002,
                  .name = "SP Blank",
                  .uid = "AB0011223344CDEF",
                  .out_endpoint = out_endpoint}};
}

bool is_container(std::span<const std::byte> bytes) { return bytes.size() >= 16 && bytes[3] == std::byte{0x87}; }

std::uint64_t end_of_images(std::span<const std::byte> container) {
  std::uint64_t end = 0;
  const auto images = std::to_integer<std::size_t>(container[11]);
  if (container.size() < 16 + images * 128) return unknown;
  for (std::size_t image = 0; image < images; ++image) {
    const auto entry = container.subspan(16 + image * 128);
    end = std::max<std::uint64_t>(end, std::uint64_t{load32(entry)} + load32(entry.subspan(4)));
  }
  return end;
}

std::uint64_t whole_kib(std::uint64_t value) { return value == unknown ? unknown : (value + 0x3ff) / 0x400 * 0x400; }

std::uint64_t end_of_table(std::span<const std::byte> bytes) {
  const std::uint32_t boot_data = load32(bytes.subspan(16)) - load32(bytes.subspan(20));
  if (boot_data > bytes.size() || bytes.size() - boot_data < 8) return unknown;
  const std::uint32_t before = load32(bytes.subspan(20)) - load32(bytes.subspan(boot_data));
  return load32(bytes.subspan(boot_data + 4)) - before;
}

}  // namespace

SdpsRomPlan imx8mp() { return plan_of(0x0146, true); }
SdpsRomPlan imx93() { return plan_of(0x014e, true); }
SdpsRomPlan imx8qxp() { return plan_of(0x012f, false); }
SdpsRomPlan imx28() {
  return {.hid = {.vendor = 0x15a2, .product = 0x004f, .name = "ST Blank"}, .command_block = true};
}

bool SdpsRomDevice::command(std::span<const std::byte> block) {
  if (!plan_.command_block || block.size() != 31 || load32(block) != 0x43544c42) return false;
  if (block[12] != std::byte{0} || block[15] != std::byte{2}) return false;
  for (std::size_t byte = 0; byte < 4; ++byte) {
    if (block[16 + byte] != block[11 - byte]) return false;  // the same length, the other way round
  }
  announced_ = load32(block.subspan(8));
  return true;
}

std::uint64_t SdpsRomDevice::needed() const {
  const std::span<const std::byte> bytes{stream_};
  if (plan_.command_block) return announced_;
  if (is_container(bytes)) {
    const std::size_t spacing = bytes[0] >= std::byte{2} ? 0x4000 : 0x400;
    if (bytes.size() < spacing + 16) return unknown;
    if (!is_container(bytes.subspan(spacing))) return whole_kib(end_of_images(bytes));
    const std::uint64_t second = end_of_images(bytes.subspan(spacing));
    return second == unknown ? unknown : whole_kib(std::max(end_of_images(bytes), spacing + second));
  }
  const bool table = bytes.size() >= 64 && (load32(bytes) == 0x402000d1 || load32(bytes) == 0x412000d1);
  const std::uint64_t end = table ? end_of_table(bytes) : unknown;
  return end == unknown ? unknown : end + plan_.stage_bytes;
}

bool SdpsRomDevice::take(std::uint8_t id, std::span<const std::byte> payload) {
  if (runs_) return false;
  if (id == 1) return command(payload);
  const std::size_t full = plan_.hid.out_endpoint ? 1020 : 1024;
  if (id != 2 || payload.size() != full || (plan_.command_block && announced_ == 0)) return false;
  stream_.insert(stream_.end(), payload.begin(), payload.end());
  if (stream_.size() >= needed()) {
    runs_ = true;
    leave_after_answers();
  }
  return true;
}

}  // namespace flashline::lab
