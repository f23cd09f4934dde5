#include <algorithm>
#include <map>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/cab.h"
#include "imaging/package/cab_reader.h"
#include "imaging/package/compare_packages.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// Servicing manifests say no digests: the members do.
Status complete(const fs::path& cab, PackageFile& file) {
  if (file.digest != Sha256{}) return {};
  FL_TRY(cab::Reader reader, cab::Reader::open(cab));
  const std::string name = std::get<fs::path>(file.source).string();
  const cab::Member* member = reader.find(name);
  if (member == nullptr) return fail(errc::cab_members, fmt::format("{}: there is no member {}", cab.string(), name));
  Sha256Stream digest;
  FL_CHECK(reader.unpack(*member, [&](std::span<const std::byte> bytes) -> Status {
    digest.update(bytes);
    return {};
  }));
  file.digest = digest.finish();
  return {};
}

Result<StoredPackage> read_one(const fs::path& cab) {
  FL_TRY(Package package, open_cab(cab));
  for (PackageFile& file : package.files) FL_CHECK(complete(cab, file));
  if (package.raw_image) FL_CHECK(complete(cab, *package.raw_image));
  if (package.bcd) FL_CHECK(complete(cab, *package.bcd));
  return StoredPackage{.cab = cab, .package = std::move(package)};
}

std::vector<fs::path> cabs_in(const fs::path& folder) {
  std::vector<fs::path> cabs;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{folder, code}) {
    if (entry.is_regular_file(code) && folded(entry.path().extension().string()) == ".cab") {
      cabs.push_back(entry.path());
    }
  }
  std::ranges::sort(cabs);
  return cabs;
}

std::map<std::string, const StoredPackage*> by_name(const std::vector<StoredPackage>& set) {
  std::map<std::string, const StoredPackage*> names;
  for (const StoredPackage& one : set) names.emplace(folded(one.package.identity.name), &one);
  return names;
}

}  // namespace

Result<std::vector<StoredPackage>> read_package_set(const fs::path& path) {
  std::error_code code;
  const bool folder = fs::is_directory(path, code);
  const std::vector<fs::path> cabs = folder ? cabs_in(path) : std::vector{path};
  if (cabs.empty()) return fail(errc::package_set, fmt::format("{}: no package lies there", path.string()));
  std::map<std::string, StoredPackage> named;
  for (const fs::path& cab : cabs) {
    FL_TRY(StoredPackage one, read_one(cab));
    const std::string key = folded(one.package.identity.name);
    const auto [there, added] = named.emplace(key, std::move(one));
    if (added) continue;
    return fail(errc::package_set, fmt::format("{} and {} are both {}", there->second.cab.string(), cab.string(),
                                               there->second.package.identity.name));
  }
  std::vector<StoredPackage> set;
  for (auto& [key, one] : named) set.push_back(std::move(one));
  return set;
}

std::vector<PackageDifference> compare_sets(const std::vector<StoredPackage>& before,
                                            const std::vector<StoredPackage>& after) {
  const auto old = by_name(before);
  const auto now = by_name(after);
  std::map<std::string, PackageDifference> differences;
  for (const auto& [key, one] : old) {
    if (now.contains(key)) continue;
    const PackageIdentity& identity = one->package.identity;
    differences[key] = {.name = identity.name, .before = identity.version, .after = {}, .changes = {}};
  }
  for (const auto& [key, one] : now) {
    const PackageIdentity& identity = one->package.identity;
    PackageDifference difference{.name = identity.name, .before = {}, .after = identity.version, .changes = {}};
    if (const auto was = old.find(key); was != old.end()) {
      difference.before = was->second->package.identity.version;
      difference.changes = compare_packages(was->second->package, one->package);
      if (difference.changes.empty() && difference.before == difference.after) continue;
    }
    differences[key] = std::move(difference);
  }
  std::vector<PackageDifference> sorted;
  for (auto& [key, one] : differences) sorted.push_back(std::move(one));
  return sorted;
}

Status require_raised(const std::vector<PackageDifference>& differences) {
  std::vector<std::string> stale;
  for (const PackageDifference& one : differences) {
    if (!one.is_stale()) continue;
    stale.push_back(*one.before == *one.after ? fmt::format("{} is still {}", one.name, to_text(*one.after))
                                              : fmt::format("{} went back from {} to {}", one.name,
                                                            to_text(*one.before), to_text(*one.after)));
  }
  if (stale.empty()) return {};
  return fail(errc::package_not_raised, fmt::format("{} changed: {}", stale.size(), fmt::join(stale, "; ")));
}

}  // namespace flashline::imaging
