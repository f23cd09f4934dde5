#include "imaging/layout/device_layout.h"

#include <algorithm>
#include <bit>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/layout.h"
#include "imaging/layout/detail/element_fields.h"
#include "imaging/layout/detail/read_partition.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view version_1 = "http://schemas.microsoft.com/embedded/2004/10/ImageUpdate";
constexpr std::string_view version_2 = "http://schemas.microsoft.com/embedded/2004/10/ImageUpdate/v2";
constexpr std::size_t max_partitions = 128;
/// The FFU's store header has a 16-bit length, known flashers keep 255 characters.
constexpr std::size_t max_device_path = 255;
constexpr std::uint64_t max_chunk_kib = 1024UL * 1024;

Status read_sizes(DeviceLayout& layout, PartitionDefaults& defaults, const ElementFields& fields) {
  FL_CHECK(fields.required("SectorSize"));
  FL_TRY(const auto sector, fields.number("SectorSize"));
  if (sector != 512 && sector != 4096) {
    return fields.error(errc::layout_sector_size, "SectorSize", fmt::format("sectors of {} bytes", sector.value_or(0)));
  }
  layout.sector_size = static_cast<std::uint32_t>(*sector);
  defaults.sector_size = layout.sector_size;
  FL_TRY(const auto chunk, fields.number("ChunkSize"));
  if (chunk && (!std::has_single_bit(*chunk) || *chunk > max_chunk_kib)) {
    return fields.error(errc::layout_number, "ChunkSize", fmt::format("chunks of {} KiB: no power of two", *chunk));
  }
  if (chunk) layout.chunk_size = static_cast<std::uint32_t>(*chunk * 1024);
  FL_TRY(const auto alignment, fields.number("DefaultPartitionByteAlignment"));
  defaults.alignment = alignment.value_or(defaults.alignment);
  return check_alignment(fields, "DefaultPartitionByteAlignment", defaults.alignment, layout.sector_size);
}

Status check_style(const LayoutStore& store, const LayoutPartition& partition, const ElementFields& fields) {
  const auto style = std::holds_alternative<Guid>(partition.type) ? TableStyle::gpt : TableStyle::mbr;
  if (style == store.style) return {};
  return fields.error(errc::layout_style, "Type",
                      fmt::format("partition {} has the type of a {}, {} that of a {}", partition.name, name_of(style),
                                  store.partitions.front().name, name_of(store.style)));
}

Status read_partitions(LayoutStore& store, const XmlDocument& document, const XmlElement& list,
                       const PartitionDefaults& defaults) {
  FL_CHECK(check_known(document, list, {}, {"Partition"}));
  for (const XmlElement& element : list.children) {
    if (store.partitions.size() == max_partitions) {
      return document.error(errc::layout_too_many, element.offset,
                            fmt::format("more than {} partitions", max_partitions));
    }
    if (!store.partitions.empty() && store.partitions.back().sizing == LayoutPartition::Sizing::rest) {
      return document.error(errc::layout_use_all_space, element.offset,
                            fmt::format("a partition behind {}, which uses all space", store.partitions.back().name));
    }
    FL_TRY(auto partition, read_partition(document, element, defaults));
    const bool gpt = std::holds_alternative<Guid>(partition.type);
    if (store.partitions.empty()) store.style = gpt ? TableStyle::gpt : TableStyle::mbr;
    FL_CHECK(check_style(store, partition, ElementFields{document, element}));
    store.partitions.push_back(std::move(partition));
  }
  if (!store.partitions.empty()) return {};
  return document.error(errc::xml_missing, list.offset, "a store without a partition");
}

