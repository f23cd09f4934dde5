// What programmers tell between the lines of their logs.
#include <algorithm>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/sahara.h"
#include "transport/firehose/firehose.h"
#include "transport/usb/descriptors.h"

namespace flashline::transport {
namespace {

// 2^53 bytes: more than any card, and sums of it fit.
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 53U;
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";

/// What stands behind `key` up to where a value ends, quotes and blanks left out.
std::string_view behind(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  auto rest = text.substr(at + key.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" :=\""), rest.size()));
  return rest.substr(0, rest.find_first_of(",}\" \t\r\n"));
}

struct Told {
  std::optional<std::uint64_t> blocks;
  std::optional<std::uint64_t> block_size;
  std::string name;
};

void listen_to(Told& told, std::string_view log) {
  const auto take = [&](std::optional<std::uint64_t>& into, std::string_view key) {
    const auto value = whole_number(behind(log, key));
    if (value && !into) into = value;
  };
  take(told.blocks, "\"total_blocks\"");
  take(told.blocks, "Device Total Logical Blocks");
  take(told.block_size, "\"block_size\"");
  take(told.block_size, "Device Block Size in Bytes");
  if (!told.name.empty()) return;
  const auto product = behind(log, "\"prod_name\"");
  const auto serial = behind(log, "\"serial_num\"");
  if (!product.empty() || !serial.empty()) told.name = shown_string(fmt::format("{} {}", product, serial));
}

}  // namespace

Result<FirehoseStorage> storage_in(std::span<const std::string> logs) {
  Told told;
  for (const std::string& log : logs) listen_to(told, log);
  if (!told.blocks || !told.block_size)
    return fail(errc::firehose_storage, "the programmer does not tell how large its storage is");
  if (*told.block_size != 512 && *told.block_size != 4096) {
    return fail(errc::firehose_storage,
                fmt::format("the programmer says that a sector has {} bytes", *told.block_size));
  }
  if (*told.blocks == 0 || *told.blocks > most_bytes / *told.block_size) {
    return fail(errc::firehose_storage,
                fmt::format("the programmer says that its storage has {} sectors", *told.blocks));
  }
  return FirehoseStorage{*told.blocks, static_cast<std::uint32_t>(*told.block_size), std::move(told.name)};
}

std::optional<Sha256> digest_in(std::string_view text) {
  Sha256 digest{};
  for (std::size_t at = text.find_first_of(hex_digits); at != std::string_view::npos;
       at = text.find_first_of(hex_digits, at)) {
    const std::size_t end = std::min(text.find_first_not_of(hex_digits, at), text.size());
    // "0x" before it is no part of it: its 'x' is no digit and its '0' a run of one.
    if (end - at == 2 * digest.size()) {
      for (std::size_t byte = 0; byte < digest.size(); ++byte) {
        unsigned value = 0;
        std::from_chars(text.data() + at + 2 * byte, text.data() + at + 2 * byte + 2, value, 16);
        digest[byte] = static_cast<std::byte>(value);
      }
      return digest;
    }
    at = end;
  }
  return std::nullopt;
}

}  // namespace flashline::transport
