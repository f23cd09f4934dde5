#include "imaging/feature/detail/known_features.h"

#include <map>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/feature.h"
#include "imaging/core/nearest.h"
#include "imaging/feature/detail/selection.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging::detail {
namespace {

std::string leaf(const std::string& file) { return std::filesystem::path{file}.filename().string(); }

/// What the manifests define on one side, folded -> as written.
std::map<std::string, std::string> defined_features(const std::vector<LoadedManifest>& manifests, FmSection side) {
  std::map<std::string, std::string> defined;
  for (const LoadedManifest& loaded : manifests) {
    for (const FmPackage& package : loaded.manifest.packages) {
      if (package.section != side) continue;
      for (const PlacedWord& feature : package.features) defined.emplace(folded(feature.word), feature.word);
    }
  }
  return defined;
}

struct Defined {
  std::map<std::string, std::string> microsoft, oem;
};

Defined defined_by(const std::vector<LoadedManifest>& manifests) {
  return {defined_features(manifests, FmSection::microsoft_feature),
          defined_features(manifests, FmSection::oem_feature)};
}

std::string unknown_feature(const PlacedWord& feature, bool microsoft, const Defined& defined) {
  const auto& mine = microsoft ? defined.microsoft : defined.oem;
  const auto& other = microsoft ? defined.oem : defined.microsoft;
  std::string hint;
  if (other.contains(folded(feature.word))) {
    hint = fmt::format("; it is one of Features/{}", microsoft ? "OEM" : "Microsoft");
  } else {
    std::vector<std::string_view> names;
    for (const auto& [key, name] : mine) names.push_back(name);
    if (const auto meant = nearest(feature.word, names)) hint = fmt::format("; did you mean '{}'?", *meant);
  }
  return fmt::format("{}: '{}' of Features/{}{}", feature.where, feature.word, microsoft ? "Microsoft" : "OEM", hint);
}

/// For an id of an OEM feature that no manifest defines: the one that its writer had in mind. A name that resembles
/// none may well be defined by a manifest that this image leaves out.
std::optional<std::string> probably_meant(const std::string& id, const Defined& defined) {
  constexpr std::size_t beginning = std::string_view{"OEM_"}.size();
  const std::string key = folded(id);
  if (!key.starts_with("oem_") || defined.oem.contains(key.substr(beginning))) return std::nullopt;
  if (const auto whole = defined.oem.find(key); whole != defined.oem.end()) return whole->second;
  std::vector<std::string_view> keys;
  for (const auto& [name, written] : defined.oem) keys.emplace_back(name);
  const auto meant = nearest(std::string_view{key}.substr(beginning), keys);
  return meant ? std::optional{defined.oem.at(std::string{*meant})} : std::nullopt;
}

}  // namespace

Result<std::vector<PlacedWord>> check_features(const OemInput& input, const std::vector<LoadedManifest>& manifests,
                                               bool microsoft_missing) {
  const Defined defined = defined_by(manifests);
  std::vector<PlacedWord> left;
  std::vector<std::string> unknown;
  for (const PlacedWord& feature : input.microsoft_features) {
    if (defined.microsoft.contains(folded(feature.word))) continue;
    if (microsoft_missing) {
      left.push_back(feature);
    } else {
      unknown.push_back(unknown_feature(feature, true, defined));
    }
  }
  for (const PlacedWord& feature : input.oem_features) {
    if (!defined.oem.contains(folded(feature.word))) unknown.push_back(unknown_feature(feature, false, defined));
  }
  if (unknown.empty()) return left;
  std::vector<std::string> files;
  for (const LoadedManifest& loaded : manifests) files.push_back(leaf(loaded.manifest.file));
  return fail(errc::feature_unknown,
              fmt::format("{}; none of these is defined by {}", fmt::join(unknown, "; "),
                          files.empty() ? "any manifest" : fmt::format("{}", fmt::join(files, ", "))));
}

std::vector<std::string> idle_members(const std::vector<LoadedManifest>& manifests) {
  const Defined defined = defined_by(manifests);
  std::vector<std::string> warnings;
  for (const LoadedManifest& loaded : manifests) {
    for (const FeatureGroup& group : loaded.manifest.groups) {
      for (const PlacedWord& member : group.members) {
        const auto meant = probably_meant(implicit_id(group, member.word), defined);
        if (!meant) continue;
        warnings.push_back(fmt::format("{}: the group's member '{}' never counts; did you mean 'OEM_{}'?", member.where,
                                       member.word, *meant));
      }
    }
  }
  return warnings;
}

}  // namespace flashline::imaging::detail
