#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "imaging/feature/resolve.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

/// A manifest that is wanted: its path, and who wants it.
struct Wanted {
  std::string path;
  std::string where;
  bool microsoft;
};

/// `path` lies below `folder`, part by part and case aside.
bool lies_below(std::string_view path, std::string_view folder) {
  const auto parts = path_parts(path);
  const auto above = path_parts(folder);
  return !above.empty() && parts.size() > above.size() &&
         std::equal(above.begin(), above.end(), parts.begin(),
                    [](const std::string& a, const std::string& b) { return same_word(a, b); });
}

bool is_microsofts(std::string_view path, const Variables& percents) {
  const auto parts = path_parts(path);
  if (!parts.empty() && folded(parts.back()).starts_with("iotuap")) return true;
  if (!percents.has("AKROOT")) return false;
  const auto kit = percents.expand("%AKROOT%");
  return kit && lies_below(path, *kit);
}

/// The implied one first. A machine without the kit need not say where it would be.
Result<std::vector<Wanted>> wanted_manifests(const OemInput& input, const Variables& percents, CpuType cpu) {
  std::vector<Wanted> wanted;
  if (input.product == ImageProduct::iot_core) {
    FL_TRY(const std::string kit, percents.has("AKROOT") ? percents.expand("%AKROOT%") : std::string{"%AKROOT%"});
    wanted.push_back({fmt::format("{}\\FMFiles\\{}\\IoTUAPFM.xml", kit, name_of(cpu)), input.file, true});
  }
  for (const PlacedWord& path : input.additional_fms) {
    wanted.push_back({path.word, path.where, is_microsofts(path.word, percents)});
  }
  return wanted;
}

Result<LoadedManifest> load(const std::filesystem::path& file, bool microsoft) {
  FL_TRY(const XmlDocument document, read_input_xml(file));
  FL_TRY(FeatureManifest manifest, read_feature_manifest(document));
  microsoft = microsoft || manifest.owner_type == OwnerType::microsoft;
  return LoadedManifest{std::move(manifest), microsoft};
}

Status refuse_missing(const std::vector<MissingManifest>& missing) {
  std::vector<std::string> own;
  for (const MissingManifest& one : missing) {
    if (!one.microsoft) own.push_back(fmt::format("{}: there is no '{}'", one.where, one.path));
  }
  if (own.empty()) return {};
  return fail(errc::fm_missing, fmt::format("{}", fmt::join(own, "; ")));
}

}  // namespace

Result<LoadedManifests> load_manifests(const OemInput& input, const Variables& percents, CpuType cpu,
                                       const std::filesystem::path& folder) {
  FL_TRY(const auto wanted, wanted_manifests(input, percents, cpu));
  LoadedManifests loaded;
  std::vector<std::filesystem::path> taken;
  for (const Wanted& one : wanted) {
    const auto file = find_input(folder, one.path);
    if (!file && file.error().code != errc::input_missing) return std::unexpected{in_context(one.where, file.error())};
    if (!file) {
      loaded.missing.push_back({one.path, one.where, one.microsoft});
      continue;
    }
    if (std::ranges::find(taken, *file) != taken.end()) continue;
    taken.push_back(*file);
    FL_TRY(LoadedManifest manifest, load(*file, one.microsoft));
    loaded.manifests.push_back(std::move(manifest));
  }
  FL_CHECK(refuse_missing(loaded.missing));
  return loaded;
}

}  // namespace flashline::imaging
