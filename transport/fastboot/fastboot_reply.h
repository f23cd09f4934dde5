#pragma once
// One packet of what a bootloader answers.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "imaging/core/error.h"

namespace flashline::transport {

struct FastbootReply {
  enum class Kind : std::uint8_t {
    line,  ///< INFO or TEXT: the answer comes later
    data,  ///< go ahead with `size` bytes
    okay,
    fail,
  };
  Kind kind = Kind::okay;
  std::string text{};      ///< shown characters only, whatever came
  std::uint32_t size = 0;  ///< of data
};

/// Errors: fastboot_reply.
Result<FastbootReply> parse_fastboot_reply(std::span<const std::byte> packet);

/// A number as bootloaders write them: hex with 0x, else decimal; blanks around. nullopt: none, or beyond 64 bits.
std::optional<std::uint64_t> parse_fastboot_number(std::string_view text);

}  // namespace flashline::transport
