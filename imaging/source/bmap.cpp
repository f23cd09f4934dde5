#include "imaging/source/bmap.h"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>
#include <spdlog/fmt/fmt.h>
#include <string_view>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/source/file_view.h"
#include "imaging/source/named_digest.h"

namespace flashline::imaging {
namespace {

/// A map has about a hundred bytes a range; this is half a million ranges.
constexpr std::uint64_t max_map = 64_MiB;
constexpr std::uint64_t max_image = 1ULL << 62U;

std::unexpected<Error> bad(std::string_view what) { return fail(errc::bmap_syntax, std::string{what}); }

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto first = text.find_first_not_of(blank);
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(blank) - first + 1);
}

Result<std::uint64_t> number_of(std::string_view text, std::string_view what) {
  text = trimmed(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
    return bad(fmt::format("{} is \"{}\", not a number", what, text.substr(0, 40)));
  }
  return value;
}

Result<std::uint64_t> number_in(const pugi::xml_node& bmap, const char* name) {
  const auto node = bmap.child(name);
  if (!node) return bad(fmt::format("no <{}>", name));
  return number_of(node.child_value(), name);
}

Result<std::vector<std::byte>> bytes_of_hex(std::string_view text) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    if (error != std::errc{} || end != text.data() + i + 2) break;
    bytes.push_back(static_cast<std::byte>(value));
  }
  if (text.empty() || bytes.size() * 2 != text.size())
    return bad(fmt::format("\"{}\" is no checksum", text.substr(0, 80)));
  return bytes;
}

/// The names that a version gives to its checksums. Versions before 1.3 have none; 1.4 was 2.0's first name.
struct Dialect {
  const char* algorithm = "";
  const char* range_attribute = "";
  const char* file_checksum = "";
};

Result<Dialect> dialect_of(const pugi::xml_node& bmap) {
  const std::string_view version = bmap.attribute("version").value();
  const auto dot = version.find('.');
  if (dot == std::string_view::npos) return bad("no version");
  FL_TRY(const auto major, number_of(version.substr(0, dot), "version"));
  FL_TRY(const auto minor, number_of(version.substr(dot + 1), "version"));
  if (major < 1 || major > 2) return bad(fmt::format("version {} is not known", version));
  if (major == 1 && minor < 3) return Dialect{};
  if (major == 1 && minor == 3) return Dialect{"sha1", "sha1", "BmapFileSHA1"};
  return Dialect{"", "chksum", "BmapFileChecksum"};
}

/// The map's checksum is over its own text with the checksum's digits as zeros.
Status check_own_checksum(const pugi::xml_node& bmap, const Dialect& dialect, const std::string& algorithm,
                          std::string_view text) {
  const auto node = bmap.child(dialect.file_checksum);
  if (!node) return bad(fmt::format("no <{}>", dialect.file_checksum));
  const std::string_view digits = trimmed(node.child_value());
  FL_TRY(const auto expected, bytes_of_hex(digits));
  std::string blanked{text};
  const auto at = blanked.find(digits);
  if (at == std::string::npos) return bad("its own checksum cannot be found in it");
  blanked.replace(at, digits.size(), digits.size(), '0');
  NamedDigest digest{algorithm};
  digest.update(std::as_bytes(std::span{blanked}));
  const auto found = digest.finish();
  if (found == expected) return {};
  return fail(errc::bmap_checksum, fmt::format("the block map says {}, it has {}", digits, to_hex(found)));
}

Result<BmapRange> parse_range(const pugi::xml_node& node, const Dialect& dialect) {
  const std::string_view text = node.child_value();
  const auto dash = text.find('-');
  BmapRange range;
  FL_TRY(range.first, number_of(text.substr(0, dash), "a range's first block"));
  range.last = range.first;
  if (dash != std::string_view::npos) {
    FL_TRY(range.last, number_of(text.substr(dash + 1), "a range's last block"));
  }
  if (const auto checksum = node.attribute(dialect.range_attribute); *dialect.range_attribute != '\0' && checksum) {
    FL_TRY(range.checksum, bytes_of_hex(checksum.value()));
  }
  return range;
}

