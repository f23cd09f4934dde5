#include <algorithm>
#include <string>
#include <utility>

#include "imaging/ffu/manifest.h"

namespace flashline::imaging {
namespace {

/// One section: keys padded to the longest, a blank line after it.
class Section {
 public:
  explicit Section(std::string_view name) : name_{name} {}

  void text(std::string key, const std::string& value) {
    if (!value.empty()) lines_.emplace_back(std::move(key), value);
  }
  void number(std::string key, const std::optional<std::uint64_t>& value) {
    if (value) lines_.emplace_back(std::move(key), std::to_string(*value));
  }
  void flag(std::string key, bool value) { lines_.emplace_back(std::move(key), value ? "True" : "False"); }
  void flag_if_set(std::string key, bool value) {
    if (value) flag(std::move(key), value);
  }

  void append_to(std::string& out) const {
    std::size_t width = 0;
    for (const auto& [key, value] : lines_) width = std::max(width, key.size());
    out.append("[").append(name_).append("]\r\n");
    for (const auto& [key, value] : lines_) {
      out.append(key).append(width - key.size(), ' ').append(" = ").append(value).append("\r\n");
    }
    out.append("\r\n");
  }

 private:
  std::string_view name_;
  std::vector<std::pair<std::string, std::string>> lines_;
};

std::string with_crlf(const std::string& text) {
  std::string out;
  for (const char c : text) out.append(c == '\n' ? "\r\n" : std::string(1, c));
  return out;
}

Section full_flash(const Manifest& manifest) {
  Section section{"FullFlash"};
  section.text("Version", "2.0");
  section.text("Description", with_crlf(manifest.description));
  for (std::size_t i = 0; i < manifest.platform_ids.size(); ++i) {
    section.text("DevicePlatformId" + std::to_string(i), manifest.platform_ids[i]);
  }
  section.text("OSVersion", manifest.os_version);
  section.text("AntiTheftVersion", manifest.anti_theft_version);
  section.text("CanFlashToRemovableMedia", manifest.can_flash_to_removable_media);
  section.text("RulesVersion", manifest.rules_version);
  section.text("RulesData", manifest.rules_data);
  section.text("StateSeparationLevel", manifest.state_separation_level);
  section.text("UEFI", manifest.uefi);
  return section;
}

Section store_section(const ManifestStore& store) {
  Section section{"Store"};
  section.number("SectorSize", store.sector_size);
  section.number("MinSectorCount", store.min_sector_count);
  section.text("StoreId", store.store_id);
  section.flag("IsMainOSStore", store.is_main_os_store);
  section.text("DevicePath", store.device_path);
  section.flag("OnlyAllocateDefinedGptEntries", store.only_allocate_defined_gpt_entries);
  section.text("StoreType", store.store_type);
  return section;
}

Section partition_section(const ManifestPartition& partition) {
  Section section{"Partition"};
  section.text("Name", partition.name);
  section.text("Type", partition.type);
  section.text("Id", partition.id);
  section.flag_if_set("Primary", partition.primary);
  section.text("FileSystem", partition.file_system);
  section.number("TotalSectors", partition.total_sectors);
  section.number("UsedSectors", partition.used_sectors);
  section.flag_if_set("UseAllSpace", partition.use_all_space);
  section.number("ByteAlignment", partition.byte_alignment);
  section.number("ClusterSize", partition.cluster_size);
  section.number("SectorAlignment", partition.sector_alignment);
  section.flag_if_set("Bootable", partition.bootable);
  section.flag_if_set("ReadOnly", partition.read_only);
  section.flag_if_set("Hidden", partition.hidden);
  section.flag_if_set("AttachDriveLetter", partition.attach_drive_letter);
  section.flag_if_set("RequiredToFlash", partition.required_to_flash);
  return section;
}

}  // namespace

std::string build_manifest(const Manifest& manifest) {
  std::string out;
  full_flash(manifest).append_to(out);
  for (const auto& store : manifest.stores) {
    store_section(store).append_to(out);
    for (const auto& partition : store.partitions) partition_section(partition).append_to(out);
  }
  return out;
}

}  // namespace flashline::imaging
