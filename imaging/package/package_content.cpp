#include "imaging/package/package_content.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/registry_value.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t read_size = 1024UL * 1024;  ///< bytes hashed at a time

struct AttributeRow {
  std::string_view word;
  std::uint32_t bit;
};

/// Windows' file attributes that a package can set.
constexpr std::array attributes{
    AttributeRow{"readonly", file_attribute::readonly},
    AttributeRow{"hidden", file_attribute::hidden},
    AttributeRow{"system", file_attribute::system},
    AttributeRow{"archive", file_attribute::archive},
    AttributeRow{"normal", file_attribute::normal},
    AttributeRow{"temporary", 0x100},
    AttributeRow{"sparseFile", 0x200},
    AttributeRow{"compressed", file_attribute::compressed},
    AttributeRow{"offline", 0x1000},
    AttributeRow{"notContentIndexed", 0x2000},
};

Status hash_into(PackageFile& file, const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  Sha256Stream stream;
  std::error_code code;
  std::vector<char> piece(std::clamp<std::size_t>(std::filesystem::file_size(path, code), 1, read_size));
  while (in) {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto count = static_cast<std::size_t>(in.gcount());
    stream.update(std::as_bytes(std::span{piece}.first(count)));
    file.size += count;
  }
  if (!in.eof()) return fail(errc::payload_unreadable, fmt::format("{} cannot be read", path.string()));
  if (file.size == 0) return fail(errc::payload_empty, fmt::format("{} has no bytes", path.string()));
  file.digest = stream.finish();
  return {};
}

}  // namespace

Result<std::filesystem::path> find_source(const std::filesystem::path& folder, std::string_view source) {
  auto found = find_input(folder, source);
  if (found || found.error().code != errc::input_missing) return found;
  const std::filesystem::path own = std::filesystem::absolute(folder / "").parent_path();
  const auto parts = path_parts(source);
  if (parts.size() < 2 || source.starts_with('/') || !same_word(parts[0], own.filename().string())) return found;
  return find_input(own.parent_path(), source);
}

Result<PackageFile> read_payload(const std::filesystem::path& path, std::string device_path) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) {
    return fail(errc::payload_unreadable, fmt::format("{} is no file", path.string()));
  }
  PackageFile file{.device_path = std::move(device_path), .source = path};
  FL_CHECK(hash_into(file, path));
  return file;
}

std::string leaf_of(std::string_view path) {
  const auto parts = path_parts(path);
  return parts.empty() ? std::string{} : parts.back();
}

Result<std::uint32_t> parse_attributes(std::string_view text) {
  std::uint32_t bits = 0;
  for (const std::string& word : list_parts(text, " ,;|\t\r\n")) {
    const auto row = std::ranges::find_if(attributes, [&](const auto& known) { return same_word(known.word, word); });
    if (row == attributes.end()) return fail(errc::xml_value, fmt::format("'{}' is no file attribute", word));
    bits |= row->bit;
  }
  return bits;
}

Status PackageContent::check_around(std::string_view device_path, bool is_file, std::size_t offset) const {
  const std::string key = folded(device_path);
  for (std::size_t end = key.rfind('\\'); end != std::string::npos && end > 0; end = key.rfind('\\', end - 1)) {
    const auto above = places_.find(key.substr(0, end));
    if (above == places_.end() || !above->second.is_file) continue;
    return document_->error(
        errc::destination_twice, offset,
        fmt::format("'{}' lies below a file that {} puts there", device_path, document_->where(above->second.offset)));
  }
  const auto below = places_.lower_bound(key + "\\");
  if (is_file && below != places_.end() && below->first.starts_with(key + "\\")) {
    return document_->error(errc::destination_twice, offset,
                            fmt::format("'{}' is a folder, since {} puts something into it", device_path,
                                        document_->where(below->second.offset)));
  }
  return {};
}

Status PackageContent::add_file(PackageFile file, std::size_t offset) {
  FL_CHECK(check_around(file.device_path, true, offset));
  const auto [entry, is_new] = places_.try_emplace(folded(file.device_path), Place{true, package.files.size(), offset});
  if (is_new) {
    package.files.push_back(std::move(file));
    return {};
  }
  const Place& place = entry->second;
  if (place.is_file && package.files[place.index].digest == file.digest &&
      package.files[place.index].attributes == file.attributes) {
    return {};
  }
  return document_->error(
      errc::destination_twice, offset,
      fmt::format("'{}' is at {} already, and not the same", file.device_path, document_->where(place.offset)));
}

Status PackageContent::add_directory(PackageDirectory directory, std::size_t offset) {
  FL_CHECK(check_around(directory.device_path, false, offset));
  const auto [entry, is_new] =
      places_.try_emplace(folded(directory.device_path), Place{false, package.directories.size(), offset});
  if (is_new) {
    package.directories.push_back(std::move(directory));
    return {};
  }
  const Place& place = entry->second;
  if (!place.is_file && package.directories[place.index].attributes == directory.attributes) return {};
  return document_->error(
      errc::destination_twice, offset,
      fmt::format("'{}' is at {} already, and not the same", directory.device_path, document_->where(place.offset)));
}

void PackageContent::add_keys(std::vector<RegistryKey> keys) {
  std::ranges::move(keys, std::back_inserter(package.registry));
}

}  // namespace flashline::imaging
