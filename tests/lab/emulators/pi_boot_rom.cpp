#include "tests/lab/emulators/pi_boot_rom.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/little_endian.h"

namespace flashline::lab {
namespace {

constexpr std::size_t message_size = 24;
constexpr std::size_t most_code = 8 * 1024 * 1024;

bool is_old(std::uint16_t product) { return product == 0x2763 || product == 0x2764; }

std::string chip_name(std::uint16_t product) {
  if (product == 0x2763) return "BCM2708";
  if (product == 0x2764) return "BCM2710";
  return fmt::format("BCM{:04x}", product);
}

std::size_t length_of(const Setup& setup) { return std::size_t{setup.index} << 16U | setup.value; }

}  // namespace

Descriptors describe_pi(const PiBoardPlan& plan, std::uint8_t serial_index, std::string product_name) {
  const std::uint16_t packet = plan.speed == transport::UsbSpeed::full ? 64 : 512;
  const InterfacePlan disk{
      .class_code = 8, .subclass = 6, .protocol = 0x50, .endpoints = {{0x01, 2, packet}, {0x82, 2, packet}}};
  const InterfacePlan boot{.endpoints = {{0x01, 2, packet}, {0x82, 2, packet}}};
  const InterfacePlan second_boot{.endpoints = {{0x03, 2, packet}, {0x84, 2, packet}}};
  Descriptors made =
      describe({.vendor = 0x0a5c,
                .product = plan.product,
                .release = 0,
                .manufacturer_index = 1,
                .product_index = 2,
                .serial_index = serial_index,
                .strings = {{1, "Broadcom"}, {2, std::move(product_name)}, {3, plan.serial}, {4, plan.serial}},
                .interfaces = plan.two_interfaces ? std::vector{disk, second_boot} : std::vector{boot},
                .speed = plan.speed});
  if (!plan.honest_descriptor && !plan.two_interfaces) made.configuration[2] = std::byte{55};
  return made;
}

PiBootRom::PiBootRom(PiBoardPlan plan, PiVerdict verdict)
    : descriptors_{describe_pi(plan, is_old(plan.product) ? 0 : 3, chip_name(plan.product) + " Boot")},
      endpoint_{static_cast<std::uint8_t>(plan.two_interfaces ? 3 : 1)},
      verdict_{std::move(verdict)} {}

Reply PiBootRom::control(const Setup& setup, std::span<const std::byte>) {
  if (setup.request != 0) return Reply::refuse();
  if (setup.request_type == 0x40 && setup.length == 0) return announced(length_of(setup));
  if (setup.request_type == 0xC0) return tell(setup);
  return Reply::refuse();
}

Reply PiBootRom::announced(std::size_t length) {
  if (awaited_ != 0) return Reply::refuse();
  const bool fits = message_.size() < message_size ? length == message_size : length == code_size_ && code_.empty();
  if (!fits) return Reply::refuse();
  awaited_ = length;
  return Reply::take(0);
}

Reply PiBootRom::out(std::uint8_t endpoint, std::span<const std::byte> data) {
  // The real thing answers nothing on endpoints that nobody announced bytes for.
  if (endpoint != endpoint_ || data.size() > awaited_) return Reply::nothing_yet();
  Bytes& part = message_.size() < message_size ? message_ : code_;
  part.insert(part.end(), data.begin(), data.end());
  awaited_ -= data.size();
  if (&part == &message_ && awaited_ == 0) look_at_message();
  return Reply::take(data.size());
}

void PiBootRom::look_at_message() {
  code_size_ = std::min<std::size_t>(load32(message_), most_code);
  signature_.assign(message_.begin() + 4, message_.end());
}

Reply PiBootRom::tell(const Setup& setup) {
  if (length_of(setup) != 4 || setup.length != 4) return Reply::refuse();
  if (code_size_ == 0 || code_.size() != code_size_) return Reply::nothing_yet();
  const std::int32_t code = verdict_ ? verdict_(code_, signature_) : 0;
  Bytes answer(4);
  store32(answer, static_cast<std::uint32_t>(code));
  if (code == 0) leave();
  return Reply::answer(std::move(answer));
}

Reply PiBootRom::in(std::uint8_t, std::size_t) { return Reply::nothing_yet(); }

}  // namespace flashline::lab
