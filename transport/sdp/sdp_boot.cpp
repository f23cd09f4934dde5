#include "transport/sdp/sdp_boot.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/sdp.h"
#include "imaging/core/errors/usb.h"
#include "imaging/core/little_endian.h"
#include "transport/sdp/boot_container.h"
#include "transport/sdp/ivt.h"
#include "transport/sdp/sdp_rom.h"
#include "transport/usb/descriptors.h"

namespace flashline::transport {
namespace {

using Bytes = std::span<const std::byte>;

// Where U-Boot's builds for chips with the older SPL put what comes behind it: the SD card's layout, less its first
// KiB.
constexpr std::size_t fixed_uboot_offset = 0x57c00;
constexpr std::size_t command_block_size = 31;

/// The chip's id out of a string descriptor; empty where it shows none.
asio::awaitable<std::string> uid_of(BytePipe& pipe, const SdpChip& chip, const SdpOptions& options) {
  if (chip.uid_string == 0) co_return std::string{};
  std::array<std::byte, 255> text{};
  const UsbSetup string_descriptor{0x80, 6, static_cast<std::uint16_t>(0x0300 | chip.uid_string), 0x0409};
  const auto size = co_await pipe.control_in(string_descriptor, text, options.report);
  if (!size) co_return std::string{};
  std::string letters;
  const std::size_t end = std::min(*size, std::to_integer<std::size_t>(text[0]));
  for (std::size_t at = 2; at + 1 < end; at += 2) {
    letters += text[at + 1] == std::byte{0} ? static_cast<char>(text[at]) : '?';
  }
  co_return shown_string(letters);
}

/// The table's DCD is not to run a second time: it would take the memory away that the image lies in.
asio::awaitable<Status> without_dcd(SdpRom& rom, const SdpChip& chip, const ImageVectorTable& ivt, Bytes image) {
  if (chip.skip_dcd) co_return co_await rom.skip_dcd();
  const Bytes first = image.first(std::min<std::size_t>(image.size(), chip.report_size()));
  std::vector<std::byte> changed{first.begin(), first.end()};
  store32(std::span{changed}.subspan(ImageVectorTable::dcd_pointer), 0);
  co_return co_await rom.write(ivt.self, changed);
}

asio::awaitable<Result<SdpOutcome>> boot_rom(BytePipe& pipe, SdpReports reports, SdpChip chip, Bytes file,
                                             SdpOptions options) {
  FL_CO_TRY(const ImageVectorTable ivt, find_ivt(file));
  const Bytes image = file.subspan(ivt.image.at, ivt.image.length);
  SdpRom rom{std::move(reports), true};
  SdpOutcome outcome{.sent = image.size()};
  FL_CO_TRY(outcome.closed, co_await rom.is_closed());
  if (outcome.closed && !ivt.is_signed) {
    co_return fail(errc::sdp_closed, fmt::format("{} is closed, and the boot image is not signed", chip.name));
  }
  outcome.uid = co_await uid_of(pipe, chip, options);
  if (ivt.dcd.length > 0) FL_CO_CHECK(co_await rom.run_dcd(chip.scratch, file.subspan(ivt.dcd.at, ivt.dcd.length)));
  FL_CO_CHECK(co_await rom.write(ivt.self, image));
  FL_CO_CHECK(co_await without_dcd(rom, chip, ivt, image));
  FL_CO_CHECK(co_await rom.jump(ivt.self, options.leave));
  co_return outcome;
}

/// What U-Boot's first stage wants: everything behind itself.
Result<Bytes> behind_spl(const SdpChip& chip, Bytes file) {
  std::size_t at = fixed_uboot_offset;
  if (chip.skips_spl && begins_with_container(file)) {
    FL_TRY(at, first_container_set(file));
  } else if (chip.skips_spl) {
    FL_TRY(const ImageVectorTable ivt, find_ivt(file));
    at = ivt.image.at + ivt.image.length;
  }
  if (at >= file.size()) {
    return fail(errc::sdp_image,
                fmt::format("nothing follows the first stage: it ends at {}, the file at {}", at, file.size()));
  }
  return file.subspan(at);
}

asio::awaitable<Result<SdpOutcome>> boot_spl(SdpReports reports, SdpChip chip, Bytes file, SdpOptions options) {
  FL_CO_TRY(const Bytes rest, behind_spl(chip, file));
  SdpRom rom{std::move(reports), false};
  FL_CO_CHECK(co_await rom.write(0, rest));
  FL_CO_CHECK(co_await rom.jump(0, options.leave));
  co_return SdpOutcome{.sent = rest.size()};
}

/// How much of the file goes into a stream. A ROM that reads an image vector table hands the stream on to the first
/// stage, which takes from it what it needs.
Result<Bytes> stream_of(const SdpChip& chip, Bytes file) {
  if (chip.command_block) return file;
  if (begins_with_container(file)) {
    FL_TRY(const std::size_t length, first_container_set(file));
    return file.first(length);
  }
  FL_TRY([[maybe_unused]] const ImageVectorTable ivt, find_ivt(file));
  return file;
}

/// "BLTC", tag, length, direction out; download firmware, and the length once more the other way round.
std::array<std::byte, command_block_size> command_block(std::uint32_t length) {
  std::array<std::byte, command_block_size> block{};
  store32(block, 0x43544c42);
  store32(std::span{block}.subspan(4), 1);
  store32(std::span{block}.subspan(8), length);
  block[15] = std::byte{2};
  for (std::size_t byte = 0; byte < 4; ++byte)
    block[16 + byte] = static_cast<std::byte>(length >> (24 - 8 * byte) & 0xffU);
  return block;
}

asio::awaitable<Result<SdpOutcome>> boot_stream(BytePipe& pipe, SdpReports reports, SdpChip chip, Bytes file,
                                                SdpOptions options) {
  FL_CO_TRY(const Bytes stream, stream_of(chip, file));
  SdpOutcome outcome{.sent = stream.size()};
  outcome.uid = co_await uid_of(pipe, chip, options);
  if (chip.command_block) {
    const auto block = command_block(static_cast<std::uint32_t>(stream.size()));
    FL_CO_CHECK(co_await reports.send(SdpReport::command, block));
  }
  const std::size_t last = (stream.size() - 1) / chip.report_size() * chip.report_size();
  FL_CO_CHECK(co_await reports.send_data(stream.first(last), 0, stream.size()));
  const auto ended = co_await reports.send_data(stream.subspan(last), last, stream.size());
  // The ROM runs the image at its last byte: the report that brings it may find nobody who acknowledges it.
  if (!ended && ended.error().code != errc::usb_gone) co_return std::unexpected{ended.error()};
  co_return outcome;
}

}  // namespace

asio::awaitable<Result<SdpOutcome>> boot_sdp(BytePipe& pipe, SdpChip chip, Bytes image, SdpOptions options) {
  if (image.empty() || image.size() > 0xffffffffU)
    co_return fail(errc::sdp_image, "the boot image is empty or too large");
  FL_CO_TRY(SdpReports reports, SdpReports::over(pipe, chip, options));
  switch (chip.kind) {
    case SdpKind::sdp:
      co_return co_await boot_rom(pipe, std::move(reports), chip, image, options);
    case SdpKind::spl:
      co_return co_await boot_spl(std::move(reports), chip, image, options);
    case SdpKind::sdps:
      break;
  }
  co_return co_await boot_stream(pipe, std::move(reports), chip, image, options);
}

}  // namespace flashline::transport