Status read_device_path(LayoutStore& store, const ElementFields& fields) {
  store.device_path = fields.text("DevicePath").value_or("");
  const bool printable = std::ranges::all_of(store.device_path, [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && store.device_path.size() <= max_device_path) return {};
  return fields.error(errc::layout_store, "DevicePath",
                      fmt::format("a device path of at most {} printable ASCII characters is due", max_device_path));
}

Result<LayoutStore> read_store(const XmlDocument& document, const XmlElement& element,
                               const PartitionDefaults& defaults) {
  const ElementFields fields{document, element};
  if (const auto* const pools = find_child(element, "StoragePools"); pools != nullptr) {
    return document.error(errc::layout_storage_pool, pools->offset, "storage pools");
  }
  FL_CHECK(
      fields.only({"Id", "StoreType", "DevicePath", "OnlyAllocateDefinedGptEntries", "SizeInSectors", "Partitions"}));
  LayoutStore store;
  store.type = fields.text("StoreType").value_or("");
  store.where = document.where(element.offset);
  if (const auto id = fields.text("Id"); id && !id->empty()) {
    store.id = guid_of(*id);
    if (!store.id) return fields.error(errc::layout_guid, "Id", fmt::format("the id '{}'", *id));
  }
  FL_CHECK(read_device_path(store, fields));
  FL_TRY(store.only_defined_entries, fields.flag("OnlyAllocateDefinedGptEntries", false));
  FL_TRY(store.sectors, fields.positive("SizeInSectors"));
  const XmlElement* const list = find_child(element, "Partitions");
  if (list == nullptr) return document.error(errc::xml_missing, element.offset, "a store without <Partitions>");
  FL_CHECK(read_partitions(store, document, *list, defaults));
  return store;
}

/// Stores after the first need to say where they are and how large: the platform only tells of one disk.
Status check_further_store(const DeviceLayout& layout, const LayoutStore& store, const ElementFields& fields) {
  if (layout.stores.empty()) return {};
  if (!store.sectors) return fields.error(errc::layout_store, "SizeInSectors", "a further store without SizeInSectors");
  if (store.device_path.empty()) {
    return fields.error(errc::layout_store, "DevicePath", "a further store without DevicePath");
  }
  for (const LayoutStore& other : layout.stores) {
    if (!same_word(other.device_path, store.device_path)) continue;
    return fields.error(errc::layout_store, "DevicePath", fmt::format("two stores at {}", store.device_path));
  }
  return {};
}

Status read_stores(DeviceLayout& layout, const XmlDocument& document, const PartitionDefaults& defaults) {
  const XmlElement& root = document.root;
  if (const auto* const pools = find_child(root, "StoragePools"); pools != nullptr) {
    return document.error(errc::layout_storage_pool, pools->offset, "storage pools");
  }
  const XmlElement* const stores = find_child(root, "Stores");
  const XmlElement* const list = find_child(root, "Partitions");
  if (stores != nullptr && list != nullptr) {
    return document.error(errc::layout_store, list->offset, "<Partitions> beside <Stores>");
  }
  if (stores != nullptr) {
    FL_CHECK(check_known(document, *stores, {}, {"Store"}));
    for (const XmlElement& element : stores->children) {
      FL_TRY(auto store, read_store(document, element, defaults));
      FL_CHECK(check_further_store(layout, store, ElementFields{document, element}));
      layout.stores.push_back(std::move(store));
    }
    if (!layout.stores.empty()) return {};
    return document.error(errc::xml_missing, stores->offset, "<Stores> without a <Store>");
  }
  if (list == nullptr) return document.error(errc::xml_missing, root.offset, "neither <Partitions> nor <Stores>");
  LayoutStore only;
  only.where = document.where(root.offset);
  FL_CHECK(read_partitions(only, document, *list, defaults));
  layout.stores.push_back(std::move(only));
  return {};
}

/// Names and ids over all stores. The places are those of the partitions' names.
Status check_unique(const DeviceLayout& layout) {
  std::set<std::string> names;
  std::set<Guid> ids;
  for (const LayoutStore& store : layout.stores) {
    for (const LayoutPartition& partition : store.partitions) {
      const bool main_os = same_word(partition.name, "MainOS");
      if (!names.insert(folded(partition.name)).second) {
        return fail(main_os ? errc::layout_main_os : errc::layout_name_twice,
                    fmt::format("{}: a second partition '{}'", partition.where, partition.name));
      }
      if (main_os && &store != &layout.stores.front()) {
        return fail(errc::layout_main_os, fmt::format("{}: MainOS in a further store", partition.where));
      }
      if (partition.id && !ids.insert(*partition.id).second) {
        return fail(errc::layout_id, fmt::format("{}: partition {} has the id {} of another one", partition.where,
                                                 partition.name, to_text(*partition.id)));
      }
    }
  }
  if (names.contains("mainos")) return {};
  return fail(errc::layout_main_os, fmt::format("{}: no partition MainOS", layout.stores.front().where));
}

Result<DeviceLayout> to_layout(const XmlDocument& document) {
  FL_CHECK(check_root(document, "DeviceLayout", {version_1, version_2}));
  DeviceLayout layout{.file = document.file, .version_tag = {}, .stores = {}};
  PartitionDefaults defaults;
  const ElementFields fields{document, document.root};
  FL_CHECK(read_sizes(layout, defaults, fields));
  FL_CHECK(read_stores(layout, document, defaults));
  FL_CHECK(
      fields.only({"VersionTag", "SectorSize", "ChunkSize", "DefaultPartitionByteAlignment", "Partitions", "Stores"}));
  layout.version_tag = fields.text("VersionTag").value_or("");
  FL_CHECK(check_unique(layout));
  return layout;
}

}  // namespace

std::string_view name_of(TableStyle style) { return style == TableStyle::gpt ? "GPT" : "MBR"; }

std::string_view name_of(FileSystemKind kind) {
  switch (kind) {
    case FileSystemKind::none:
      return "";
    case FileSystemKind::fat:
      return "FAT";
    case FileSystemKind::fat32:
      return "FAT32";
    case FileSystemKind::ntfs:
      return "NTFS";
    case FileSystemKind::ext4:
      return "Ext4";
  }
  return "";
}

std::string to_text(const PartitionType& type) {
  if (const auto* const guid = std::get_if<Guid>(&type)) return "{" + to_text(*guid) + "}";
  return fmt::format("0x{:02X}", std::get<std::uint8_t>(type));
}

Result<DeviceLayout> read_device_layout(const std::filesystem::path& path) {
  FL_TRY(const XmlDocument document, read_input_xml(path));
  return to_layout(document);
}

Result<DeviceLayout> parse_device_layout(std::span<const std::byte> bytes, std::string file) {
  FL_TRY(const XmlDocument document, parse_input_xml(bytes, std::move(file)));
  return to_layout(document);
}

}  // namespace flashline::imaging
