#include "imaging/build/detail/foreign_tree.h"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <fstream>
#include <memory>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/build.h"
#include "imaging/core/unicode.h"
#include "imaging/core/units.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging::detail {
namespace {

namespace fs = std::filesystem;

/// More than any BSP has; a bomb stops here.
constexpr std::size_t max_files = 100'000;
constexpr std::size_t max_bytes = 8_GiB;
constexpr std::size_t max_depth = 64;

struct FreeArchive {
  void operator()(archive* a) const noexcept { ::archive_read_free(a); }
};
using ArchiveHandle = std::unique_ptr<archive, FreeArchive>;

std::unexpected<Error> refused(std::string_view path, std::string_view what) {
  return fail(errc::bsp_member, fmt::format("'{}': {}", path, what));
}

/// The parts of a member's path. Errors: bsp_member.
Result<std::vector<std::string>> member_parts(std::string_view path) {
  if (path.starts_with('/') || path.starts_with('\\')) return refused(path, "an absolute path");
  if (first_invalid_utf8(path)) return refused(path, "its name is not UTF-8");
  auto parts = path_parts(path);
  if (parts.empty()) return refused(path, "no name");
  if (parts.size() > max_depth) return refused(path, "too many folders in each other");
  // Also the names that Windows would refuse, drives and streams among them.
  if (!device_path(path)) return refused(path, "no path inside of a package");
  return parts;
}

std::string key_of(std::span<const std::string> parts, bool folder) {
  std::string key;
  for (const std::string& part : parts) key += folded(part) + "/";
  if (!folder) key.pop_back();
  return key;
}

std::unexpected<Error> zip_error(archive* reader, const fs::path& zip) {
  const char* const text = ::archive_error_string(reader);
  return fail(errc::bsp_source, fmt::format("{}: {}", zip.string(), text != nullptr ? text : "damaged"));
}

std::string name_of(archive_entry* entry) {
  const char* name = ::archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = ::archive_entry_pathname(entry);
  return name != nullptr ? name : "";
}

Status write_failed(const fs::path& path) {
  return fail(errc::bsp_write, fmt::format("{} cannot be written", path.string()));
}

Status unpack_file(archive* reader, const fs::path& zip, const fs::path& to, ForeignTree& tree) {
  std::ofstream out{to, std::ios::binary};
  std::vector<char> piece(64_KiB);
  for (;;) {
    const la_ssize_t got = ::archive_read_data(reader, piece.data(), piece.size());
    if (got < 0) return zip_error(reader, zip);
    if (got == 0) break;
    FL_CHECK(tree.count_bytes(static_cast<std::size_t>(got)));
    out.write(piece.data(), got);
  }
  out.close();
  return out ? Status{} : write_failed(to);
}

Status unpack_member(archive* reader, archive_entry* entry, const fs::path& zip, ForeignTree& tree) {
  const std::string name = name_of(entry);
  if (::archive_entry_is_encrypted(entry) != 0) return refused(name, "it is encrypted");
  if (::archive_entry_hardlink(entry) != nullptr) return refused(name, "a link");
  const auto type = ::archive_entry_filetype(entry);
  if (type == AE_IFDIR) {
    FL_CHECK(tree.place_folder(name));
    return {};
  }
  if (type != AE_IFREG) return refused(name, "neither a file nor a folder");
  FL_TRY(const fs::path to, tree.place_file(name));
  return unpack_file(reader, zip, to, tree);
}

/// A host's file name as a member's: a backslash in it would become a folder.
Status check_leaf(const fs::path& path) {
  if (path.filename().string().find('\\') == std::string::npos) return {};
  return refused(path.string(), "a backslash in its name");
}

Status copy_member(const fs::directory_entry& entry, const fs::path& folder, ForeignTree& tree) {
  const std::string name = entry.path().lexically_relative(folder).generic_string();
  std::error_code code;
  FL_CHECK(check_leaf(entry.path()));
  const auto type = entry.symlink_status(code).type();
  if (type == fs::file_type::directory) {
    FL_CHECK(tree.place_folder(name));
    return {};
  }
  if (type != fs::file_type::regular) return refused(entry.path().string(), "neither a file nor a folder");
  FL_CHECK(tree.count_bytes(static_cast<std::size_t>(entry.file_size(code))));
  FL_TRY(const fs::path to, tree.place_file(name));
  if (!fs::copy_file(entry.path(), to, code)) {
    return fail(errc::bsp_write, fmt::format("{}: {}", to.string(), code.message()));
  }
  return {};
}

}  // namespace

Result<fs::path> ForeignTree::folder_of(std::span<const std::string> parts) {
  fs::path at = folder_;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string key = key_of(parts.first(i + 1), true);
    if (known_.contains(key_of(parts.first(i + 1), false))) return refused(parts[i], "a file and a folder");
    const auto [found, is_new] = known_.try_emplace(key, at / parts[i]);
    at = found->second;
    std::error_code code;
    if (is_new && !fs::create_directory(at, code)) return fail(errc::bsp_write, at.string() + ": " + code.message());
  }
  return at;
}

Result<fs::path> ForeignTree::place_folder(std::string_view path) {
  FL_TRY(const auto parts, member_parts(path));
  if (known_.size() == max_files) return refused(path, fmt::format("more than {} members", max_files));
  return folder_of(parts);
}

Result<fs::path> ForeignTree::place_file(std::string_view path) {
  FL_TRY(const auto parts, member_parts(path));
  if (known_.size() == max_files) return refused(path, fmt::format("more than {} members", max_files));
  const std::span<const std::string> all{parts};
  FL_TRY(const fs::path folder, folder_of(all.first(all.size() - 1)));
  const fs::path file = folder / parts.back();
  if (known_.contains(key_of(all, true)) || !known_.try_emplace(key_of(all, false), file).second) {
    return refused(path, "the package has that name twice, as Windows sees it");
  }
  ++files_;
  return file;
}

Status ForeignTree::count_bytes(std::size_t bytes) {
  bytes_ += std::min(bytes, max_bytes + 1);
  if (bytes_ <= max_bytes) return {};
  return fail(errc::bsp_member, fmt::format("more than {} bytes in all", max_bytes));
}

Status unpack_zip(const fs::path& zip, ForeignTree& tree) {
  const ArchiveHandle reader{::archive_read_new()};
  ::archive_read_support_format_zip_seekable(reader.get());
  if (::archive_read_open_filename(reader.get(), zip.c_str(), 64_KiB) != ARCHIVE_OK)
    return zip_error(reader.get(), zip);
  for (;;) {
    archive_entry* entry = nullptr;
    const int result = ::archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) return {};
    if (result != ARCHIVE_OK) return zip_error(reader.get(), zip);
    FL_CHECK(unpack_member(reader.get(), entry, zip, tree));
  }
}

Status copy_folder(const fs::path& folder, ForeignTree& tree) {
  std::error_code code;
  auto entries = fs::recursive_directory_iterator{folder, code};
  std::vector<fs::directory_entry> sorted;
  for (; !code && entries != fs::recursive_directory_iterator{}; entries.increment(code)) sorted.push_back(*entries);
  if (code) return fail(errc::bsp_source, fmt::format("{}: {}", folder.string(), code.message()));
  std::ranges::sort(sorted);
  for (const auto& entry : sorted) FL_CHECK(copy_member(entry, folder, tree));
  return {};
}

}  // namespace flashline::imaging::detail
