// INFs: any bytes give lines, keys and sections, or an error that names the file; nothing points out of its folder.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "imaging/package/inf_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flashline::imaging;
  const auto bytes = std::as_bytes(std::span{data, size});
  const auto inf = parse_inf(bytes, "d.inf", CpuType::arm);
  if (!inf) {
    if (!inf.error().detail.starts_with("d.inf:")) std::abort();
    return 0;
  }
  const std::string store = driver_store_folder("d.inf", CpuType::arm, bytes);
  const auto sections = install_sections(*inf, CpuType::arm);
  if (!sections) return 0;
  for (const std::string& section : *sections) {
    if (inf->section(section) == nullptr) std::abort();
    const auto services = inf_services(*inf, section + ".Services", store);
    if (!services) continue;
    for (const RegistryKey& key : *services) {
      if (!key.path.starts_with("HKEY_")) std::abort();
    }
  }
  return 0;
}
