#pragma once
// Cabinets by hand, as no sane tool writes them; and packages as text.

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/package/cab_structure.h"
#include "imaging/package/package.h"

namespace flashline::fakes {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(std::string_view text) {
  const auto span = std::as_bytes(std::span{text});
  return {span.begin(), span.end()};
}

inline Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return bytes_of(std::string{std::istreambuf_iterator<char>{in}, {}});
}

inline void write_bytes(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream{path, std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                              static_cast<std::streamsize>(bytes.size()));
}

struct CabMember {
  std::string name;
  std::string content;
};

/// What LZX makes of bytes that it does not pack: one uncompressed block. Source: [MS-PATCH] LZX, as cabinets use it.
inline Bytes lzx_block(std::string_view content) {
  // One bit: no translation; three: an uncompressed block; 24: its size; then up to 16 bits' border.
  const std::uint32_t front = 3U << 28U | static_cast<std::uint32_t>(content.size()) << 4U;
  Bytes block;
  for (const std::uint32_t word : {front >> 16U, front & 0xFFFFU}) {
    block.push_back(static_cast<std::byte>(word & 0xFFU));
    block.push_back(static_cast<std::byte>(word >> 8U));
  }
  for (int recent = 0; recent < 3; ++recent)
    block.insert(block.end(), {std::byte{1}, std::byte{0}, std::byte{0}, std::byte{0}});
  const Bytes plain = bytes_of(content);
  block.insert(block.end(), plain.begin(), plain.end());
  if (content.size() % 2 != 0) block.push_back(std::byte{0});
  return block;
}

/// What a row of a test may change before the tables are written.
struct CabForm {
  std::uint16_t packing = imaging::cab::stored;  ///< stored, or LZX with its window: 0x0F03
  std::uint16_t date = 0x5C21, time = 0;         ///< 2026-01-01
};

/// One folder, one block: all members together are at most 32 KiB.
inline Bytes make_cab(const std::vector<CabMember>& members, const CabForm& form = {}) {
  namespace cab = imaging::cab;
  cab::Structure structure;
  std::string content;
  for (const CabMember& member : members) {
    const bool ascii = std::ranges::all_of(member.name, [](char c) { return (c & 0x80) == 0; });
    structure.entries.push_back({.name = member.name,
                                 .size = static_cast<std::uint32_t>(member.content.size()),
                                 .offset = static_cast<std::uint32_t>(content.size()),
                                 .date = form.date,
                                 .time = form.time,
                                 .attributes = static_cast<std::uint16_t>(0x20 | (ascii ? 0 : cab::name_is_utf8))});
    content += member.content;
  }
  const Bytes packed = form.packing == cab::stored ? bytes_of(content) : lzx_block(content);
  structure.folders.push_back({.blocks = 1, .packing = form.packing});
  const std::size_t at = cab::header_size(structure);
  structure.folders.front().first_block = static_cast<std::uint32_t>(at);
  structure.size = static_cast<std::uint32_t>(at + 8 + packed.size());
  Bytes file = cab::header_of(structure);
  const std::uint32_t sum = cab::block_checksum(packed, static_cast<std::uint16_t>(content.size()));
  const auto put = [&](std::uint32_t value, int width) {
    for (int i = 0; i < width; ++i) file.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFFU));
  };
  put(sum, 4);
  put(static_cast<std::uint32_t>(packed.size()), 2);
  put(static_cast<std::uint32_t>(content.size()), 2);
  file.insert(file.end(), packed.begin(), packed.end());
  return file;
}

inline imaging::PackageFile memory_file(std::string device_path, std::string_view content) {
  imaging::PackageFile file;
  file.device_path = std::move(device_path);
  file.source = bytes_of(content);
  file.size = content.size();
  file.digest = sha256(bytes_of(content));
  return file;
}

inline imaging::PackageFile disk_file(std::string device_path, const std::filesystem::path& path) {
  const Bytes content = read_bytes(path);
  imaging::PackageFile file;
  file.device_path = std::move(device_path);
  file.source = path;
  file.size = content.size();
  file.digest = sha256(content);
  return file;
}

inline std::string describe(const imaging::PackageFile& file) {
  return fmt::format("{} attributes={:x} size={} sha256={}\n", file.device_path, file.attributes, file.size,
                     to_hex(file.digest).substr(0, 16));
}

/// Everything that a package says, but for where its bytes are.
inline std::string describe(const imaging::Package& package) {
  const imaging::PackageIdentity& id = package.identity;
  std::string text =
      fmt::format("{} {} {}/{}/{} {} {} {} culture='{}' resolution='{}' on {}\n", id.name, to_text(id.version),
                  id.owner, id.component, id.sub_component, name_of(id.cpu), name_of(id.owner_type),
                  name_of(id.release_type), id.culture, id.resolution, id.partition);
  for (const auto& file : package.files) text += "file " + describe(file);
  for (const auto& folder : package.directories)
    text += fmt::format("folder {} {:x}\n", folder.device_path, folder.attributes);
  for (const auto& key : package.registry) {
    text += fmt::format("key {}\n", key.path);
    for (const auto& value : key.values) {
      text += fmt::format("  '{}' {} {}\n", value.name, static_cast<unsigned>(value.type), to_hex(value.data));
    }
  }
  if (package.raw_image) text += "raw " + describe(*package.raw_image);
  if (package.bcd) text += "bcd " + describe(*package.bcd);
  for (const auto& member : package.members) text += fmt::format("member {}\n", member);
  return text;
}

}  // namespace flashline::fakes
