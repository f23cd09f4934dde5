#include "flasher/slot/detail/write_journal.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <string_view>
#include <system_error>
#include <unistd.h>

#include "imaging/core/digest.h"
#include "imaging/core/errors/record.h"

namespace flashline::line::detail {
namespace {

using imaging::Extent;

/// Serials are the user's words: the file's name is made of a digest.
std::filesystem::path file_of(const std::filesystem::path& folder, const std::string& serial) {
  return folder / (to_hex(sha256(std::as_bytes(std::span{serial}))).substr(0, 32) + ".journal");
}

std::string first_line(const JournalKey& key) {
  const std::string all =
      fmt::format("{}\n{}\n{}\n{}\n{}", key.serial, key.medium, key.capacity, key.image_digest, key.overlay_digest);
  return "flashline-journal 1 " + to_hex(sha256(std::as_bytes(std::span{all}))) + "\n";
}

std::string line_of(const Extent& extent) {
  const std::string body = fmt::format("{} {}", extent.at.value, extent.length.value);
  return body + " " + to_hex(sha256(std::as_bytes(std::span{body}))).substr(0, 8) + "\n";
}

std::optional<std::uint64_t> number_at(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  return value;
}

/// nullopt: torn or changed.
std::optional<Extent> extent_of(std::string_view line) {
  std::string_view rest = line;
  const auto at = number_at(rest);
  const auto length = at ? number_at(rest) : std::nullopt;
  if (!length || *length == 0 || *at + *length < *at) return std::nullopt;
  const Extent extent{ByteOffset{*at}, ByteCount{*length}};
  return line_of(extent) == std::string{line} + "\n" ? std::optional{extent} : std::nullopt;
}

struct Found {
  std::vector<Extent> extents;
  std::size_t good_bytes = 0;  ///< up to the last whole line
};

/// Nothing: the journal is about something else, or there is none.
std::optional<Found> read(const std::filesystem::path& file, const std::string& head) {
  std::ifstream in{file, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  if (!text.starts_with(head)) return std::nullopt;
  Found found{.extents = {}, .good_bytes = head.size()};
  for (;;) {
    const std::size_t end = text.find('\n', found.good_bytes);
    if (end == std::string::npos) break;
    const auto extent = extent_of(std::string_view{text}.substr(found.good_bytes, end - found.good_bytes));
    if (!extent) break;
    found.extents.push_back(*extent);
    found.good_bytes = end + 1;
  }
  found.extents = joined(std::move(found.extents));
  return found;
}

Status broken(const std::filesystem::path& file) {
  return fail(errc::record_store, file.string() + ": " + std::system_category().message(errno));
}

Status append(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno != EINTR) return broken("journal");
    if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
  }
  return ::fdatasync(file) == 0 ? Status{} : broken("journal");
}

}  // namespace

std::vector<Extent> joined(std::vector<Extent> extents) {
  std::ranges::sort(extents);
  std::vector<Extent> all;
  for (const auto& extent : extents) {
    if (all.empty() || all.back().at.value + all.back().length.value < extent.at.value) {
      all.push_back(extent);
      continue;
    }
    const std::uint64_t end =
        std::max(all.back().at.value + all.back().length.value, extent.at.value + extent.length.value);
    all.back().length.value = end - all.back().at.value;
  }
  return all;
}

Result<std::shared_ptr<WriteJournal>> WriteJournal::open(const std::filesystem::path& folder, const JournalKey& key) {
  const auto path = file_of(folder, key.serial);
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string head = first_line(key);
  auto found = read(path, head);
  imaging::FileHandle file{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  if (!file) return std::unexpected{broken(path).error()};
  const auto end = static_cast<off_t>(found ? found->good_bytes : 0);
  if (::ftruncate(file.get(), end) != 0 || ::lseek(file.get(), end, SEEK_SET) != end) {
    return std::unexpected{broken(path).error()};
  }
  if (!found) FL_CHECK(append(file.get(), head));
  auto durable = found ? std::move(found->extents) : std::vector<Extent>{};
  return std::shared_ptr<WriteJournal>{new WriteJournal{std::move(file), std::move(durable)}};
}

void WriteJournal::remove(const std::filesystem::path& folder, const std::string& serial) {
  std::error_code ignored;
  std::filesystem::remove(file_of(folder, serial), ignored);
}

Status WriteJournal::add(const std::vector<Extent>& extents) {
  std::string lines;
  for (const auto& extent : joined(extents)) lines += line_of(extent);
  return append(file_.get(), lines);
}

}  // namespace flashline::line::detail
