#include "imaging/feature/merge.h"

#include <algorithm>
#include <map>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/feature.h"
#include "imaging/feature/detail/identifier_groups.h"
#include "imaging/feature/detail/part_names.h"
#include "imaging/feature/resolve.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

using detail::IdentifierGroup;

/// Cabs by folded file name.
using Members = std::map<std::string, MergeMember>;

std::string leaf(const std::string& file) { return std::filesystem::path{file}.filename().string(); }

detail::Expander expander_for(const FmListEntry& entry, const MergeInputs& inputs) {
  Variables dollars{Variables::Style::dollar};
  dollars.set("cputype", std::string{name_of(entry.cpu)});
  dollars.set("buildtype", "fre");
  return {inputs.percents, std::move(dollars)};
}

/// What people wrote, for the list's CPU: the rest is made here, or is none of this list's business.
bool is_merged_over(const FmPackage& package, const FmListEntry& entry) {
  return !package.identifier && (!package.cpu || *package.cpu == entry.cpu);
}

/// The cabs of one entry, whether they are there or not.
Result<std::vector<NamedCab>> cabs_of(const FmPackage& package, const FmList& list, const detail::Expander& expander,
                                      const std::filesystem::path& base) {
  FL_TRY(const std::string folder, expander.expand(package.path, package.where));
  FL_TRY(const std::string name, expander.expand(package.name, package.where));
  std::vector<NamedCab> cabs;
  for (std::string& cab : detail::part_names(package, name, list.languages, list.resolutions)) {
    FL_TRY(std::filesystem::path file, detail::find_cab(base, folder, cab, package.where));
    cabs.push_back({std::move(cab), folder, std::move(file), package.where});
  }
  return cabs;
}

Status refuse_missing(const std::vector<NamedCab>& cabs) {
  std::vector<std::string> missing;
  for (const NamedCab& cab : cabs) {
    if (cab.file.empty()) missing.push_back(fmt::format("'{}' in '{}' ({})", cab.cab, cab.folder, cab.where));
  }
  if (missing.empty()) return {};
  return fail(errc::cab_missing, fmt::format("{} not there: {}", missing.size(), fmt::join(missing, "; ")));
}

Result<MergeMember> open_member(const NamedCab& cab, const FmListEntry& entry, const MergeInputs& inputs) {
  FL_TRY(MergeMember member, inputs.open(cab.file));
  ResolvedPackage wanted;
  wanted.cab = cab.cab;
  wanted.reasons.push_back({{}, FmSection::base, {}, cab.where});
  FL_CHECK(check_member(wanted, member.identity, entry.cpu));
  if (entry.release_type == ReleaseType::test || member.identity.release_type == ReleaseType::production) return member;
  return fail(errc::merge_release, fmt::format("{}: '{}' is a Test package, its manifest is for Production ({})",
                                               cab.where, cab.cab, entry.where));
}

Status check_feature_ids(const FmPackage& package) {
  for (const PlacedWord& feature : package.features) {
    if (is_feature_id(feature.word)) continue;
    return fail(errc::merge_feature_id, fmt::format("{}: '{}' is no id of a feature", feature.where, feature.word));
  }
  return {};
}

/// One manifest of the list on its way through the merger.
class Merger {
 public:
  Merger(const FmList& list, const FmListEntry& entry, const MergeInputs& inputs)
      : list_{list}, entry_{entry}, inputs_{inputs}, expander_{expander_for(entry, inputs)} {}

  Result<MergedManifest> merge(FeatureManifest manifest, std::vector<Package>& identifiers) {
    std::erase_if(manifest.packages, [](const FmPackage& package) { return package.identifier; });
    for (FmPackage& package : manifest.packages) {
      if (is_merged_over(package, entry_)) FL_CHECK(add(package));
    }
    for (const IdentifierGroup& group : groups_.all()) {
      identifiers.push_back(identifier_of(group));
      manifest.packages.push_back(entry_of(group, identifiers.back()));
    }
    manifest.id = entry_.id;
    manifest.owner_name = owner();
    manifest.owner_type = entry_.owner_type;
    manifest.release_type = entry_.release_type;
    return MergedManifest{leaf(manifest.file), manifest_text(manifest)};
  }

