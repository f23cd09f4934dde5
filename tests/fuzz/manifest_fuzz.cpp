// Manifests: any bytes give a value or an error; what was read is written so that it is read back the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "imaging/ffu/manifest.h"

using namespace flashline::imaging;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto manifest = parse_manifest({reinterpret_cast<const char*>(data), size});
  if (!manifest) return 0;
  const auto again = parse_manifest(build_manifest(*manifest));
  // Empty platform ids and blank lines at the end of a description are not kept.
  if (!again || again->stores != manifest->stores || again->rules_data != manifest->rules_data) std::abort();
  return 0;
}
