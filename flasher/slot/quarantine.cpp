#include "flasher/slot/detail/quarantine.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/record.h"
#include "imaging/source/output_file.h"

namespace flashline::line::detail {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

json::object to_json(const FailedBoard& board) {
  return {{"serial", board.serial},   {"attempt", board.attempt},       {"medium", board.medium},
          {"phase", board.phase},     {"error_code", board.error_code}, {"error_text", board.error_text},
          {"attempt_log", board.log}, {"ended_at", board.ended_at}};
}

json::object to_json(const Evidence& evidence, const fs::path& file) {
  json::array boards;
  for (const auto& board : evidence.boards) boards.push_back(to_json(board));
  return {{"slot", evidence.slot},
          {"target", evidence.target},
          {"quarantined_at", evidence.at},
          {"summary", summary_of(evidence, file)},
          {"boards", std::move(boards)}};
}

Status make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(errc::record_store, fmt::format("{}: {}", folder.string(), error.message()));
  return {};
}

}  // namespace

fs::path quarantine_file(const fs::path& state, std::string_view slot) {
  return state / "quarantine" / fmt::format("{}.json", slot);
}

std::string summary_of(const Evidence& evidence, const fs::path& file) {
  std::string text = fmt::format("{} boards failed here one after the other:", evidence.boards.size());
  for (const auto& board : evidence.boards) {
    text += fmt::format(" {} ({} {});", board.name(), board.error_code, board.error_text);
  }
  return text + " evidence in " + file.string();
}

Status keep_evidence(const fs::path& file, const Evidence& evidence) {
  FL_CHECK(make_folder(file.parent_path()));
  const std::string text = json::serialize(to_json(evidence, file)) + "\n";
  FL_TRY(auto out, imaging::OutputFile::create(file));
  FL_CHECK(out.write({}, std::as_bytes(std::span{text})));
  return out.commit();
}

std::optional<std::string> kept_evidence(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::nullopt;
  std::ifstream in{file};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto parsed = json::parse(text, ignored);
  const auto* object = ignored ? nullptr : parsed.if_object();
  const auto* summary = object == nullptr ? nullptr : object->if_contains("summary");
  if (summary != nullptr && summary->is_string()) return std::string{summary->get_string()};
  return file.string() + " cannot be read";
}

Status put_aside(const fs::path& file, std::string_view at) {
  const fs::path folder = file.parent_path() / "released";
  FL_CHECK(make_folder(folder));
  std::error_code error;
  fs::rename(file, folder / fmt::format("{}-{}.json", file.stem().string(), at), error);
  if (!error || error == std::errc::no_such_file_or_directory) return {};  // it could not be kept: that was told then
  return fail(errc::record_store, fmt::format("{}: {}", file.string(), error.message()));
}

}  // namespace flashline::line::detail
