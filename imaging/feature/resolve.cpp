#include "imaging/feature/resolve.h"

#include <algorithm>
#include <map>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/feature.h"
#include "imaging/feature/detail/known_features.h"
#include "imaging/feature/detail/part_names.h"
#include "imaging/feature/detail/selection.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

using detail::Expander;
using detail::Selection;

/// What the image takes, by rank in the order of installation, before cabs that are named twice are made one.
using Candidates = std::multimap<unsigned, ResolvedPackage>;

std::string leaf(const std::string& file) { return std::filesystem::path{file}.filename().string(); }

bool is_board_section(FmSection section) {
  return section == FmSection::soc || section == FmSection::sv || section == FmSection::device ||
         section == FmSection::device_layout || section == FmSection::device_platform;
}

unsigned rank_of(FmSection section, bool microsoft) {
  if (is_board_section(section)) return 2;
  if (section == FmSection::microsoft_feature) return 1;
  if (section == FmSection::oem_feature) return 4;
  return microsoft ? 0 : 3;
}
constexpr unsigned last_rank = 5;

bool has_word(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::any_of(words, [&](const std::string& one) { return same_word(one, word); });
}

/// What of OEMInput selects the entry: the feature, the SOC ...; empty text: always. nullopt: not selected.
std::optional<std::string> selected_by(const FmPackage& package, const OemInput& input, const Selection& selection,
                                       CpuType cpu) {
  const auto when = [&](bool selected) { return selected ? std::optional{package.selector} : std::nullopt; };
  const bool microsoft = package.section == FmSection::microsoft_feature;
  if (package.cpu && *package.cpu != cpu) return std::nullopt;
  switch (package.section) {
    case FmSection::microsoft_feature:
    case FmSection::oem_feature: {
      const auto found = std::ranges::find_if(package.features, [&](const PlacedWord& feature) {
        return selection.has((microsoft ? "MS_" : "OEM_") + feature.word);
      });
      return found != package.features.end() ? std::optional{found->word} : std::nullopt;
    }
    case FmSection::release:
      return when(same_word(package.selector, name_of(input.release_type)));
    // A replacement stands in for a protected package, so an image has one of the two kinds.
    case FmSection::prerelease:
      return when(same_word(package.selector, input.exclude_prerelease ? "replacement" : "protected"));
    case FmSection::soc:
    case FmSection::device_layout:
      return when(same_word(package.selector, input.soc.word));
    case FmSection::sv:
      return when(same_word(package.selector, input.sv.word));
    case FmSection::device:
      return when(same_word(package.selector, input.device.word));
    case FmSection::device_platform:
      return when(input.device_platform_file.word.empty() && same_word(package.selector, input.device.word));
    case FmSection::keyboard:
      return when(has_word(input.keyboard_languages, package.selector));
    case FmSection::speech:
      return when(has_word(input.speech_languages, package.selector));
    default:
      return std::string{};
  }
}

Status add_candidates(const LoadedManifest& loaded, const FmPackage& package, const std::string& selector,
                      const OemInput& input, const Expander& expander, Candidates& candidates) {
  FL_TRY(const std::string folder, expander.expand(package.path, package.where));
  FL_TRY(const std::string name, expander.expand(package.name, package.where));
  for (const std::string& cab : detail::part_names(package, name, input.ui_languages, input.resolutions)) {
    ResolvedPackage resolved;
    resolved.cab = cab;
    resolved.folder = folder;
    resolved.microsoft = loaded.microsoft;
    resolved.identifier = package.identifier;
    resolved.version = package.version;
    resolved.partition = package.partition;
    resolved.reasons.push_back({leaf(loaded.manifest.file), package.section, selector, package.where});
    candidates.emplace(rank_of(package.section, loaded.microsoft), std::move(resolved));
  }
  return {};
}

Result<Candidates> all_candidates(const OemInput& input, const std::vector<LoadedManifest>& manifests,
                                  const Selection& selection, CpuType cpu, const Expander& expander) {
  Candidates candidates;
  for (const LoadedManifest& loaded : manifests) {
    for (const FmPackage& package : loaded.manifest.packages) {
      const auto selector = selected_by(package, input, selection, cpu);
      if (!selector) continue;
      FL_CHECK(add_candidates(loaded, package, *selector, input, expander, candidates));
    }
  }
  return candidates;
}

/// OEMInput's own cabs come last: they are there to overwrite.
void add_package_files(const OemInput& input, Candidates& candidates) {
  for (const PlacedWord& path : input.package_files) {
    const std::size_t slash = path.word.find_last_of("\\/");
    ResolvedPackage package;
    package.cab = slash == std::string::npos ? path.word : path.word.substr(slash + 1);
    package.folder = slash == std::string::npos ? std::string{} : path.word.substr(0, slash);
    package.reasons.push_back({leaf(input.file), FmSection::package_files, {}, path.where});
    candidates.emplace(last_rank, std::move(package));
  }
}

