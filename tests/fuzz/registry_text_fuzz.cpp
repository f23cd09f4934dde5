// Registry text: any bytes give an error, or keys that are the same after another way out and in.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "imaging/package/registry_text.h"

using namespace flashline::imaging;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto keys = parse_registry_text(std::as_bytes(std::span{data, size}), "fuzz.reg");
  if (!keys) return 0;
  const auto written = registry_text(*keys);
  if (!written) return 0;
  if (written->empty()) {
    if (!keys->empty()) std::abort();
    return 0;
  }
  const auto again = parse_registry_text(*written, "again.reg");
  if (!again || again->size() != keys->size()) std::abort();
  for (std::size_t i = 0; i < keys->size(); ++i) {
    const RegistryKey &before = (*keys)[i], &after = (*again)[i];
    if (after.path != before.path || after.values.size() != before.values.size()) std::abort();
    for (std::size_t v = 0; v < before.values.size(); ++v) {
      const RegistryValue &one = before.values[v], &two = after.values[v];
      if (one.name != two.name || one.type != two.type || one.data != two.data) std::abort();
    }
  }
  return 0;
}
