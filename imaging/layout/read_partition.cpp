#include "imaging/layout/detail/read_partition.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/layout.h"
#include "imaging/layout/detail/element_fields.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

/// Of a GPT entry: 72 bytes of UTF-16.
constexpr std::size_t max_name = 36;

constexpr std::array file_systems{FileSystemKind::fat, FileSystemKind::fat32, FileSystemKind::ntfs,
                                  FileSystemKind::ext4};

bool is_name_letter(char c) {
  return c >= ' ' && c <= '~' && std::string_view{"\\/:*?\"<>|"}.find(c) == std::string_view::npos;
}

Status read_name(LayoutPartition& partition, const ElementFields& fields) {
  FL_TRY(partition.name, fields.required("Name"));
  partition.where = fields.where("Name");
  if (partition.name.size() <= max_name && std::ranges::all_of(partition.name, is_name_letter)) return {};
  return fields.error(errc::layout_name, "Name",
                      fmt::format("the partition name '{}' of {} characters", partition.name, partition.name.size()));
}

/// Types that mean "nothing", "a chain of others" or "look elsewhere" are not for content.
bool is_reserved(std::uint8_t mbr_type) {
  return mbr_type == 0 || mbr_type == 0x05 || mbr_type == 0x0F || mbr_type == 0x85 || mbr_type == 0xEE;
}

std::optional<PartitionType> type_of(std::string_view text) {
  if (const auto guid = guid_of(text)) return *guid == Guid{} ? std::nullopt : std::optional<PartitionType>{*guid};
  if (!text.starts_with("0x") && !text.starts_with("0X")) return std::nullopt;
  text.remove_prefix(2);
  std::uint8_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (code != std::errc{} || end != text.data() + text.size() || is_reserved(value)) return std::nullopt;
  return value;
}

Status read_type(LayoutPartition& partition, const ElementFields& fields) {
  FL_TRY(const std::string text, fields.required("Type"));
  const auto type = type_of(text);
  if (!type) return fields.error(errc::layout_type, "Type", fmt::format("the type '{}'", text));
  partition.type = *type;
  const auto id = fields.text("Id");
  if (!id) return {};
  if (!std::holds_alternative<Guid>(partition.type)) {
    return fields.error(errc::layout_id, "Id", "an MBR has no place for an id");
  }
  partition.id = guid_of(*id);
  if (!partition.id || *partition.id == Guid{}) {
    return fields.error(errc::layout_guid, "Id", fmt::format("the id '{}'", *id));
  }
  return {};
}

Status read_size(LayoutPartition& partition, const ElementFields& fields) {
  FL_TRY(const auto total, fields.positive("TotalSectors"));
  FL_TRY(const auto free, fields.number("MinFreeSectors"));
  FL_TRY(const bool rest, fields.flag("UseAllSpace", false));
  if (int{total.has_value()} + int{free.has_value()} + int{rest} != 1) {
    const auto* const what = total || free || rest ? "more than one rule for its size" : "no rule for its size";
    return fields.error(errc::layout_size_rule, "Name", fmt::format("partition {}: {}", partition.name, what));
  }
  partition.sectors = total.value_or(free.value_or(0));
  if (free) partition.sizing = LayoutPartition::Sizing::content_and_free;
  if (rest) partition.sizing = LayoutPartition::Sizing::rest;
  return {};
}

Status read_place(LayoutPartition& partition, const ElementFields& fields, const PartitionDefaults& defaults) {
  FL_TRY(partition.offset, fields.number("OffsetInSectors"));
  FL_TRY(const auto alignment, fields.number("ByteAlignment"));
  FL_TRY(const bool single, fields.flag("SingleSectorAlignment", false));
  partition.alignment = single ? defaults.sector_size : alignment.value_or(defaults.alignment);
  return check_alignment(fields, "ByteAlignment", partition.alignment, defaults.sector_size);
}

