#pragma once
// The names that workspace files use for folders, versions and owners, with their values on this machine.

#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>

#include "imaging/build/product.h"
#include "imaging/build/workspace.h"
#include "imaging/workspace/variables.h"

namespace flashline::imaging {

/// One architecture of a workspace, and a product of it where one is built. Folders need not exist yet.
struct BuildEnvironment {
  std::string arch;  ///< "x64"
  CpuType cpu = CpuType::arm;
  std::string owner{};  ///< OEM_NAME
  Version version{};
  std::string build_type{"fre"};
  std::time_t time = 0;
  Variables names{Variables::Style::percent};  ///< %NAME% of manifests, OEMInput and workspace files
  Variables macros{Variables::Style::dollar};  ///< $(NAME) given to package definitions, but _RELEASEDIR
  std::filesystem::path build{};               ///< BLD_DIR
  std::filesystem::path packages{};            ///< PKGBLD_DIR: cabs of the workspace
  std::filesystem::path provisioning{};        ///< PPKGBLD_DIR
  std::filesystem::path product_packages{};    ///< cabs of the product: BLD_DIR/<product>/pkgs; empty without one
  std::filesystem::path merged{};              ///< BLD_DIR/MergedFMs
  std::filesystem::path bsp_packages{};        ///< BSPPKG_DIR

  /// `text` with its variables, as a path of this machine; nothing says that it is there.
  /// Errors: variable_unknown, variable_loop.
  Result<std::filesystem::path> path_of(std::string_view text) const;
};

/// `time`: of the build, UTC; it becomes BUILDTIME.
/// Errors: workspace_arch, those of Variables::expand.
Result<BuildEnvironment> build_environment(const Workspace& workspace, std::string_view arch, std::time_t time);
/// The same for a product.
Result<BuildEnvironment> build_environment(const Workspace& workspace, const Product& product, BuildConfig config,
                                           std::time_t time);

/// `text` as a path of this machine: `\` divides folders there, too.
std::filesystem::path host_path(std::string_view text);

}  // namespace flashline::imaging
