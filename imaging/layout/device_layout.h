#pragma once
// DeviceLayout.xml, versions 1 and 2: which partitions the stores of a board are cut into. Source: imaging.md section
// 10, from Microsoft's published schema and real files.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/source/gpt.h"

namespace flashline::imaging {

enum class TableStyle : std::uint8_t { mbr, gpt };
/// "MBR", "GPT".
std::string_view name_of(TableStyle style);

/// What a partition is formatted as; `ext4` is this program's extension. `none`: raw bytes.
enum class FileSystemKind : std::uint8_t { none, fat, fat32, ntfs, ext4 };
/// "", "FAT", "FAT32", "NTFS", "Ext4".
std::string_view name_of(FileSystemKind kind);

/// Of a GPT a GUID, of an MBR a byte.
using PartitionType = std::variant<Guid, std::uint8_t>;
/// "{C12A7328-F81F-11D2-BA4B-00A0C93EC93B}" or "0x0C".
std::string to_text(const PartitionType& type);

/// What of a partition does not depend on where it lies.
struct PartitionTraits {
  std::string name;  ///< printable ASCII, at most 36 characters, unique in the layout without case
  PartitionType type;
  FileSystemKind file_system = FileSystemKind::none;
  std::uint32_t cluster_size = 0;  ///< bytes; 0: the format's default
  bool bootable = false;           ///< MBR: the active flag
  bool required_to_flash = false;
  bool attach_drive_letter = true;
  bool read_only = false;
  bool hidden = false;
  bool compressed = false;
  bool critical_update = false;  ///< UpdateType
  bool prepare_fve_metadata = false;
  std::string primary_partition;  ///< another partition's name, for copies; else its own
  std::string where;              ///< "file:line:column", for messages
};

struct LayoutPartition : PartitionTraits {
  /// How its length comes about: `sectors` as given; content and so many free ones; what is left of the store.
  enum class Sizing : std::uint8_t { total, content_and_free, rest };
  Sizing sizing = Sizing::total;
  std::uint64_t sectors = 0;
  std::optional<std::uint64_t> offset;  ///< fixed first sector
  std::uint64_t alignment = 0;          ///< bytes, a power of two and whole sectors
  std::optional<Guid> id;               ///< GPT only
};

struct LayoutStore {
  std::optional<Guid> id;
  std::string type;                      ///< StoreType, as written
  std::string device_path;               ///< empty: the board's default store
  bool only_defined_entries = false;     ///< the GPT's array has no room for further partitions
  std::optional<std::uint64_t> sectors;  ///< SizeInSectors; else the platform decides
  TableStyle style = TableStyle::mbr;
  std::vector<LayoutPartition> partitions;  ///< at least one
  std::string where;
};

struct DeviceLayout {
  std::string file;  ///< as the user named it
  std::string version_tag;
  std::uint32_t sector_size = 512;        ///< bytes, 512 or 4096
  std::uint32_t chunk_size = 256 * 1024;  ///< bytes
  std::vector<LayoutStore> stores;        ///< version 1 has one; the first holds MainOS
};

/// No size in such a file may be larger, in sectors or bytes, so that sums of them never overflow.
inline constexpr std::uint64_t max_layout_number = std::uint64_t{1} << 44U;

/// Reads and checks all that can be judged without sizes of content. Errors: FL-LAY codes and those of
/// read_input_xml and check_known, with file, line and column.
Result<DeviceLayout> read_device_layout(const std::filesystem::path& path);
/// The same from bytes; `file` is how messages call them.
Result<DeviceLayout> parse_device_layout(std::span<const std::byte> bytes, std::string file);

}  // namespace flashline::imaging
