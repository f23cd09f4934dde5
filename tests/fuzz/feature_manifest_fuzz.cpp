// Feature manifests: any bytes give a manifest that can be written and read again, or an error that names a place; and
// taking out what a merger wrote leaves a manifest.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "imaging/feature/feature_manifest.h"
#include "imaging/workspace/input_xml.h"

namespace {

using namespace flashline::imaging;

void check_text(const FeatureManifest& manifest) {
  const std::string text = manifest_text(manifest);
  const auto document = parse_input_xml(std::as_bytes(std::span{text}), "again.xml");
  if (!document) std::abort();
  const auto again = read_feature_manifest(*document);
  if (!again || again->packages.size() != manifest.packages.size() || manifest_text(*again) != text) std::abort();
}

void check_stripped(const flashline::XmlDocument& document) {
  const auto stripped = strip_merged(document);
  if (!stripped) std::abort();
  const auto again = parse_input_xml(std::as_bytes(std::span{*stripped}), "stripped.xml");
  if (!again) std::abort();
  const auto twice = strip_merged(*again);
  if (!twice || *twice != *stripped) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = parse_input_xml(std::as_bytes(std::span{data, size}), "f.xml");
  if (!document) return 0;
  const auto manifest = read_feature_manifest(*document);
  if (!manifest) {
    if (!manifest.error().detail.starts_with("f.xml:")) std::abort();
    return 0;
  }
  check_text(*manifest);
  check_stripped(*document);
  return 0;
}
