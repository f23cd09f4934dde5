// Package definitions, either form: any text gives packages whose parts hold together, or an error that names a place.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "imaging/package/definition.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace {

using namespace flashline::imaging;

void check_file(const PackageFile& file) {
  const auto again = device_path(file.device_path);
  if (!again || *again != file.device_path || file.size == 0) std::abort();
}

void check(const Package& package) {
  if (package.identity.name.empty() || package.identity.name.find_first_of("/\\") != std::string::npos) std::abort();
  if (package.raw_image && (!package.files.empty() || !package.registry.empty())) std::abort();
  for (const PackageFile& file : package.files) check_file(file);
  for (const RegistryKey& key : package.registry) {
    if (!key.path.starts_with("HKEY_") || key.path.ends_with('\\')) std::abort();
    for (const RegistryValue& value : key.values) {
      if (value.type == RegistryType::dword && value.data.size() != 4) std::abort();
      if (value.type == RegistryType::sz && value.data.size() < 2) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = parse_input_xml(std::as_bytes(std::span{data, size}), "p.wm.xml");
  if (!document) return 0;
  DefinitionInputs in;
  in.dollars.set("OEMNAME", "Contoso");
  in.languages = {"en-US", "de-DE"};
  in.resolutions = {"480x800"};
  // No folder of that name: what payload says is tried by the tests.
  const auto packages = read_definition(*document, "/nonexistent", in);
  if (!packages) {
    if (!packages.error().detail.starts_with("p.wm.xml:")) std::abort();
    return 0;
  }
  for (const Package& package : *packages) check(package);
  return 0;
}
