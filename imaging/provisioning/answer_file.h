#pragma once
// customizations.xml: the answer file that a provisioning package is made of. Source: "Windows provisioning framework:
// answer file", Microsoft; the kit's samples.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// Who a provisioning package is from. The order is that of precedence, low to high.
enum class ProvisioningOwner : std::uint8_t {
  microsoft,
  silicon_vendor,
  oem,
  system_integrator,
  mobile_operator,
  it_admin
};
/// "Microsoft", "SiliconVendor", "OEM", "SystemIntegrator", "MobileOperator", "ITAdmin".
std::string_view name_of(ProvisioningOwner owner);

/// A leaf of the settings: the names on the way to it, and its text.
struct ProvisioningSetting {
  std::string path;  ///< below Common or Variant: "Policies/Update/ActiveHoursEnd"
  std::string value;
  std::string variant;  ///< empty: common to all
  std::string where;    ///< "file:line:column"
};

/// A file that goes into the package.
struct ProvisioningAsset {
  enum class Kind : std::uint8_t { root_certificate, trusted_provisioner, certificate, app, app_dependency, license };
  Kind kind = Kind::app;
  std::string path;  ///< as written
  std::string where;
};

/// An app that starts by itself.
struct StartupApp {
  std::string id;  ///< foreground: "<package family>!App"; background: "<package>!<task>"
  std::string where;
};

struct AnswerFile {
  std::string file{};  ///< as messages call it
  std::string id{};    ///< "{FD231401-5AD4-401F-B2DD-653AA1C1B55D}"
  std::string name{};
  Version version{};
  std::string version_text{};  ///< as written; older files say "1.0"
  ProvisioningOwner owner = ProvisioningOwner::oem;
  unsigned rank = 0;  ///< 0 to 99; the higher one wins
  std::string notes{};
  std::vector<ProvisioningSetting> settings{};  ///< in document order
  std::vector<ProvisioningAsset> assets{};
  std::vector<StartupApp> foreground{};
  std::vector<StartupApp> background{};
};

/// Errors, with file, line and column: ppkg_document (not an answer file), ppkg_id, ppkg_name, ppkg_version,
/// ppkg_owner, ppkg_rank, ppkg_certificate (a root that must not be put on a device), xml_missing, xml_unknown.
Result<AnswerFile> read_answer_file(const XmlDocument& document);

/// The files of its assets, in their order: beside the answer file (in `folder`) or absolute.
/// Errors: ppkg_asset, one that names all that are missing; input_ambiguous; ppkg_certificate (by its thumbprint).
Result<std::vector<std::filesystem::path>> find_assets(const AnswerFile& answers, const std::filesystem::path& folder);

/// Which of the packages of one image start which app.
struct AppClaim {
  std::string package;  ///< how messages call it: "Contoso.Appx.Panel.cab: Appx.Panel.ppkg"
  std::vector<StartupApp> foreground;
  std::vector<StartupApp> background;
};

/// Exactly one foreground app may start by itself, any number in the background. The same app twice is one app.
/// Errors: foreground_apps, which names them all and who wants them; background_app (one app as both).
Status check_startup_apps(const std::vector<AppClaim>& claims);

}  // namespace flashline::imaging
