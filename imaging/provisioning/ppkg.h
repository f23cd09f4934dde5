#pragma once
// Provisioning packages (*.ppkg): a WIM 1.13 with one image, compressed with XPRESS, and the catalog beside it.
// Source: what public tools see in real ones; "Windows Imaging File Format (WIM)", Microsoft, 2007.

#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/provisioning/answer_file.h"

namespace flashline::imaging {

class PackageSigner;

/// The catalog for the file of this name and digest.
using PpkgCatalog = std::function<Result<std::vector<std::byte>>(const std::string& name, const Sha256& digest)>;
/// One of `time`, signed by `signer`, who outlives it; null: unsigned.
PpkgCatalog ppkg_catalog(std::time_t time, const PackageSigner* signer);

struct PpkgOptions {
  std::time_t time = 0;   ///< of every file and of the image: seconds since 1970, UTC
  PpkgCatalog catalog{};  ///< empty: none is made
};

struct WrittenPpkg {
  std::filesystem::path package;
  Sha256 digest{};  ///< of the package, which the catalog vouches for
};

/// Makes `out` (and the .cat beside it) of the answer file, whose assets lie beside it. The same inputs give the same
/// bytes. Errors: those of read_answer_file and find_assets, ppkg_write, image_write.
Result<WrittenPpkg> write_ppkg(const std::filesystem::path& answer_file, const std::filesystem::path& out,
                               const PpkgOptions& options);

struct PpkgEntry {
  std::string path;  ///< "/Multivariant/0/customizations.xml"
  bool folder = false;
  std::uint64_t size = 0;
};

/// What a provisioning package says of itself.
struct PpkgFacts {
  std::string id, name, version, owner, rank, notes;  ///< properties of the image, as written
  std::vector<PpkgEntry> entries;                     ///< by path
  AnswerFile answers;                                 ///< of /Multivariant/0/customizations.xml
};

/// Errors: ppkg_unreadable (no WIM of that kind, damaged, no answer file), those of read_answer_file.
Result<PpkgFacts> read_ppkg(const std::filesystem::path& path);

}  // namespace flashline::imaging
