#include "tests/lab/usbip/wire.h"

namespace flashline::lab {
namespace {

enum Word : std::uint32_t { cmd_submit = 1, cmd_unlink = 2, ret_submit = 3, ret_unlink = 4 };
constexpr std::uint32_t short_not_ok = 1;

std::uint32_t word(const UsbipHeader& header, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t each = 0; each < 4; ++each)
    value = value << 8U | std::to_integer<std::uint32_t>(header.at(at + each));
  return value;
}

void put(UsbipHeader& header, std::size_t at, std::uint32_t value) {
  for (std::size_t each = 4; each-- > 0; value >>= 8U) header.at(at + each) = static_cast<std::byte>(value & 0xffU);
}

std::uint16_t half(const UsbipHeader& header, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(header.at(at)) |
                                    std::to_integer<unsigned>(header.at(at + 1)) << 8U);
}

}  // namespace

std::optional<UsbipCommand> read_command(const UsbipHeader& header) {
  const std::uint32_t kind = word(header, 0);
  if (kind != cmd_submit && kind != cmd_unlink) return std::nullopt;
  UsbipCommand command{.number = word(header, 4)};
  if (kind == cmd_unlink) {
    command.kind = UsbipCommand::Kind::unlink;
    command.victim = word(header, 20);
    return command;
  }
  command.inwards = word(header, 12) == 1;
  command.endpoint = static_cast<std::uint8_t>(word(header, 16) & 0x0fU);
  command.short_is_error = (word(header, 20) & short_not_ok) != 0;
  command.length = word(header, 24);
  command.setup = {std::to_integer<std::uint8_t>(header[40]), std::to_integer<std::uint8_t>(header[41]),
                   half(header, 42), half(header, 44), half(header, 46)};
  return command;
}

UsbipHeader submitted(std::uint32_t number, std::int32_t status, std::uint32_t actual) {
  UsbipHeader header{};
  put(header, 0, ret_submit);
  put(header, 4, number);
  put(header, 20, static_cast<std::uint32_t>(status));
  put(header, 24, actual);
  return header;
}

UsbipHeader unlinked(std::uint32_t number, std::int32_t status) {
  UsbipHeader header{};
  put(header, 0, ret_unlink);
  put(header, 4, number);
  put(header, 20, static_cast<std::uint32_t>(status));
  return header;
}

}  // namespace flashline::lab
