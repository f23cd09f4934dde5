#include "imaging/build/build_environment.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// "20260102-0304".
std::string stamp_of(std::time_t time) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}{:02}{:02}-{:02}{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min);
}

void set_names(Variables& names, const Workspace& workspace, const WorkspaceArch& arch,
               const WorkspaceEnvironment& environment, const std::string& bsp_packages) {
  const std::string source = source_folder(arch.name);
  names.set("IOTWKSPACE", workspace.root.string());
  names.set("AKROOT", workspace.kit_folder);
  names.set("OEM_NAME", workspace.oem_name);
  names.set("ARCH", std::string{arch.name});
  names.set("BSP_ARCH", std::string{arch.bsp_arch});
  names.set("COMMON_DIR", R"(%IOTWKSPACE%\Common)");
  names.set("SRC_DIR", R"(%IOTWKSPACE%\)" + source);
  names.set("PKGSRC_DIR", R"(%SRC_DIR%\Packages)");
  names.set("BSPSRC_DIR", R"(%SRC_DIR%\BSP)");
  names.set("PKGUPD_DIR", R"(%SRC_DIR%\Updates)");
  names.set("BLD_DIR", workspace.build_folder);
  names.set("PKGBLD_DIR", R"(%BLD_DIR%\pkgs)");
  names.set("PPKGBLD_DIR", R"(%BLD_DIR%\ppkgs)");
  names.set("PKGLOG_DIR", R"(%BLD_DIR%\pkgs\logs)");
  names.set("TMP", R"(%BLD_DIR%\Temp)");
  names.set("BSPPKG_DIR", bsp_packages);
  names.set("MSPACKAGE", R"(%AKROOT%\MSPackages)");
  names.set("MSPKG_DIR", fmt::format(R"(%MSPACKAGE%\Retail\{}\fre)", arch.bsp_arch));
  names.set("BSP_VERSION", to_text(environment.version));
  names.set("BUILDTYPE", "fre");
}

Status set_macros(BuildEnvironment& built, const WorkspaceArch& arch) {
  FL_TRY(const fs::path source, built.path_of("%SRC_DIR%"));
  FL_TRY(const fs::path common, built.path_of("%COMMON_DIR%"));
  built.macros.set("OEMNAME", built.owner);
  built.macros.set("PRJDIR", source.string());
  built.macros.set("COMDIR", common.string());
  built.macros.set("BSPVER", to_text(built.version));
  built.macros.set("BSPARCH", std::string{arch.bsp_arch});
  built.macros.set("BUILDTIME", stamp_of(built.time));
  built.macros.set("BLDDIR", built.build.string());
  return {};
}

Result<BuildEnvironment> environment_for(const Workspace& workspace, std::string_view arch_name, std::time_t time,
                                         const std::string* bsp_packages) {
  FL_TRY(const WorkspaceArch arch, workspace_arch(arch_name));
  const WorkspaceEnvironment said = workspace.environment(arch.name);
  BuildEnvironment built{.arch = std::string{arch.name},
                         .cpu = arch.cpu,
                         .owner = workspace.oem_name,
                         .version = said.version,
                         .time = time};
  set_names(built.names, workspace, arch, said, bsp_packages != nullptr ? *bsp_packages : said.bsp_packages);
  FL_TRY(built.build, built.path_of("%BLD_DIR%"));
  FL_TRY(built.packages, built.path_of("%PKGBLD_DIR%"));
  FL_TRY(built.provisioning, built.path_of("%PPKGBLD_DIR%"));
  FL_TRY(built.merged, built.path_of(R"(%BLD_DIR%\MergedFMs)"));
  FL_TRY(built.bsp_packages, built.path_of("%BSPPKG_DIR%"));
  FL_CHECK(set_macros(built, arch));
  return built;
}

}  // namespace

fs::path host_path(std::string_view text) {
  std::string path{text};
  std::ranges::replace(path, '\\', '/');
  return fs::path{path}.lexically_normal();
}

Result<fs::path> BuildEnvironment::path_of(std::string_view text) const {
  FL_TRY(const std::string expanded, names.expand(text));
  return host_path(expanded);
}

Result<BuildEnvironment> build_environment(const Workspace& workspace, std::string_view arch, std::time_t time) {
  return environment_for(workspace, arch, time, nullptr);
}

Result<BuildEnvironment> build_environment(const Workspace& workspace, const Product& product, BuildConfig config,
                                           std::time_t time) {
  const auto own = product.bsp_packages.find(config);
  FL_TRY(BuildEnvironment built,
         environment_for(workspace, product.arch, time, own != product.bsp_packages.end() ? &own->second : nullptr));
  built.macros.set("PROD", product.name);
  built.product_packages = built.build / product.name / "pkgs";
  return built;
}

}  // namespace flashline::imaging
