// Where profiles and their files are looked for.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/config.h"
#include "station-config/board_profile.h"
#include "station-config/values.h"
#include "station-config/xml_reader.h"

namespace flashline::config {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> no_such_board(std::string_view name, const fs::path& boards) {
  std::vector<std::string_view> known;
  for (const ShippedBoard& board : shipped_boards()) known.push_back(board.name);
  return fail(errc::config_no_board, fmt::format("there is no board profile {}, neither shipped nor in {}{}", name,
                                                 boards.string(), did_you_mean(name, known)));
}

Result<BoardProfile> named(Result<BoardProfile> board, std::string_view name) {
  if (!board || board->name == name) return board;
  return fail(errc::config_no_board, fmt::format("{}: the profile in it is named {}", board->file, board->name));
}

std::optional<Sha256> digest_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  Sha256Stream stream;
  std::vector<char> piece(1 << 20);
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    stream.update(std::as_bytes(std::span{piece.data(), static_cast<std::size_t>(in.gcount())}));
  }
  if (!in.eof()) return std::nullopt;
  return stream.finish();
}

/// Empty: nothing is wrong with it.
std::string fault_of(const BoardFile& file) {
  std::error_code error;
  const bool folder = file.use == BoardFile::Use::folder;
  const auto status = fs::status(file.path, error);
  if (!fs::exists(status)) {
    return fmt::format("{} is missing{}", file.path.string(),
                       file.vendor ? "; it belongs to the board's maker and is not shipped" : "");
  }
  if (folder != fs::is_directory(status)) {
    return fmt::format("{} is {} folder", file.path.string(), folder ? "no" : "a");
  }
  if (folder || !file.digest) {
    const bool readable = folder || std::ifstream{file.path, std::ios::binary}.is_open();
    return readable ? std::string{} : fmt::format("{} cannot be read", file.path.string());
  }
  const auto found = digest_of(file.path);
  if (!found) return fmt::format("{} cannot be read", file.path.string());
  if (*found == *file.digest) return {};
  return fmt::format("{} has the digest {}, the profile wants {}", file.path.string(), to_hex(*found),
                     to_hex(*file.digest));
}

}  // namespace

Result<BoardProfile> find_board(std::string_view name, const fs::path& boards) {
  if (!is_name(name, 64)) return no_such_board(name, boards);
  const fs::path own = boards / fmt::format("{}.xml", name);
  std::error_code ignored;
  if (fs::exists(own, ignored)) {
    FL_TRY(const std::string text, read_text_file(own));
    return named(parse_board(text, own, boards), name);
  }
  const auto shipped = shipped_boards();
  const auto found = std::ranges::find(shipped, name, &ShippedBoard::name);
  if (found == shipped.end()) return no_such_board(name, boards);
  return named(parse_board(found->xml, fmt::format("shipped:{}.xml", name), boards), name);
}

Status check_board_files(const BoardProfile& board) {
  for (const Stage& stage : board.stages) {
    for (const BoardFile& file : stage.files) {
      const std::string fault = fault_of(file);
      if (!fault.empty()) return fail(errc::config_board_file, fmt::format("{}: {}", file.where, fault));
    }
  }
  return {};
}

}  // namespace flashline::config
