// Device platforms and SMBIOS.CFG: any text gives a value that keeps its promises, or an error.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "imaging/build/smbios_config.h"
#include "imaging/layout/device_platform.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flashline::imaging;
  const auto bytes = std::as_bytes(std::span{data, size});
  const auto platform = parse_device_platform(bytes, "fuzz.xml");
  if (platform && (platform->min_sector_count == 0 || platform->ids.empty())) std::abort();
  const auto config = parse_smbios_config(bytes, "fuzz.cfg");
  if (config && config->format.empty()) std::abort();
  return 0;
}
