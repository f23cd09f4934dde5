#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <set>
#include <string>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/manifest.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view blanks = " \t";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_manifest_text(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return (c >= ' ' && c <= '~') || c == '\t' || c == '\r' || c == '\n'; });
}

struct KeyValue {
  std::string_view key;
  std::string_view value;
};

/// "Key = Value": the key has no blanks and no '='.
std::optional<KeyValue> key_value(std::string_view line) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const auto key = trimmed(line.substr(0, equals));
  if (key.empty() || key.find_first_of(blanks) != std::string_view::npos) return std::nullopt;
  return KeyValue{key, trimmed(line.substr(equals + 1))};
}

/// "[Name]" alone on its line.
std::optional<std::string_view> section_name(std::string_view line) {
  const auto text = trimmed(line);
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  return text.substr(1, text.size() - 2);
}

bool set_flag(bool& flag, std::string_view value) {
  constexpr std::array yes{"True", "true", "TRUE"};
  constexpr std::array no{"False", "false", "FALSE"};
  flag = std::ranges::find(yes, value) != yes.end();
  return flag || std::ranges::find(no, value) != no.end();
}

template <class T>
std::optional<T> number(std::string_view value) {
  T out{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  return out;
}

bool set_number(std::optional<std::uint64_t>& field, std::string_view value) {
  field = number<std::uint64_t>(value);
  return field.has_value();
}

bool set_power_of_two(std::optional<std::uint64_t>& field, std::string_view value) {
  return set_number(field, value) && std::has_single_bit(*field);
}

bool set_text(std::string& field, std::string_view value) {
  field = value;
  return true;
}

/// Each returns false when the value is out of its range. Unknown keys are taken without a look.
bool set(Manifest& manifest, std::string_view key, std::string_view value) {
  if (key == "Version") return value == "2.0";
  if (key == "Description") return set_text(manifest.description, value);
  if (key.starts_with("DevicePlatformId")) {
    manifest.platform_ids.emplace_back(value);
    return true;
  }
  if (key == "OSVersion") return set_text(manifest.os_version, value);
  if (key == "AntiTheftVersion") return set_text(manifest.anti_theft_version, value);
  if (key == "CanFlashToRemovableMedia") return set_text(manifest.can_flash_to_removable_media, value);
  if (key == "RulesVersion") return set_text(manifest.rules_version, value);
  if (key == "RulesData") return set_text(manifest.rules_data, value);
  if (key == "StateSeparationLevel") return set_text(manifest.state_separation_level, value);
  if (key == "UEFI") return set_text(manifest.uefi, value);
  return true;
}

bool set_sector_size(ManifestStore& store, std::string_view value) {
  const auto size = number<std::uint32_t>(value);
  if (size != 512U && size != 4096U) return false;
  store.sector_size = *size;
  return true;
}

bool set(ManifestStore& store, std::string_view key, std::string_view value) {
  if (key == "SectorSize") return set_sector_size(store, value);
  if (key == "MinSectorCount") return set_number(store.min_sector_count, value);
  if (key == "StoreId") return set_text(store.store_id, value);
  if (key == "IsMainOSStore") return set_flag(store.is_main_os_store, value);
  if (key == "DevicePath") return set_text(store.device_path, value);
  if (key == "OnlyAllocateDefinedGptEntries") return set_flag(store.only_allocate_defined_gpt_entries, value);
  if (key == "StoreType") return set_text(store.store_type, value);
  return true;
}

bool set(ManifestPartition& partition, std::string_view key, std::string_view value) {
  if (key == "Name") return set_text(partition.name, value);
  if (key == "Type") return set_text(partition.type, value);
  if (key == "Id") return set_text(partition.id, value);
  if (key == "Primary") return set_flag(partition.primary, value);
  if (key == "TotalSectors") return set_number(partition.total_sectors, value);
  if (key == "UsedSectors") return set_number(partition.used_sectors, value);
  if (key == "UseAllSpace") return set_flag(partition.use_all_space, value);
  if (key == "FileSystem") return set_text(partition.file_system, value);
  if (key == "ByteAlignment") return set_power_of_two(partition.byte_alignment, value);
  if (key == "ClusterSize") return set_power_of_two(partition.cluster_size, value);
  if (key == "SectorAlignment") return set_power_of_two(partition.sector_alignment, value);
  if (key == "Bootable") return set_flag(partition.bootable, value);
  if (key == "ReadOnly") return set_flag(partition.read_only, value);
  if (key == "Hidden") return set_flag(partition.hidden, value);
  if (key == "AttachDriveLetter") return set_flag(partition.attach_drive_letter, value);
  if (key == "RequiredToFlash") return set_flag(partition.required_to_flash, value);
  return true;
}

class ManifestParser {
 public:
  Result<Manifest> parse(std::string_view text);

 private:
  enum class Section { none, full_flash, store, partition, other };

  Status line(std::string_view text);
  Status begin_section(std::string_view name);
  Status end_section();
  Status assign(const KeyValue& pair);
  void continue_description(std::string_view text);
  std::unexpected<Error> wrong(const std::string& what) const {
    return fail(errc::ffu_manifest, "manifest line " + std::to_string(line_) + ": " + what);
  }
  bool saw(std::string_view key) const { return keys_.contains(key); }

  Manifest manifest_;
  Section section_ = Section::none;
  std::set<std::string_view> keys_;      // of the section at hand
  std::set<std::string_view> sections_;  // those that must not repeat
  bool in_description_ = false;
  std::size_t line_ = 0;
};

Result<Manifest> ManifestParser::parse(std::string_view text) {
  if (!is_manifest_text(text)) return fail(errc::ffu_manifest, "the manifest is not plain ASCII text");
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto one = text.substr(0, end);
    if (one.ends_with('\r')) one.remove_suffix(1);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_;
    FL_CHECK(line(one));
  }
  FL_CHECK(end_section());
  if (!sections_.contains("FullFlash")) return wrong("there is no [FullFlash] section");
  while (manifest_.description.ends_with('\n')) manifest_.description.pop_back();
  return std::move(manifest_);
}

