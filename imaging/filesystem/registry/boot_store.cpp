#include "imaging/filesystem/registry/boot_store.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/unicode.h"
#include "imaging/filesystem/registry/boot_names.h"
#include "imaging/source/gpt.h"

namespace flashline::imaging {
namespace {

// Devices as a boot store has them. Source: G. Chappell, "BCD elements"; imaging.md section 13.
constexpr std::uint32_t block_device = 0, partition_device = 6, with_options = 1;
constexpr std::uint32_t hard_disk = 0, ramdisk = 3, file = 5;
constexpr std::uint32_t gpt_style = 0, mbr_style = 1;
constexpr std::size_t device_header_size = 16, partition_size = 56, ramdisk_header_size = 24, file_header_size = 12;

class Bytes {
 public:
  Bytes& put32(std::uint64_t value) { return put(value, 4); }
  Bytes& put64(std::uint64_t value) { return put(value, 8); }
  Bytes& add(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Bytes& zeros_to(std::size_t size) {
    bytes_.resize(size);
    return *this;
  }
  /// UTF-16 and a NUL.
  Bytes& text(std::string_view text) {
    for (const char16_t unit : utf16_of(text).value_or(u"")) put(unit, 2);
    return put(0, 2);
  }
  std::size_t size() const { return bytes_.size(); }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  Bytes& put(std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFFU));
    return *this;
  }
  std::vector<std::byte> bytes_;
};

/// A partition with its disk, and without the options that come before a device.
std::vector<std::byte> partition_bytes(const StoreLayout& store, const PlacedPartition& partition) {
  Bytes out;
  out.put32(partition_device).put32(0).put32(device_header_size + partition_size).put32(0);
  if (store.style == TableStyle::gpt) {
    out.add(partition.id).put32(hard_disk).put32(gpt_style).add(store.disk_guid);
  } else {
    out.put64(partition.place.first * store.sector_size).put64(0);
    out.put32(hard_disk).put32(mbr_style).put32(store.disk_signature);
  }
  return out.zeros_to(device_header_size + partition_size).take();
}

/// A file on `parent` that becomes a disk in memory.
std::vector<std::byte> ramdisk_bytes(std::span<const std::byte> parent, std::string_view path) {
  Bytes name;
  name.text(path);
  const std::vector<std::byte> text = name.take();
  const std::size_t file_size = file_header_size + parent.size() + text.size();
  Bytes out;
  out.put32(block_device).put32(with_options).put32(device_header_size + ramdisk_header_size + file_size).put32(0);
  out.put32(ramdisk).put32(0).put64(0).put64(0);  // where in memory and how large: the loader decides
  out.put32(1).put32(file_size).put32(file).add(parent).add(text);
  return out.take();
}

class Applier {
 public:
  Applier(RegistryTree& store, const DiskLayout& disk, std::string_view writer)
      : store_{store}, disk_{disk}, writer_{writer} {}

  Result<std::vector<std::string>> run(const BootConfiguration& configuration) {
    FL_CHECK(begin());
    for (const BootObject& object : configuration.objects) FL_CHECK(this->object(object));
    return std::move(warnings_);
  }

 private:
  static RegistryValue text(std::string name, std::string_view text) {
    return {std::move(name), RegistryType::sz, Bytes{}.text(text).take()};
  }
  static RegistryValue number(std::string name, std::uint32_t value) {
    return {std::move(name), RegistryType::dword, Bytes{}.put32(value).take()};
  }
  Status set(const std::string& key, RegistryValue value) { return store_.merge(key, {&value, 1}, writer_); }
  Status set_if_new(const std::string& key, RegistryValue value) {
    return store_.find(key, value.name) != nullptr ? Status{} : set(key, std::move(value));
  }

  /// What a system's store says of itself.
  Status begin() {
    FL_CHECK(store_.merge("Objects", {}, writer_));
    FL_CHECK(set_if_new("Description", text("KeyName", "BCD00000000")));
    FL_CHECK(set_if_new("Description", number("System", 1)));
    return set_if_new("Description", number("TreatAsSystem", 1));
  }

