#pragma once
// In what two forms of a package differ, and two sets of packages. A package is the smallest thing that a device
// updates, and takes only with a higher version.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/package/package.h"

namespace flashline::imaging {

struct PackageChange {
  enum class What : std::uint8_t { identity, file, folder, registry_key, registry_value, member };
  What what = What::file;
  std::string where;                         ///< a path on the device, "KEY\name", a member's name
  std::optional<std::string> before, after;  ///< in words; nullopt: it was not there, it is not there any more
};
/// "identity", "file", "folder", "registry key", "registry value", "member".
std::string_view name_of(PackageChange::What what);

/// Everything but the version and who signed when; by kind, then in the order of names. Names are compared without
/// case, files by their digests. Of the packages that a feature identifier stands for, the names count: their
/// versions and digests are their own.
std::vector<PackageChange> compare_packages(const Package& before, const Package& after);

/// SHA-256 over all that compare_packages looks at: equal when nothing differs.
Sha256 content_digest(const Package& package);

/// A package of a set, with all digests of its files.
struct StoredPackage {
  std::filesystem::path cab;
  Package package;
};
/// The packages of a folder (*.cab, not those of folders in it), by name; or the one that `path` is.
/// Errors: package_set (none there, or two of one name), those of open_cab, cab_damaged.
Result<std::vector<StoredPackage>> read_package_set(const std::filesystem::path& path);

struct PackageDifference {
  std::string name;
  std::optional<Version> before, after;  ///< nullopt: it was not there, it is not there any more
  std::vector<PackageChange> changes;    ///< empty: nothing but the version, or added, or removed

  /// It changed, and no device would notice.
  bool is_stale() const { return before && after && !changes.empty() && *after <= *before; }
};
/// What differs between two sets, by name.
std::vector<PackageDifference> compare_sets(const std::vector<StoredPackage>& before,
                                            const std::vector<StoredPackage>& after);

/// Every changed package has a higher version than before. Errors: package_not_raised, with all that have not.
Status require_raised(const std::vector<PackageDifference>& differences);

}  // namespace flashline::imaging
