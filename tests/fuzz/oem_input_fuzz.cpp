// OEMInput with two manifests: any bytes give a list in which each cab stands once and has a reason, or an error that
// names a place.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <span>
#include <string_view>

#include "imaging/feature/release_rules.h"
#include "imaging/feature/resolve.h"
#include "imaging/workspace/input_xml.h"

namespace {

using namespace flashline::imaging;

constexpr std::string_view board =
    "<FeatureManifest xmlns='http://schemas.microsoft.com/embedded/2004/10/ImageUpdate'><BasePackages>"
    "<PackageFile Path='%PKGBLD_DIR%' Name='%OEM_NAME%.A.cab' Language='*' Resolution='!(1x1)'/></BasePackages>"
    "<DeviceLayoutPackages><PackageFile SOC='S' Path='p' Name='L.cab'/></DeviceLayoutPackages>"
    "<OEMDevicePlatformPackages><PackageFile Device='D' Path='p' Name='L.cab'/></OEMDevicePlatformPackages>"
    "<Features><Microsoft><PackageFile Path='$(cputype)' Name='M.cab'><FeatureIDs><FeatureID>M</FeatureID></FeatureIDs>"
    "</PackageFile></Microsoft><OEM><PackageFile Path='q' "
    "Name='F_$(bootlocale).cab'><FeatureIDs><FeatureID>A</FeatureID>"
    "<FeatureID>B</FeatureID></FeatureIDs></PackageFile></OEM><OEMFeatureGroups><FeatureGroup Constraint='ZeroOrOne'>"
    "<FeatureIDs><FeatureID>RELEASE_PRODUCTION</FeatureID><FeatureID>OEM_A</FeatureID></FeatureIDs></FeatureGroup>"
    "</OEMFeatureGroups></Features></FeatureManifest>";

std::vector<LoadedManifest> manifests() {
  const auto document = parse_input_xml(std::as_bytes(std::span{board}), "board.xml");
  auto manifest = read_feature_manifest(*document);
  if (!manifest) std::abort();
  return {{*std::move(manifest), false}};
}

void check(const OemInput& input, const ResolveInputs& inputs) {
  static const std::vector<LoadedManifest> loaded = manifests();
  const auto resolution = resolve(input, loaded, inputs);
  if (!resolution) {
    if (resolution.error().detail.find(".xml:") == std::string::npos) std::abort();
    return;
  }
  std::set<std::string> cabs;
  for (const ResolvedPackage& package : resolution->packages) {
    if (package.reasons.empty() || !cabs.insert(folded(package.cab)).second) std::abort();
  }
  if (resolution->device_layout >= resolution->packages.size()) std::abort();
  const auto verdict = check_release(facts_of(input, {}), shipped_release_lists());
  if (verdict.status().has_value() != verdict.refusals.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = parse_input_xml(std::as_bytes(std::span{data, size}), "f.xml");
  if (!document) return 0;
  ResolveInputs inputs;
  inputs.percents.set("PKGBLD_DIR", "%BLD_DIR%\\pkgs");
  inputs.percents.set("BLD_DIR", "/b");
  inputs.percents.set("OEM_NAME", "Contoso");
  const auto input = read_oem_input(*document, inputs.percents);
  if (!input) {
    if (!input.error().detail.starts_with("f.xml:")) std::abort();
    return 0;
  }
  check(*input, inputs);
  inputs.microsoft_missing = true;
  check(*input, inputs);
  return 0;
}