  Status object(const BootObject& object) {
    const std::string key = "Objects\\" + object.id.text;
    const std::string description = key + "\\Description";
    if (object.type && object.sets_type) FL_CHECK(set(description, number("Type", *object.type)));
    if (object.type) FL_CHECK(set_if_new(description, number("Type", *object.type)));
    if (store_.find(description, "Type") == nullptr) {
      return fail(errc::boot_name,
                  fmt::format("{}: object {} is not known and has no <RawType>", object.where, object.id.text));
    }
    FL_CHECK(store_.merge(key + "\\Elements", {}, writer_));
    for (const BootElement& element : object.elements) {
      FL_TRY(RegistryValue value, registry_value(element));
      FL_CHECK(set(fmt::format("{}\\Elements\\{:08x}", key, element.setting), std::move(value)));
    }
    return {};
  }

  Result<RegistryValue> registry_value(const BootElement& element) {
    RegistryValue out{"Element", RegistryType::binary, {}};
    Bytes bytes;
    if (const auto* const device = std::get_if<BootDevice>(&element.value)) {
      FL_TRY(out.data, device_bytes(*device, element.where));
      return out;
    }
    if (const auto* const string = std::get_if<std::string>(&element.value)) return text("Element", *string);
    if (const auto* const object = std::get_if<BootObjectId>(&element.value)) return text("Element", object->text);
    if (const auto* const flag = std::get_if<bool>(&element.value)) bytes.add(std::array{std::byte{*flag}});
    if (const auto* const integer = std::get_if<std::uint64_t>(&element.value)) bytes.put64(*integer);
    if (const auto* const integers = std::get_if<std::vector<std::uint64_t>>(&element.value)) {
      for (const std::uint64_t integer : *integers) bytes.put64(integer);
    }
    if (const auto* const objects = std::get_if<std::vector<BootObjectId>>(&element.value)) {
      out.type = RegistryType::multi_sz;
      for (const BootObjectId& object : *objects) bytes.text(object.text);
      bytes.text("");
    }
    out.data = bytes.take();
    return out;
  }

  Result<std::vector<std::byte>> device_bytes(const BootDevice& device, const std::string& where) {
    FL_TRY(const std::vector<std::byte> partition, this->partition(device, where));
    const bool in_memory = !device.ramdisk_file.empty();
    Bytes out;
    out.add(in_memory && device.ramdisk_options ? *guid_of(ramdisk_options_id) : Guid{});
    return out.add(in_memory ? ramdisk_bytes(partition, device.ramdisk_file) : partition).take();
  }

  static std::string disk_name(const BootDevice& device) {
    if (device.style == TableStyle::gpt) return fmt::format("{{{}}}", to_text(device.disk));
    return fmt::format("{:#010x}", device.disk_signature);
  }
  static bool is_named(const StoreLayout& store, const BootDevice& device) {
    if (store.style != device.style) return false;
    return store.style == TableStyle::gpt ? store.disk_guid == device.disk
                                          : store.disk_signature == device.disk_signature;
  }

  /// On the disk that is named; else on any other one of the image, with a warning.
  Result<std::vector<std::byte>> partition(const BootDevice& device, const std::string& where) {
    for (const bool named : {true, false}) {
      for (const StoreLayout& store : disk_.stores) {
        if (is_named(store, device) != named) continue;
        const PlacedPartition* const found = find(store, device);
        if (found == nullptr) continue;
        if (!named) {
          warnings_.push_back(fmt::format("{}: the image has no {} disk {}; partition {} of its {} disk is taken",
                                          where, style_of(device.style), disk_name(device), found->name,
                                          style_of(store.style)));
        }
        return partition_bytes(store, *found);
      }
    }
    return fail(
        errc::boot_partition,
        fmt::format("{}: {}", where,
                    device.partition_id ? fmt::format("{{{}}}", to_text(*device.partition_id)) : device.partition));
  }
  static std::string_view style_of(TableStyle style) { return style == TableStyle::gpt ? "GPT" : "MBR"; }

  static const PlacedPartition* find(const StoreLayout& store, const BootDevice& device) {
    if (!device.partition_id) return find_partition(store, device.partition);
    const auto found = std::ranges::find(store.partitions, *device.partition_id, &PlacedPartition::id);
    return store.style == TableStyle::gpt && found != store.partitions.end() ? &*found : nullptr;
  }

  RegistryTree& store_;
  const DiskLayout& disk_;
  std::string_view writer_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<std::vector<std::string>> apply_boot_configuration(RegistryTree& store, const BootConfiguration& configuration,
                                                          const DiskLayout& disk, std::string_view writer) {
  return Applier{store, disk, writer}.run(configuration);
}

}  // namespace flashline::imaging