/// Each cab once, at its first place, with every reason.
Status install_once(Candidates candidates, Resolution& resolution) {
  std::map<std::string, std::size_t> places;
  for (auto& [rank, package] : candidates) {
    const auto [known, fresh] = places.emplace(folded(package.cab), resolution.packages.size());
    if (fresh) {
      resolution.packages.push_back(std::move(package));
      continue;
    }
    ResolvedPackage& first = resolution.packages[known->second];
    const PullReason& reason = package.reasons.front();
    if (!detail::same_folder(first.folder, package.folder)) {
      return fail(errc::cab_two_paths,
                  fmt::format("{}: '{}' lies in '{}', but in '{}' by {}", reason.where, package.cab, package.folder,
                              first.folder, first.reasons.front().where));
    }
    first.reasons.push_back(reason);
  }
  return {};
}

/// Which packages are there because of `section`.
std::vector<std::size_t> of_section(const Resolution& resolution, FmSection section) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < resolution.packages.size(); ++i) {
    const auto& reasons = resolution.packages[i].reasons;
    if (std::ranges::find(reasons, section, &PullReason::section) != reasons.end()) found.push_back(i);
  }
  return found;
}

/// What a board section knows, for the message that nothing of it was meant.
std::string offered(const std::vector<LoadedManifest>& manifests, FmSection section) {
  std::set<std::string> words;
  for (const LoadedManifest& loaded : manifests) {
    for (const FmPackage& package : loaded.manifest.packages) {
      if (package.section == section) words.insert(package.selector + " (" + package.where + ")");
    }
  }
  return words.empty() ? "none" : fmt::format("{}", fmt::join(words, ", "));
}

struct OneOf {
  FmSection section;
  std::string_view what;
  Errc unmatched, ambiguous;
};

Result<std::size_t> exactly_one(const Resolution& resolution, const std::vector<LoadedManifest>& manifests,
                                const PlacedWord& wanted, const OneOf& rule) {
  const auto found = of_section(resolution, rule.section);
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(rule.unmatched, fmt::format("{}: no {} for '{}'; there are: {}", wanted.where, rule.what, wanted.word,
                                            offered(manifests, rule.section)));
  }
  std::vector<std::string> cabs;
  for (const std::size_t i : found) {
    const ResolvedPackage& package = resolution.packages[i];
    const auto reason = std::ranges::find(package.reasons, rule.section, &PullReason::section);
    cabs.push_back(fmt::format("'{}' ({})", package.cab, reason->where));
  }
  return fail(rule.ambiguous, fmt::format("{}: '{}' has more than one {}: {}", wanted.where, wanted.word, rule.what,
                                          fmt::join(cabs, ", ")));
}

Status find_board(const OemInput& input, const std::vector<LoadedManifest>& manifests, Resolution& resolution) {
  FL_TRY(resolution.device_layout,
         exactly_one(resolution, manifests, input.soc,
                     {FmSection::device_layout, "device layout", errc::soc_unmatched, errc::soc_ambiguous}));
  if (!input.device_platform_file.word.empty()) return {};
  FL_TRY(resolution.device_platform,
         exactly_one(resolution, manifests, input.device,
                     {FmSection::device_platform, "device platform", errc::device_unmatched, errc::device_ambiguous}));
  return {};
}

Result<Variables> dollars_for(const OemInput& input, const ResolveInputs& inputs) {
  Variables dollars{Variables::Style::dollar};
  dollars.set("cputype", std::string{name_of(inputs.cpu)});
  dollars.set("buildtype", input.build_type);
  dollars.set("bootlocale", input.boot_locale);
  dollars.set("bootuilanguage", input.boot_ui_language);
  if (!inputs.percents.has("MSPACKAGE")) return dollars;
  FL_TRY(std::string root, inputs.percents.expand("%MSPACKAGE%"));
  dollars.set("mspackageroot", std::move(root));
  return dollars;
}

}  // namespace

Result<Resolution> resolve(const OemInput& input, const std::vector<LoadedManifest>& manifests,
                           const ResolveInputs& inputs) {
  Resolution resolution;
  FL_TRY(resolution.unknown_microsoft, detail::check_features(input, manifests, inputs.microsoft_missing));
  const Selection selection{input};
  std::vector<const FeatureManifest*> plain;
  for (const LoadedManifest& loaded : manifests) plain.push_back(&loaded.manifest);
  FL_CHECK(detail::check_groups(plain, selection));
  resolution.warnings = detail::idle_members(manifests);
  FL_TRY(Variables dollars, dollars_for(input, inputs));
  const Expander expander{inputs.percents, std::move(dollars)};
  FL_TRY(Candidates candidates, all_candidates(input, manifests, selection, inputs.cpu, expander));
  add_package_files(input, candidates);
  FL_CHECK(install_once(std::move(candidates), resolution));
  FL_CHECK(find_board(input, manifests, resolution));
  return resolution;
}

}  // namespace flashline::imaging
