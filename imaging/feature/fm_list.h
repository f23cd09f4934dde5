#pragma once
// FMFileList.xml: the manifests of a BSP or of an OEM, and who owns them.

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/feature/feature_manifest.h"

namespace flashline::imaging {

struct FmListEntry {
  std::string id;     ///< letters, digits and '_'
  std::string path;   ///< as written: "$(FMDirectory)\RPiFM.xml"
  std::string owner;  ///< "OEM_NAME" stands for the workspace's
  OwnerType owner_type = OwnerType::oem;
  ReleaseType release_type = ReleaseType::production;
  CpuType cpu = CpuType::arm;
  bool critical = false;  ///< an update fails without it
  std::string where;
};

struct FmList {
  std::string file;
  std::string product;  ///< "IoTUAP"
  bool build_features = false;
  std::vector<FmListEntry> manifests;
  std::vector<std::string> resolutions, languages, locales;
};

/// Errors: feature_document, xml_unknown, xml_missing, xml_value, fm_list_id (characters, or twice), fm_list_cpu (not
/// X86, AMD64, ARM or ARM64 in capitals).
Result<FmList> read_fm_list(const XmlDocument& document);

/// The file that `entry` means: its path with $(FMDirectory) replaced by the first of `folders` that has it.
/// Errors: input_missing, input_ambiguous, at the entry.
Result<std::filesystem::path> find_manifest(const FmListEntry& entry,
                                            const std::vector<std::filesystem::path>& folders);

}  // namespace flashline::imaging
