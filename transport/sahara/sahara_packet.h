#pragma once
// Sahara's packets: a command, the packet's length, a body; all little-endian.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::transport {

/// What a device says first.
struct SaharaHello {
  std::uint32_t version = 0;
  std::uint32_t mode = 0;
};
/// It wants these bytes of an image, without any header.
struct SaharaRead {
  std::uint64_t image = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
struct SaharaEnd {
  std::uint32_t image = 0;
  std::uint32_t status = 0;  ///< 0: good
};
struct SaharaDone {
  std::uint32_t status = 0;  ///< 0: more images may follow, 1: that was all
};
struct SaharaResetDone {};
struct SaharaReady {};  ///< for commands
/// The answer to a command has so many bytes.
struct SaharaExecuted {
  std::uint32_t command = 0;
  std::uint32_t length = 0;
};

using SaharaPacket =
    std::variant<SaharaHello, SaharaRead, SaharaEnd, SaharaDone, SaharaResetDone, SaharaReady, SaharaExecuted>;

/// Modes of a hello.
constexpr std::uint32_t sahara_mode_image = 0;
constexpr std::uint32_t sahara_mode_memory_debug = 2;
constexpr std::uint32_t sahara_mode_command = 3;

/// One packet as a device sent it. Errors: sahara_reply (unknown, or of another length than its kind has).
Result<SaharaPacket> read_sahara_packet(std::span<const std::byte> bytes);

/// A host's packets.
std::vector<std::byte> sahara_hello_response(std::uint32_t mode);
std::vector<std::byte> sahara_done();
std::vector<std::byte> sahara_reset();
std::vector<std::byte> sahara_execute(std::uint32_t command);
std::vector<std::byte> sahara_execute_data(std::uint32_t command);
std::vector<std::byte> sahara_switch_mode(std::uint32_t mode);

}  // namespace flashline::transport
