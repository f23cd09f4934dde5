#include "transport/sahara/sahara_packet.h"

#include <initializer_list>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/sahara.h"
#include "imaging/core/little_endian.h"

namespace flashline::transport {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t host_version = 2;
constexpr std::uint32_t oldest_version = 1;

std::uint64_t load64(Bytes bytes) { return load32(bytes) | std::uint64_t{load32(bytes.subspan(4))} << 32U; }

/// What a command's packets are and how long they are, or nothing for a command that only hosts send.
struct Kind {
  std::uint32_t command;
  std::uint32_t length;
  SaharaPacket (*read)(Bytes body);
};

constexpr std::array kinds{
    Kind{0x01, 0x30, [](Bytes body) { return SaharaPacket{SaharaHello{load32(body), load32(body.subspan(12))}}; }},
    Kind{0x03, 0x14,
         [](Bytes body) {
           return SaharaPacket{SaharaRead{load32(body), load32(body.subspan(4)), load32(body.subspan(8))}};
         }},
    Kind{0x04, 0x10, [](Bytes body) { return SaharaPacket{SaharaEnd{load32(body), load32(body.subspan(4))}}; }},
    Kind{0x06, 0x0c, [](Bytes body) { return SaharaPacket{SaharaDone{load32(body)}}; }},
    Kind{0x08, 0x08, [](Bytes) { return SaharaPacket{SaharaResetDone{}}; }},
    Kind{0x0b, 0x08, [](Bytes) { return SaharaPacket{SaharaReady{}}; }},
    Kind{0x0e, 0x10, [](Bytes body) { return SaharaPacket{SaharaExecuted{load32(body), load32(body.subspan(4))}}; }},
    Kind{0x12, 0x20,
         [](Bytes body) {
           return SaharaPacket{SaharaRead{load64(body), load64(body.subspan(8)), load64(body.subspan(16))}};
         }},
};

std::vector<std::byte> packet(std::uint32_t command, std::initializer_list<std::uint32_t> body) {
  std::vector<std::byte> bytes(8 + 4 * body.size());
  store32(bytes, command);
  store32(std::span{bytes}.subspan(4), static_cast<std::uint32_t>(bytes.size()));
  std::size_t at = 8;
  for (const std::uint32_t each : body) {
    store32(std::span{bytes}.subspan(at), each);
    at += 4;
  }
  return bytes;
}

}  // namespace

Result<SaharaPacket> read_sahara_packet(Bytes bytes) {
  if (bytes.size() < 8) return fail(errc::sahara_reply, fmt::format("a packet of {} bytes", bytes.size()));
  const std::uint32_t command = load32(bytes);
  const std::uint32_t length = load32(bytes.subspan(4));
  for (const Kind& kind : kinds) {
    if (kind.command != command) continue;
    if (length == kind.length && bytes.size() == length) return kind.read(bytes.subspan(8));
    return fail(errc::sahara_reply, fmt::format("packet {:#x} says that it has {} bytes and came with {}; it has {}",
                                                command, length, bytes.size(), kind.length));
  }
  return fail(errc::sahara_reply,
              fmt::format("packet {:#x} of {} bytes is none that a device sends", command, bytes.size()));
}

std::vector<std::byte> sahara_hello_response(std::uint32_t mode) {
  return packet(2, {host_version, oldest_version, 0, mode, 0, 0, 0, 0, 0, 0});
}
std::vector<std::byte> sahara_done() { return packet(5, {}); }
std::vector<std::byte> sahara_reset() { return packet(7, {}); }
std::vector<std::byte> sahara_execute(std::uint32_t command) { return packet(0x0d, {command}); }
std::vector<std::byte> sahara_execute_data(std::uint32_t command) { return packet(0x0f, {command}); }
std::vector<std::byte> sahara_switch_mode(std::uint32_t mode) { return packet(0x0c, {mode}); }

}  // namespace flashline::transport
