#pragma once
// A workspace: the folders that products are built from, for all their architectures.
// Source: IoT Core Add-Ons, "IoTWorkspace.xml"; the older kit without that file, too.

#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// What a workspace says for one architecture.
struct WorkspaceEnvironment {
  std::string arch;                          ///< "arm", "arm64", "x86", "x64"
  Version version{10};                       ///< of every package that is built
  std::string bsp_packages{"%PKGBLD_DIR%"};  ///< where prebuilt cabs of BSPs lie; text with variables
};

struct Workspace {
  std::filesystem::path root;       ///< absolute
  std::string current_arch{"arm"};  ///< taken where nobody names one
  std::string oem_name{"Contoso"};
  std::string build_folder{R"(%IOTWKSPACE%\Build\%BSP_ARCH%)"};  ///< text with variables
  std::string kit_folder{R"(%IOTWKSPACE%\Kit)"};                 ///< of Microsoft's kit; text with variables
  std::vector<WorkspaceEnvironment> environments{};

  /// What was said for `arch`, or the defaults.
  WorkspaceEnvironment environment(std::string_view arch) const;
};

/// Reads the workspace `root`, a folder or its IoTWorkspace.xml. Without that file a folder counts that holds
/// Source-<arch> folders; then versions come from Source-<arch>/Packages/versioninfo.txt.
/// Errors: workspace_invalid, workspace_arch, workspace_owner, package_version, those of read_input_xml and
/// xml_unknown.
Result<Workspace> read_workspace(const std::filesystem::path& root);

/// What an IoTWorkspace.xml says that lies in `root`. Errors: as above.
Result<Workspace> parse_workspace(const XmlDocument& document, const std::filesystem::path& root);

/// The architectures that a workspace may name, each with its CPU.
struct WorkspaceArch {
  std::string_view name;      ///< of the folder: "Source-x64"
  std::string_view bsp_arch;  ///< "amd64"
  CpuType cpu;
};
/// "arm", "arm64", "x86", "x64" ("amd64" is taken for it), in any case. Errors: workspace_arch.
Result<WorkspaceArch> workspace_arch(std::string_view name);
/// All of them, in that order.
const std::vector<WorkspaceArch>& workspace_archs();

/// A package definition (wm.xml or pkg.xml) and where it belongs.
struct DefinitionFile {
  enum class Room : std::uint8_t {
    common,         ///< Common/Packages
    arch,           ///< Source-<arch>/Packages
    bsp,            ///< Source-<arch>/BSP/<owner>/Packages
    every_product,  ///< Common/ProdPackages: built once a product
    product,        ///< Source-<arch>/Products/<owner>/Packages
  };
  std::filesystem::path path;
  Room room = Room::common;
  std::string owner;  ///< name of the BSP or product; empty elsewhere
  /// The answer file beside it, which is made into BLD_DIR/ppkgs/<name>.ppkg first; empty: none.
  std::filesystem::path answer_file;
};

/// The definitions of a folder and those below it, sorted by path; room and owner are the caller's.
std::vector<DefinitionFile> definitions_below(const std::filesystem::path& folder, DefinitionFile::Room room,
                                              const std::string& owner);

/// All definitions that do not belong to a product, in the kit's order: Common, Source, every BSP (by name).
/// `package build --all` builds these. A part that is not there is empty. Errors: input_ambiguous.
Result<std::vector<DefinitionFile>> find_definitions(const Workspace& workspace, std::string_view arch);

/// ProdPackages and the product's own. Errors: input_ambiguous.
Result<std::vector<DefinitionFile>> find_product_definitions(const Workspace& workspace, std::string_view arch,
                                                             const std::string& product);

/// The folder of a BSP. Errors: bsp_missing, with those that are there; input_ambiguous.
Result<std::filesystem::path> find_bsp(const Workspace& workspace, std::string_view arch, std::string_view bsp);

/// The folder that `path` names below the workspace, or nothing where it is not there. Errors: input_ambiguous.
Result<std::optional<std::filesystem::path>> workspace_folder(const Workspace& workspace, std::string_view path);

/// `text` without the way to the workspace: what is made of it does not depend on the machine.
std::string below_workspace(std::string text, const std::filesystem::path& root);

/// "Source-x64".
std::string source_folder(std::string_view arch);

}  // namespace flashline::imaging
