#include "transport/fastboot/fastboot_reply.h"

#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/fastboot.h"

namespace flashline::transport {
namespace {

constexpr std::size_t most_text = 512;
constexpr std::string_view blanks{" \t\r\n\0", 5};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Bootloaders fail with whatever lies in their buffer.
std::string shown(std::string_view raw) {
  std::string text{trimmed(raw.substr(0, most_text))};
  for (char& each : text) {
    if (each < ' ' || each > '~') each = '?';
  }
  return text;
}

template <class T>
std::optional<T> whole_number(std::string_view digits, int base) {
  T value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<FastbootReply> parse_fastboot_reply(std::span<const std::byte> packet) {
  using Kind = FastbootReply::Kind;
  const std::string_view all{reinterpret_cast<const char*>(packet.data()), packet.size()};
  const std::string_view kind = all.substr(0, 4);
  const std::string_view rest = all.size() > 4 ? all.substr(4) : std::string_view{};
  if (kind == "INFO" || kind == "TEXT") return FastbootReply{Kind::line, shown(rest), 0};
  if (kind == "OKAY") return FastbootReply{Kind::okay, shown(rest), 0};
  if (kind == "FAIL") return FastbootReply{Kind::fail, shown(rest), 0};
  if (kind == "DATA") {
    const auto digits = trimmed(rest);
    const auto size = digits.size() == 8 ? whole_number<std::uint32_t>(digits, 16) : std::nullopt;
    if (size) return FastbootReply{Kind::data, {}, *size};
  }
  return fail(errc::fastboot_reply, fmt::format("the bootloader answered '{}'", shown(all.substr(0, 64))));
}

std::optional<std::uint64_t> parse_fastboot_number(std::string_view text) {
  text = trimmed(text);
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  return whole_number<std::uint64_t>(hex ? text.substr(2) : text, hex ? 16 : 10);
}

}  // namespace flashline::transport