 private:
  std::string owner() const { return same_word(entry_.owner, "OEM_NAME") ? inputs_.oem_name : entry_.owner; }

  Status add(FmPackage& package) {
    FL_CHECK(check_feature_ids(package));
    FL_TRY(const auto cabs, cabs_of(package, list_, expander_, inputs_.folder));
    for (const NamedCab& cab : cabs) {
      auto known = members_.find(folded(cab.cab));
      if (known == members_.end()) {
        FL_TRY(MergeMember member, open_member(cab, entry_, inputs_));
        known = members_.emplace(folded(cab.cab), std::move(member)).first;
      }
      groups_.add(package, known->second);
      if (&cab == &cabs.front()) note(package, known->second.identity);
    }
    return {};
  }

  static void note(FmPackage& package, const PackageIdentity& identity) {
    package.partition = identity.partition;
    package.id = identity.name;
    package.version = to_text(identity.version);
  }

  Package identifier_of(const IdentifierGroup& group) const {
    Package package;
    PackageIdentity& identity = package.identity;
    identity.owner = owner();
    identity.component = group.id;
    identity.sub_component = entry_.id;
    identity.version = inputs_.version;
    identity.cpu = entry_.cpu;
    identity.owner_type = entry_.owner_type;
    identity.release_type = entry_.release_type;
    identity.partition = group.partition;
    identity.name = fmt::format("{}.{}.{}.{}", detail::file_word(owner()), detail::file_word(group.id), entry_.id,
                                detail::file_word(group.partition));
    package.members = {"group " + group.id, "manifest " + entry_.id};
    for (const MergeMember* member : group.members) {
      package.members.push_back(
          fmt::format("{} {} {}", member->identity.name, to_text(member->identity.version), to_hex(member->digest)));
    }
    return package;
  }

  FmPackage entry_of(const IdentifierGroup& group, const Package& identifier) const {
    FmPackage entry = group.entry;
    entry.path = inputs_.identifier_path;
    entry.name = identifier.identity.name + ".cab";
    note(entry, identifier.identity);
    return entry;
  }

  const FmList& list_;
  const FmListEntry& entry_;
  const MergeInputs& inputs_;
  detail::Expander expander_;
  Members members_;
  detail::IdentifierGroups groups_;
};

Status check_names(const std::vector<Package>& identifiers) {
  std::map<std::string, const Package*> names;
  for (const Package& package : identifiers) {
    const auto [other, fresh] = names.emplace(folded(package.identity.name), &package);
    if (fresh) continue;
    return fail(errc::merge_names, fmt::format("'{}' and '{}' both give '{}'", other->second->members.front(),
                                               package.members.front(), package.identity.name));
  }
  return {};
}

}  // namespace

Result<std::vector<NamedCab>> named_cabs(const FmList& list, const std::vector<FeatureManifest>& manifests,
                                         const MergeInputs& inputs) {
  std::vector<NamedCab> all;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < list.manifests.size() && i < manifests.size(); ++i) {
    const detail::Expander expander = expander_for(list.manifests[i], inputs);
    for (const FmPackage& package : manifests[i].packages) {
      if (!is_merged_over(package, list.manifests[i])) continue;
      FL_TRY(auto cabs, cabs_of(package, list, expander, inputs.folder));
      for (NamedCab& cab : cabs) {
        if (seen.insert(folded(cab.cab)).second) all.push_back(std::move(cab));
      }
    }
  }
  return all;
}

Result<MergeResult> merge_features(const FmList& list, const std::vector<FeatureManifest>& manifests,
                                   const MergeInputs& inputs) {
  FL_TRY(const auto cabs, named_cabs(list, manifests, inputs));
  FL_CHECK(refuse_missing(cabs));
  MergeResult result;
  for (std::size_t i = 0; i < list.manifests.size() && i < manifests.size(); ++i) {
    FL_TRY(MergedManifest merged, Merger(list, list.manifests[i], inputs).merge(manifests[i], result.identifiers));
    result.manifests.push_back(std::move(merged));
  }
  FL_CHECK(check_names(result.identifiers));
  return result;
}

}  // namespace flashline::imaging
