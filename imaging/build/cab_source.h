#pragma once
// Where the cabs of one image come from: built from definitions, delivered by others, or stand-ins.

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/build/build_environment.h"
#include "imaging/build/package_key.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

class PackageSigner;

/// A cab that an image wants and nobody has.
struct MissingCab {
  std::string cab;
  std::string where;  ///< who wants it
  std::string why;    ///< no definition, or what is missing of its payload
};

/// What became of the cabs, for the report.
struct CabCounts {
  std::size_t built = 0;
  std::size_t reused = 0;
  std::size_t delivered = 0;
  std::size_t stand_ins = 0;
};

struct CabSourceOptions {
  std::filesystem::path folder;  ///< where all cabs of the image end up, under their names
  BuildStamp stamp;
  const PackageSigner* signer = nullptr;  ///< null: unsigned
  std::vector<std::string> languages;     ///< for definitions with language parts
  std::vector<std::string> resolutions;
  std::function<void(const std::string& line)> progress{};  ///< told what is built
};

class CabSource {
 public:
  /// Lists what the workspace can build for that product. Errors: definition_twice, input_ambiguous.
  static Result<CabSource> open(const Workspace& workspace, const Product& product, const BuildEnvironment& environment,
                                CabSourceOptions options);

  /// Puts `cab` into the folder: built, when there is a definition (or left as it is, when nothing changed); else
  /// linked, when it is delivered; else as a stand-in, which is noted in missing(). Asked again it does nothing.
  /// Errors: definition_twice, those of reading a definition (but for missing payload), of write_ppkg and write_cab.
  Status provide(const std::string& cab, const std::string& where);

  /// Writes a package that is no definition's: feature identifiers. Errors: those of write_cab.
  Status add(const Package& package);

  /// Removes what lies in the folder and was not provided this time.
  Status remove_others() const;

  const std::vector<MissingCab>& missing() const { return missing_; }
  const CabCounts& counts() const { return counts_; }
  const std::set<std::string>& stand_ins() const { return stand_ins_; }  ///< folded names of cabs
  const std::filesystem::path& folder() const { return options_.folder; }

 private:
  CabSource(std::filesystem::path root, const Product& product, const BuildEnvironment& environment,
            CabSourceOptions options)
      : root_{std::move(root)}, product_{product}, environment_{environment}, options_{std::move(options)} {}

  Status list(const std::vector<DefinitionFile>& definitions);
  Result<bool> build(const std::string& cab, std::string& why);
  Result<std::vector<Package>> read(const DefinitionFile& definition);
  Status provision(const DefinitionFile& definition);
  Result<bool> link(const std::string& cab);
  Status write(const Package& package);
  Status stand_in(const std::string& cab, const std::string& where, const std::string& why);

  std::filesystem::path root_;  // of the workspace
  const Product& product_;
  const BuildEnvironment& environment_;
  CabSourceOptions options_;
  std::map<std::string, std::vector<DefinitionFile>> definitions_;  // by folded name of the package
  std::map<std::string, std::string> partitions_;                   // by folded name: what a definition targets
  std::set<std::string> provided_;                                  // folded names of cabs
  std::set<std::string> stand_ins_;
  std::vector<MissingCab> missing_;
  CabCounts counts_;
};

}  // namespace flashline::imaging
