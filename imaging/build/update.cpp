#include "imaging/build/update.h"

#include <algorithm>
#include <map>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "imaging/build/json_text.h"
#include "imaging/build/package_key.h"
#include "imaging/build/stand_in.h"
#include "imaging/core/errors/build.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/errors/trust.h"
#include "imaging/package/cab.h"
#include "imaging/source/scratch_folder.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// One package of the newer set, and what devices have of it.
struct Candidate {
  const StoredPackage* now = nullptr;
  const InstalledPackage* before = nullptr;  ///< nullptr: nothing
  bool taken = false;

  const PackageIdentity& identity() const { return now->package.identity; }
  bool is_raised() const { return before == nullptr || identity().version > before->version; }
};
using Candidates = std::map<std::string, Candidate>;  // by folded name

Result<Candidates> candidates_of(const std::vector<InstalledPackage>& before, const std::vector<StoredPackage>& after) {
  Candidates candidates;
  std::vector<std::string> stale;
  for (const StoredPackage& one : after) {
    if (is_stand_in(one.package)) return fail(errc::release_stand_in, one.cab.string());
    candidates[folded(one.package.identity.name)] = {.now = &one, .before = nullptr};
  }
  for (const InstalledPackage& one : before) {
    if (const auto found = candidates.find(folded(one.name)); found != candidates.end()) found->second.before = &one;
  }
  for (auto& [key, one] : candidates) {
    one.taken = one.before == nullptr || one.before->content != content_digest(one.now->package);
    if (one.taken && !one.is_raised()) {
      stale.push_back(fmt::format("{} is {}, devices have {}", one.identity().name, to_text(one.identity().version),
                                  to_text(one.before->version)));
    }
  }
  if (stale.empty()) return candidates;
  return fail(errc::package_not_raised, fmt::format("{} changed: {}", stale.size(), fmt::join(stale, "; ")));
}

/// A feature identifier says which versions its packages have.
void take_identifiers(Candidates& candidates) {
  std::set<std::string> taken;
  for (const auto& [key, one] : candidates) {
    if (one.taken) taken.insert(key);
  }
  for (auto& [key, one] : candidates) {
    const bool lists = std::ranges::any_of(one.now->package.members, [&](const std::string& line) {
      return taken.contains(folded(line.substr(0, line.find(' '))));
    });
    one.taken = one.taken || (lists && one.is_raised());
  }
}

Result<UpdatePackage> copy_package(const Candidate& one, const fs::path& folder, const TrustPolicy& trust) {
  const fs::path& cab = one.now->cab;
  const PackageIdentity& identity = one.identity();
  UpdatePackage package{.cab = cab.filename().string(),
                        .name = identity.name,
                        .partition = identity.partition,
                        .version = identity.version,
                        .before = {}};
  if (one.before != nullptr) package.before = one.before->version;
  const fs::path copy = folder / package.cab;
  std::error_code code;
  fs::copy_file(cab, copy, code);
  if (code) return fail(errc::image_write, fmt::format("{}: {}", copy.string(), code.message()));
  // The copy is what devices get: the file may have changed since it was compared.
  FL_TRY(const CabVerdict verdict, verify_cab(copy, trust));
  if (content_digest(verdict.package) != content_digest(one.now->package)) {
    return fail(errc::image_changed, cab.string());
  }
  FL_TRY(package.digest, digest_of_file(copy));
  package.size = fs::file_size(copy, code);
  return package;
}

std::string json_of(const Update& update) {
  JsonText json;
  json.begin_object();
  json.begin_array("packages");
  for (const UpdatePackage& one : update.packages) {
    json.begin_object();
    json.value("cab", one.cab);
    json.value("name", one.name);
    json.value("version", to_text(one.version));
    json.value("replaces", one.before ? to_text(*one.before) : std::string{});
    json.value("partition", one.partition);
    json.value("size", one.size);
    json.value("sha256", to_hex(one.digest));
    json.end_object();
  }
  json.end_array();
  for (const auto& [name, list] : {std::pair{"kept", &update.kept}, std::pair{"removed", &update.removed}}) {
    json.begin_array(name);
    for (const std::string& one : *list) json.value({}, one);
    json.end_array();
  }
  json.end_object();
  return json.text();
}

Status check_folder(const fs::path& out) {
  std::error_code code;
  if (!fs::exists(out, code) || (fs::is_directory(out, code) && fs::is_empty(out, code))) return {};
  return fail(errc::update_folder, out.string());
}

}  // namespace

std::vector<InstalledPackage> installed(const std::vector<StoredPackage>& set) {
  std::vector<InstalledPackage> packages;
  for (const StoredPackage& one : set) {
    const PackageIdentity& identity = one.package.identity;
    packages.push_back({.name = identity.name, .version = identity.version, .content = content_digest(one.package)});
  }
  return packages;
}

Result<Update> make_update(const std::vector<InstalledPackage>& before, const fs::path& after, const fs::path& out,
                           const TrustPolicy& trust) {
  FL_CHECK(check_folder(out));
  FL_TRY(const auto set, read_package_set(after));
  FL_TRY(Candidates candidates, candidates_of(before, set));
  take_identifiers(candidates);
  fs::path target = fs::absolute(out).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  std::error_code code;
  fs::create_directories(target.parent_path(), code);
  FL_TRY(const ScratchFolder scratch, ScratchFolder::make(target.parent_path()));
  const fs::path folder = scratch.path() / "update";
  fs::create_directory(folder, code);
  Update update;
  for (const auto& [key, one] : candidates) {
    if (one.taken) {
      FL_TRY(UpdatePackage package, copy_package(one, folder, trust));
      update.packages.push_back(std::move(package));
    } else if (one.is_raised()) {
      update.kept.push_back(one.identity().name);
    }
  }
  for (const InstalledPackage& one : before) {
    if (!candidates.contains(folded(one.name))) update.removed.push_back(one.name);
  }
  std::ranges::sort(update.removed);
  FL_CHECK(write_small_file(folder / "update.json", std::string_view{json_of(update)}));
  fs::remove(target, code);  // an empty folder may stand there
  fs::rename(folder, target, code);
  if (code) return fail(errc::image_write, fmt::format("{}: {}", out.string(), code.message()));
  return update;
}

}  // namespace flashline::imaging