Status ManifestParser::line(std::string_view text) {
  if (const auto name = section_name(text)) {
    FL_CHECK(end_section());
    return begin_section(*name);
  }
  if (const auto pair = key_value(text)) return assign(*pair);
  continue_description(text);
  return {};
}

Status ManifestParser::begin_section(std::string_view name) {
  keys_.clear();
  in_description_ = false;
  if (name == "Store") {
    section_ = Section::store;
    manifest_.stores.emplace_back();
    return {};
  }
  if (name == "Partition") {
    if (manifest_.stores.empty()) return wrong("a [Partition] before any [Store]");
    section_ = Section::partition;
    manifest_.stores.back().partitions.emplace_back();
    return {};
  }
  if (!sections_.insert(name).second) return wrong("a second section [" + std::string{name} + "]");
  section_ = name == "FullFlash" ? Section::full_flash : Section::other;
  return {};
}

Status ManifestParser::end_section() {
  if (section_ == Section::full_flash && !saw("Version")) return wrong("[FullFlash] without Version");
  if (section_ != Section::store) return {};
  if (!saw("SectorSize")) return wrong("[Store] without SectorSize");
  const auto& store = manifest_.stores.back();
  if (store.min_sector_count.value_or(0) > UINT64_MAX / 2 / store.sector_size)
    return wrong("MinSectorCount is too large");
  return {};
}

Status ManifestParser::assign(const KeyValue& pair) {
  if (section_ == Section::none || section_ == Section::other) return {};
  if (!keys_.insert(pair.key).second) return wrong("a second " + std::string{pair.key});
  in_description_ = section_ == Section::full_flash && pair.key == "Description";
  const bool in_range = section_ == Section::full_flash ? set(manifest_, pair.key, pair.value)
                        : section_ == Section::store
                            ? set(manifest_.stores.back(), pair.key, pair.value)
                            : set(manifest_.stores.back().partitions.back(), pair.key, pair.value);
  if (in_range) return {};
  return wrong(std::string{pair.key} + " = " + std::string{pair.value} + " is not a value it can have");
}

void ManifestParser::continue_description(std::string_view text) {
  if (!in_description_) return;
  manifest_.description.append("\n").append(trimmed(text));
}

}  // namespace

bool is_test_release(const Manifest& manifest) {
  const std::string lines = "\n" + manifest.description + "\n";
  return lines.contains("\n" + std::string{test_release_mark} + "\n");
}

Result<Manifest> parse_manifest(std::string_view text) { return ManifestParser{}.parse(text); }

}  // namespace flashline::imaging
