#include "imaging/layout/layout_warnings.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

/// What Microsoft asks of MainOS, so that updates have room.
constexpr std::uint64_t recommended_free_sectors = 1048576;

/// Boot loaders of NXP i.MX boards, by the type of their partition, and where the boot ROM reads them.
struct LoaderRule {
  PartitionType type;
  std::uint64_t byte;
};
const std::vector<LoaderRule>& loader_rules() {
  static const std::vector<LoaderRule> rules{{std::uint8_t{0x4D}, 0x400},
                                             {*guid_of("07DE03AA-F07C-4800-A28A-9B9FF76E9F47"), 0x8400}};
  return rules;
}

bool selected(std::span<const std::string> features, std::string_view feature) {
  return std::ranges::any_of(features, [&](const std::string& one) { return same_word(one, feature); });
}

void check_boot_configuration(std::vector<std::string>& warnings, const StoreLayout& store, const std::string& where,
                              std::span<const std::string> features) {
  const bool gpt = store.style == TableStyle::gpt;
  const std::string_view wrong = gpt ? "IOT_EFIESP_BCD_MBR" : "IOT_EFIESP_BCD";
  if (!selected(features, wrong)) return;
  warnings.push_back(fmt::format("{}: feature {} does not boot from this {} layout: select {}", where, wrong,
                                 name_of(store.style), gpt ? "IOT_EFIESP_BCD" : "IOT_EFIESP_BCD_MBR"));
}

void check_loader(std::vector<std::string>& warnings, const PlacedPartition& partition, std::uint32_t sector_size) {
  if (!same_word(partition.name, "BOOTLOADER")) return;
  const std::uint64_t byte = partition.place.first * sector_size;
  for (const LoaderRule& rule : loader_rules()) {
    if (partition.type != rule.type || byte == rule.byte) continue;
    warnings.push_back(fmt::format("{}: {} lies at byte 0x{:X}, the boot ROM of i.MX boards reads it at 0x{:X}",
                                   partition.where, partition.name, byte, rule.byte));
  }
}

void check_mbr_flags(std::vector<std::string>& warnings, const StoreLayout& store) {
  const auto actives = std::ranges::count_if(store.partitions, &PartitionTraits::bootable);
  for (const PlacedPartition& partition : store.partitions) {
    if (partition.bootable && partition.logical) {
      warnings.push_back(fmt::format("{}: {} is active but logical: firmware only looks at the first three partitions",
                                     partition.where, partition.name));
    } else if (partition.bootable && actives > 1) {
      warnings.push_back(
          fmt::format("{}: {} is one of {} active partitions", partition.where, partition.name, actives));
    }
    if (partition.read_only || partition.hidden) {
      warnings.push_back(
          fmt::format("{}: {} is read only or hidden, which an MBR cannot say", partition.where, partition.name));
    }
  }
}

void check_free_space(std::vector<std::string>& warnings, const LayoutPartition& partition) {
  if (!same_word(partition.name, "MainOS") || partition.file_system == FileSystemKind::ext4) return;
  if (partition.sizing != LayoutPartition::Sizing::content_and_free) return;
  if (partition.sectors >= recommended_free_sectors) return;
  warnings.push_back(fmt::format("{}: MainOS keeps {} sectors free, updates want {}", partition.where,
                                 partition.sectors, recommended_free_sectors));
}

}  // namespace

std::vector<std::string> layout_warnings(const DeviceLayout& layout, const DiskLayout& placed,
                                         std::span<const std::string> features) {
  std::vector<std::string> warnings;
  if (!placed.stores.empty()) {
    check_boot_configuration(warnings, placed.stores.front(), layout.file, features);
  }
  for (const StoreLayout& store : placed.stores) {
    if (store.style == TableStyle::mbr) check_mbr_flags(warnings, store);
    for (const PlacedPartition& partition : store.partitions) check_loader(warnings, partition, store.sector_size);
  }
  for (const LayoutStore& store : layout.stores) {
    for (const LayoutPartition& partition : store.partitions) check_free_space(warnings, partition);
  }
  return warnings;
}

}  // namespace flashline::imaging
