#pragma once
// A question of the file server's client, which is the board.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "imaging/core/error.h"

namespace flashline::transport {

struct FileRequest {
  enum class Ask : std::uint8_t { size = 0, contents = 1, done = 2 };
  static constexpr std::size_t size_on_wire = 260;

  Ask ask = Ask::done;
  std::string name{};  ///< as it came; may hold anything but NUL. Empty: the board wants nothing more
};

/// Reads the 260 bytes that a board answers. Errors: rpi_request (another length, another command, a name without end).
Result<FileRequest> parse_file_request(std::span<const std::byte> answer);

}  // namespace flashline::transport
