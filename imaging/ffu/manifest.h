#pragma once
// The manifest of a full flash update image: a description for people and checks; the write descriptors alone decide
// what is written.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// A [Partition] section. Sizes in sectors unless named otherwise.
struct ManifestPartition {
  std::string name;
  std::string type;  ///< GPT type GUID in braces, or MBR type
  std::string id;
  bool primary = false;
  std::optional<std::uint64_t> total_sectors;
  std::optional<std::uint64_t> used_sectors;
  bool use_all_space = false;
  std::string file_system;
  std::optional<std::uint64_t> byte_alignment;
  std::optional<std::uint64_t> cluster_size;  ///< bytes
  std::optional<std::uint64_t> sector_alignment;
  bool bootable = false;
  bool read_only = false;
  bool hidden = false;
  bool attach_drive_letter = false;
  bool required_to_flash = false;  ///< belongs to the flash-only table
  bool operator==(const ManifestPartition&) const = default;
};

/// A [Store] section and the partitions after it.
struct ManifestStore {
  std::uint32_t sector_size = 512;                ///< 512 or 4096
  std::optional<std::uint64_t> min_sector_count;  ///< smallest target
  std::string store_id;
  bool is_main_os_store = true;
  std::string device_path;  ///< V2 only
  bool only_allocate_defined_gpt_entries = false;
  std::string store_type;
  std::vector<ManifestPartition> partitions;
  bool operator==(const ManifestStore&) const = default;
};

struct Manifest {
  std::string description;  ///< lines are separated by LF
  std::vector<std::string> platform_ids;
  std::string os_version;
  std::string anti_theft_version;
  std::string can_flash_to_removable_media;
  std::string rules_version;
  std::string rules_data;
  std::string state_separation_level;
  std::string uefi;
  std::vector<ManifestStore> stores;
  bool operator==(const Manifest&) const = default;
};

/// A line of the description of images that hold Test packages or stand-ins. It is part of what the signature covers.
inline constexpr std::string_view test_release_mark = "Flashline: test release";
/// The image says so of itself; whoever signed it.
bool is_test_release(const Manifest& manifest);

/// Reads the manifest. Unknown sections and keys are ignored, as Microsoft's reader does; ffu-format.md section 3.
/// Errors: ffu_manifest, with the line.
Result<Manifest> parse_manifest(std::string_view text);

/// The text of `manifest`, CRLF lines. What parse_manifest() gives back equals `manifest`, if its texts are printable
/// ASCII without line breaks; a description's further lines must not look like "key = value" or "[section]".
std::string build_manifest(const Manifest& manifest);

}  // namespace flashline::imaging
