#include "imaging/layout/detail/gpt_shape.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/layout.h"

namespace flashline::imaging::detail {
namespace {

constexpr std::uint32_t default_entries = 128;
constexpr std::uint64_t entry_size = 128;
/// Protective MBR and header.
constexpr std::uint64_t head = 2;

std::uint64_t array_sectors(std::uint64_t entries, std::uint32_t sector_size) {
  return (entries * entry_size + sector_size - 1) / sector_size;
}

/// The partition that begins first of those with a fixed place, or nullptr.
const LayoutPartition* lowest_fixed(const LayoutStore& from) {
  const LayoutPartition* lowest = nullptr;
  for (const LayoutPartition& partition : from.partitions) {
    if (partition.offset && (lowest == nullptr || *partition.offset < *lowest->offset)) lowest = &partition;
  }
  return lowest;
}

}  // namespace

Status shape_gpt(StoreLayout& store, const LayoutStore& from) {
  std::uint64_t entries = from.only_defined_entries ? from.partitions.size() : default_entries;
  const LayoutPartition* const lowest = lowest_fixed(from);
  if (lowest != nullptr && *lowest->offset < head + array_sectors(entries, store.sector_size)) {
    const std::uint64_t room = *lowest->offset > head ? *lowest->offset - head : 0;
    entries = room * store.sector_size / entry_size;
    if (entries < from.partitions.size()) {
      return fail(errc::layout_overlap,
                  fmt::format("{}: partition {}: sector {} belongs to the table of {} partitions", lowest->where,
                              lowest->name, *lowest->offset, from.partitions.size()));
    }
  }
  const std::uint64_t array = array_sectors(entries, store.sector_size);
  store.entry_count = static_cast<std::uint32_t>(entries);
  store.first_usable = head + array;
  if (store.sectors <= store.first_usable + array + 1) {
    return fail(errc::layout_too_large, fmt::format("{}: a disk of {} sectors has no room for a GPT",
                                                    from.partitions.front().where, store.sectors));
  }
  store.last_usable = store.sectors - 2 - array;
  return {};
}

}  // namespace flashline::imaging::detail
