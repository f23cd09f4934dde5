#include "tests/lab/emulators/sdp_rom.h"

#include <algorithm>

#include "imaging/core/little_endian.h"

namespace flashline::lab {
namespace {

constexpr std::uint32_t complete_code = 0x88888888;
constexpr std::uint32_t written_code = 0x128a8a12;
constexpr std::uint32_t ok_code = 0x900dd009;
constexpr std::uint32_t hab_failure = 0x33c02233;  // "failure, in an image's authentication"
constexpr std::uint32_t most_of_a_file = 2U << 20U;
constexpr std::uint32_t most_of_a_dcd = 1768;

std::uint32_t big32(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t byte = 0; byte < 4; ++byte) value = value << 8U | std::to_integer<std::uint32_t>(bytes[byte]);
  return value;
}

Bytes little(std::uint32_t value, std::size_t size) {
  Bytes bytes(size);
  store32(bytes, value);
  return bytes;
}

}  // namespace

SdpRomPlan imx6q() {
  return {.hid = {.vendor = 0x15a2, .product = 0x0054, .name = "SE Blank ARIK"}, .dram_needs_dcd = true};
}

SdpRomPlan imx8mm() {
  return {.hid = {.vendor = 0x1fc9, .product = 0x0134, .name = "SE Blank 845", .uid = "0123456789ABCDEF"},
          .skips_dcd = true,
          .dram_needs_dcd = false};
}

SdpRomPlan imx_spl(bool skips_spl) {
  return {.hid = {.vendor = 0x1fc9,
                  .product = 0x0151,
                  .release = static_cast<std::uint16_t>(skips_spl ? 0x0500 : 0x0219),
                  .name = "USB download gadget"},
          .is_spl = true};
}

void SdpRomDevice::state_and(std::uint32_t status) {
  security();
  answer(4, little(status, 64));
}

void SdpRomDevice::security() { answer(3, little(plan_.closed ? 0x12343412 : 0x56787856, 4)); }

bool SdpRomDevice::take(std::uint8_t id, std::span<const std::byte> payload) {
  if (runs_) return false;
  if (id == 1) return payload.size() == 16 && left_ == 0 && command(payload);
  return id == 2 && data(payload);
}

bool SdpRomDevice::command(std::span<const std::byte> packet) {
  if (packet[0] != packet[1]) return false;
  type_ = static_cast<std::uint16_t>(load16(packet));
  address_ = big32(packet.subspan(2));
  const std::uint32_t count = big32(packet.subspan(7));
  const std::uint32_t value = big32(packet.subspan(11));
  switch (type_) {
    case 0x0101:
      state_and(load32(memory_.read(address_, 4)));
      return true;
    case 0x0202:
      memory_.write(address_, little(value, 4));
      state_and(written_code);
      return true;
    case 0x0404:
      if (count == 0 || (!plan_.is_spl && count > most_of_a_file)) return false;
      break;
    case 0x0505:
      state_and(0xf0f0f0f0);
      return true;
    case 0x0a0a:
      if (plan_.is_spl || count == 0 || count > most_of_a_dcd) return false;
      break;
    case 0x0b0b:
      return jump();
    case 0x0c0c:
      if (!plan_.skips_dcd) return false;
      skipped_dcd_ = true;
      state_and(ok_code);
      return true;
    default:
      return false;
  }
  left_ = count;
  collected_.clear();
  return true;
}

bool SdpRomDevice::data(std::span<const std::byte> payload) {
  if (left_ == 0 || payload.size() != 1024) return false;
  const std::size_t used = std::min<std::size_t>(left_, payload.size());
  collected_.insert(collected_.end(), payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(used));
  left_ -= static_cast<std::uint32_t>(used);
  if (left_ == 0) complete();
  return true;
}

void SdpRomDevice::complete() {
  if (type_ == 0x0a0a) {
    dcd_ = collected_;
    state_and(written_code);
    return;
  }
  const bool lost = plan_.dram_needs_dcd && dcd_.empty() && address_ >= plan_.dram_from;
  if (!lost) memory_.write(address_, collected_);
  file_size_ = collected_.size();
  state_and(complete_code);
}

bool SdpRomDevice::would_run(std::uint32_t address) const {
  if (plan_.is_spl) return address == 0;
  const Bytes table = memory_.read(address, 32);
  const std::uint32_t header = load32(table);
  if (header != 0x402000d1 && header != 0x412000d1) return false;
  // A DCD that runs a second time takes the memory away that the image lies in.
  if (load32(std::span{table}.subspan(12)) != 0 && !skipped_dcd_ && !dcd_.empty()) return false;
  return !plan_.closed || load32(std::span{table}.subspan(24)) != 0;
}

bool SdpRomDevice::jump() {
  if (!would_run(address_)) {
    state_and(hab_failure);
    return true;
  }
  runs_ = address_;
  security();
  leave_after_answers();
  return true;
}

void SdpRomDevice::reset() {
  // As on the chip: a reset of the port does not end a command that waits for its data.
}

}  // namespace flashline::lab
