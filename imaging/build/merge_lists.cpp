#include "imaging/build/merge_lists.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/build/package_key.h"
#include "imaging/build/stand_in.h"
#include "imaging/feature/merge.h"
#include "imaging/package/cab.h"
#include "imaging/source/scratch_folder.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

struct LoadedList {
  FmList list;
  std::vector<FeatureManifest> manifests;
};

std::string leaf_of(std::string_view path) {
  const auto parts = path_parts(path);
  return parts.empty() ? std::string{} : parts.back();
}

bool wants(const OemInput& input, const FmList& list) {
  return std::ranges::any_of(list.manifests, [&](const FmListEntry& entry) {
    return std::ranges::any_of(input.additional_fms, [&](const PlacedWord& path) {
      return same_word(leaf_of(path.word), leaf_of(entry.path));
    });
  });
}

Result<LoadedList> load(FmList list, const fs::path& folder, const Workspace& workspace) {
  FL_TRY(const auto common, workspace_folder(workspace, R"(Common\Packages)"));
  std::vector<fs::path> folders{folder, folder / "InputFMs"};
  if (common) folders.push_back(*common);
  LoadedList loaded{.list = std::move(list), .manifests = {}};
  for (const FmListEntry& entry : loaded.list.manifests) {
    FL_TRY(const fs::path file, find_manifest(entry, folders));
    FL_TRY(const XmlDocument document, read_input_xml(file));
    FL_TRY(auto manifest, read_feature_manifest(document));
    loaded.manifests.push_back(std::move(manifest));
  }
  return loaded;
}

Result<MergeMember> member_of(const fs::path& cab) {
  FL_TRY(const Package package, open_cab(cab));
  MergeMember member{.identity = package.identity, .raw_image = package.raw_image.has_value()};
  // Nobody knows what the missing package is; the release rules see to it that it goes into no retail image.
  if (is_stand_in(package)) member.identity.release_type = ReleaseType::production;
  FL_TRY(member.digest, digest_of_file(cab));
  return member;
}

Status merge(const LoadedList& loaded, const MergeInputs& inputs, const fs::path& merged, CabSource& source) {
  FL_TRY(const auto cabs, named_cabs(loaded.list, loaded.manifests, inputs));
  for (const NamedCab& cab : cabs) FL_CHECK(source.provide(cab.cab, cab.where));
  FL_TRY(const MergeResult result, merge_features(loaded.list, loaded.manifests, inputs));
  for (const Package& identifier : result.identifiers) FL_CHECK(source.add(identifier));
  for (const MergedManifest& manifest : result.manifests) {
    FL_CHECK(write_small_file(merged / manifest.name, std::string_view{manifest.text}));
  }
  return {};
}

}  // namespace

Result<std::vector<fs::path>> find_fm_lists(const Workspace& workspace, const Product& product) {
  std::vector<fs::path> folders;
  FL_TRY(const auto source, workspace_folder(workspace, source_folder(product.arch) + R"(\Packages)"));
  if (source) folders.push_back(*source);
  FL_TRY(const fs::path bsp, find_bsp(workspace, product.arch, product.bsp));
  folders.push_back(find_input(bsp, "Packages").value_or(bsp));
  std::vector<fs::path> lists;
  for (const fs::path& folder : folders) {
    std::vector<fs::path> here;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator{folder, code}) {
      if (folded(entry.path().filename().string()).ends_with("fmfilelist.xml")) here.push_back(entry.path());
    }
    std::ranges::sort(here);
    lists.insert(lists.end(), here.begin(), here.end());
  }
  return lists;
}

Status merge_lists(const Workspace& workspace, const Product& product, const BuildEnvironment& environment,
                   const Variables& names, const OemInput& input, CabSource& source) {
  MergeInputs inputs{.percents = names,
                     .oem_name = environment.owner,
                     .version = environment.version,
                     .folder = workspace.root,
                     .open = member_of};
  FL_TRY(const auto lists, find_fm_lists(workspace, product));
  for (const fs::path& path : lists) {
    FL_TRY(const XmlDocument document, read_input_xml(path));
    FL_TRY(FmList list, read_fm_list(document));
    if (!wants(input, list)) continue;
    FL_TRY(const LoadedList loaded, load(std::move(list), path.parent_path(), workspace));
    FL_CHECK(merge(loaded, inputs, environment.merged, source));
  }
  return {};
}

}  // namespace flashline::imaging
