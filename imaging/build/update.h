#pragma once
// What a device with an older set of packages needs to have the content of a newer one.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "imaging/package/compare_packages.h"
#include "imaging/trust/trust_policy.h"

namespace flashline::imaging {

/// A package that devices have: by its cab, or by the report of their image ("content_sha256").
struct InstalledPackage {
  std::string name;
  Version version;
  Sha256 content{};  ///< content_digest
};
std::vector<InstalledPackage> installed(const std::vector<StoredPackage>& set);

struct UpdatePackage {
  std::string cab, name, partition;
  Version version;
  std::optional<Version> before;  ///< nullopt: devices do not have it yet
  std::uint64_t size = 0;         ///< of the cab, in bytes
  Sha256 digest{};                ///< of the cab
};

struct Update {
  std::vector<UpdatePackage> packages;  ///< by name
  std::vector<std::string> kept;        ///< have a higher version and nothing else that is new: devices need them not
  std::vector<std::string> removed;     ///< no package can take these from a device
};

/// Copies those cabs of `after`, a folder, into `out`, which must not hold anything yet, that devices with `before`
/// need: new packages, those whose content changed, and the feature identifiers that list one of them. update.json
/// says which they are. Whole or not at all; the same inputs give the same bytes.
/// Errors: package_not_raised (all of them), release_stand_in, update_folder, those of read_package_set, verify_cab by
/// `trust` (of the packages that are copied), image_write.
Result<Update> make_update(const std::vector<InstalledPackage>& before, const std::filesystem::path& after,
                           const std::filesystem::path& out, const TrustPolicy& trust);

}  // namespace flashline::imaging