/// Ranges in order, inside of the image, and as many blocks as the map says.
Status check_counts(const Bmap& map, std::uint64_t blocks, std::uint64_t mapped) {
  const std::uint64_t needed = (map.image_size.value + map.block_size - 1) / map.block_size;
  if (blocks != needed) {
    return bad(
        fmt::format("{} blocks of {} bytes for an image of {} bytes", blocks, map.block_size, map.image_size.value));
  }
  std::uint64_t next = 0;
  std::uint64_t sum = 0;
  for (const auto& range : map.ranges) {
    if (range.first < next || range.last < range.first || range.last >= blocks) {
      return bad(fmt::format("range {}-{} is out of order or outside of {} blocks", range.first, range.last, blocks));
    }
    next = range.last + 1;
    sum += next - range.first;
  }
  if (sum == mapped) return {};
  return bad(fmt::format("the ranges map {} blocks, the map says {}", sum, mapped));
}

}  // namespace

Extent Bmap::extent(const BmapRange& range) const {
  const std::uint64_t start = range.first * block_size;
  return {ByteOffset{start}, ByteCount{std::min((range.last + 1) * block_size, image_size.value) - start}};
}

std::vector<Extent> Bmap::extents() const {
  std::vector<Extent> joined;
  for (const auto& range : ranges) {
    const Extent next = extent(range);
    if (!joined.empty() && joined.back().at.value + joined.back().length.value == next.at.value) {
      joined.back().length.value += next.length.value;
    } else {
      joined.push_back(next);
    }
  }
  return joined;
}

bool looks_like_bmap(std::span<const std::byte> start) {
  const std::string_view text{reinterpret_cast<const char*>(start.data()), std::min<std::size_t>(start.size(), 4096)};
  return text.starts_with("<?xml") && text.find("<bmap") != std::string_view::npos;
}

Result<Bmap> parse_bmap(std::span<const std::byte> text) {
  if (text.size() > max_map) return bad(fmt::format("{} bytes are too many", text.size()));
  pugi::xml_document document;
  const auto parsed = document.load_buffer(text.data(), text.size());
  if (!parsed) return bad(fmt::format("offset {}: {}", parsed.offset, parsed.description()));
  const auto root = document.child("bmap");
  if (!root) return bad("no <bmap>");
  FL_TRY(const auto dialect, dialect_of(root));
  Bmap map;
  FL_TRY(map.image_size.value, number_in(root, "ImageSize"));
  FL_TRY(const auto block_size, number_in(root, "BlockSize"));
  FL_TRY(const auto blocks, number_in(root, "BlocksCount"));
  FL_TRY(const auto mapped, number_in(root, "MappedBlocksCount"));
  if (block_size == 0 || block_size % 512 != 0 || block_size > 64_MiB)
    return bad(fmt::format("blocks of {} bytes", block_size));
  if (map.image_size.value > max_image) return bad("an image of impossible size");
  map.block_size = static_cast<std::uint32_t>(block_size);
  map.algorithm = dialect.algorithm;
  if (*dialect.range_attribute != '\0') {
    if (map.algorithm.empty()) map.algorithm = trimmed(root.child_value("ChecksumType"));
    if (!NamedDigest{map.algorithm}.is_known())
      return bad(fmt::format("checksum type \"{}\" is not known", map.algorithm.substr(0, 40)));
    FL_CHECK(
        check_own_checksum(root, dialect, map.algorithm, {reinterpret_cast<const char*>(text.data()), text.size()}));
  }
  for (const auto& node : root.child("BlockMap").children("Range")) {
    FL_TRY(auto range, parse_range(node, dialect));
    map.ranges.push_back(std::move(range));
  }
  FL_CHECK(check_counts(map, blocks, mapped));
  return map;
}

Result<Bmap> read_bmap(const std::filesystem::path& path) {
  FL_TRY(const auto file, open_for_reading(path));
  FL_TRY(const auto text, read_start(file.get(), max_map + 1));
  auto map = parse_bmap(text);
  if (!map) return std::unexpected{in_context(path.string(), std::move(map).error())};
  return map;
}

}  // namespace flashline::imaging
