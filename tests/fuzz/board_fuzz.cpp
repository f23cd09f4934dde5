// Board profiles: any bytes give a way up that makes sense, or an error with its place.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "station-config/board_profile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using flashline::config::Protocol;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto board = flashline::config::parse_board(text, "/f/b.xml", "/f");
  if (!board && !board.error().detail.starts_with("/f/b.xml:")) std::abort();
  if (!board) return 0;
  if (board->stages.empty() || board->stages.back().protocol < Protocol::card) std::abort();
  for (std::size_t i = 0; i + 1 < board->stages.size(); ++i) {
    if (board->stages[i].protocol >= Protocol::card) std::abort();
  }
  return 0;
}
