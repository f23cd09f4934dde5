// Boot configuration files: any text gives an error, or settings that make a boot store.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "imaging/filesystem/registry/boot_store.h"
#include "imaging/filesystem/registry/build_hive.h"
#include "imaging/workspace/input_xml.h"

using namespace flashline;
using namespace flashline::imaging;

namespace {

DiskLayout gpt_disk() {
  DiskLayout disk;
  StoreLayout store;
  store.style = TableStyle::gpt;
  store.disk_guid = image_disk_guid();
  PlacedPartition partition;
  partition.name = "MMOS";
  partition.place = {2048, 2048};
  store.partitions.push_back(partition);
  disk.stores.push_back(store);
  return disk;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = parse_input_xml(std::as_bytes(std::span{data, size}), "fuzz.BCD.xml");
  if (!document) return 0;
  const auto configuration = parse_boot_configuration(*document);
  if (!configuration) return 0;
  RegistryTree store;
  const auto applied = apply_boot_configuration(store, *configuration, gpt_disk(), "fuzz");
  if (applied && !build_hive(store, "BCD", 0)) std::abort();
  return 0;
}