/// Cluster sizes, or ext4 block sizes, that all drivers of that file system take.
bool is_legal_cluster(FileSystemKind kind, std::uint64_t bytes, std::uint32_t sector_size) {
  if (!std::has_single_bit(bytes) || bytes < sector_size) return false;
  if (kind == FileSystemKind::ext4) return bytes >= 1024 && bytes <= 4096;
  return bytes <= 65536;
}

Status read_file_system(LayoutPartition& partition, const ElementFields& fields, std::uint32_t sector_size) {
  if (const auto text = fields.text("FileSystem"); text && !text->empty()) {
    const auto* const found =
        std::ranges::find_if(file_systems, [&](FileSystemKind kind) { return same_word(name_of(kind), *text); });
    if (found == file_systems.end()) {
      return fields.error(errc::layout_file_system, "FileSystem", fmt::format("the file system '{}'", *text));
    }
    partition.file_system = *found;
  }
  FL_TRY(const auto cluster, fields.number("ClusterSize"));
  if (!cluster) return {};
  if (partition.file_system == FileSystemKind::none) {
    return fields.error(errc::layout_cluster, "ClusterSize", "a cluster size without a file system");
  }
  if (!is_legal_cluster(partition.file_system, *cluster, sector_size)) {
    return fields.error(errc::layout_cluster, "ClusterSize",
                        fmt::format("{} with clusters of {} bytes on sectors of {}", name_of(partition.file_system),
                                    *cluster, sector_size));
  }
  partition.cluster_size = static_cast<std::uint32_t>(*cluster);
  return {};
}

Status read_flags(LayoutPartition& partition, const ElementFields& fields) {
  FL_TRY(partition.bootable, fields.flag("Bootable", false));
  FL_TRY(partition.required_to_flash, fields.flag("RequiredToFlash", false));
  FL_TRY(partition.attach_drive_letter, fields.flag("AttachDriveLetter", true));
  FL_TRY(partition.read_only, fields.flag("ReadOnly", false));
  FL_TRY(partition.hidden, fields.flag("Hidden", false));
  FL_TRY(partition.compressed, fields.flag("Compressed", false));
  FL_TRY(partition.prepare_fve_metadata, fields.flag("PrepareFveMetadata", false));
  partition.primary_partition = fields.text("PrimaryPartition").value_or(partition.name);
  const std::string update = fields.text("UpdateType").value_or("Normal");
  partition.critical_update = same_word(update, "Critical");
  if (partition.critical_update || same_word(update, "Normal")) return {};
  return fields.error(errc::layout_update_type, "UpdateType", fmt::format("the update type '{}'", update));
}

}  // namespace

Status check_alignment(const ElementFields& fields, std::string_view name, std::uint64_t bytes,
                       std::uint32_t sector_size) {
  if (std::has_single_bit(bytes) && bytes >= sector_size) return {};
  return fields.error(errc::layout_alignment, name,
                      fmt::format("an alignment of {} bytes on sectors of {}", bytes, sector_size));
}

Result<LayoutPartition> read_partition(const XmlDocument& document, const XmlElement& element,
                                       const PartitionDefaults& defaults) {
  const ElementFields fields{document, element};
  FL_CHECK(fields.only({"Name",
                        "Id",
                        "Type",
                        "FileSystem",
                        "TotalSectors",
                        "MinFreeSectors",
                        "UseAllSpace",
                        "OffsetInSectors",
                        "ByteAlignment",
                        "ClusterSize",
                        "Bootable",
                        "RequiredToFlash",
                        "AttachDriveLetter",
                        "ReadOnly",
                        "Hidden",
                        "Compressed",
                        "PrimaryPartition",
                        "UpdateType",
                        "SingleSectorAlignment",
                        "PrepareFveMetadata"}));
  LayoutPartition partition;
  FL_CHECK(read_name(partition, fields));
  FL_CHECK(read_type(partition, fields));
  FL_CHECK(read_size(partition, fields));
  FL_CHECK(read_place(partition, fields, defaults));
  FL_CHECK(read_file_system(partition, fields, defaults.sector_size));
  FL_CHECK(read_flags(partition, fields));
  return partition;
}

}  // namespace flashline::imaging
