// Manifests of packages: what is read is written so that it reads the same again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "imaging/package/package_manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flashline::imaging;
  const std::span bytes{reinterpret_cast<const std::byte*>(data), size};
  (void)parse_servicing_manifest(bytes, "update.mum");
  (void)parse_component_registry(bytes, "x.manifest");
  const auto manifest = parse_spkg_manifest(bytes, "man.dsm.xml");
  if (!manifest) {
    if (manifest.error().detail.empty()) std::abort();
    return 0;
  }
  const std::string text = build_spkg_manifest(*manifest);
  const auto again = parse_spkg_manifest(std::as_bytes(std::span{text}), "man.dsm.xml");
  if (!again || build_spkg_manifest(*again) != text) std::abort();
  return 0;
}
