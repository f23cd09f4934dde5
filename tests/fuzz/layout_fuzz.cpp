// Device layouts: any text gives a layout or an error, and any layout gives partitions that lie inside of their disk,
// apart from each other, or an error.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "imaging/layout/lay_out.h"
#include "imaging/layout/layout_warnings.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

void check(const StoreLayout& store) {
  std::vector<SectorRange> taken;
  for (const PlacedPartition& partition : store.partitions) {
    const std::uint64_t ebr = partition.logical ? 1 : 0;
    taken.push_back({partition.place.first - ebr, partition.place.count + ebr});
    if (partition.place.count == 0 || taken.back().first < store.first_usable) std::abort();
    if (partition.place.end() > store.last_usable + 1 || store.last_usable >= store.sectors) std::abort();
  }
  std::ranges::sort(taken, {}, &SectorRange::first);
  for (std::size_t i = 1; i < taken.size(); ++i) {
    if (taken[i - 1].end() > taken[i].first) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto layout = parse_device_layout(std::as_bytes(std::span{data, size}), "fuzz.xml");
  if (!layout) return 0;
  DevicePlatform platform{.file = "fuzz.xml", .ids = {"*"}, .where = "fuzz.xml:1:1"};
  for (const std::uint64_t sectors : {std::uint64_t{7372800}, std::uint64_t{100}, max_layout_number}) {
    platform.min_sector_count = sectors;
    for (const std::uint64_t content : {std::uint64_t{0}, std::uint64_t{1500000}, max_layout_number}) {
      const auto disk = lay_out(*layout, platform, {{"MainOS", content}});
      if (!disk) continue;
      for (const StoreLayout& store : disk->stores) check(store);
      (void)layout_warnings(*layout, *disk, {});
    }
  }
  return 0;
}
