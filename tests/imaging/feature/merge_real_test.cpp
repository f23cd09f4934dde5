// Every list of manifests of the shared workspace through the merger, with an empty file for each cab.

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <set>

#include "imaging/feature/merge.h"
#include "imaging/workspace/windows_path.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/feature/feature_rig.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;
const fs::path data = FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace";

std::vector<fs::path> all_lists() {
  std::vector<fs::path> lists;
  for (const auto& entry : fs::recursive_directory_iterator{data}) {
    if (folded(entry.path().filename().string()).ends_with("fmfilelist.xml")) lists.push_back(entry.path());
  }
  std::ranges::sort(lists);
  return lists;
}

class MergeReal : public ::testing::TestWithParam<fs::path> {
 protected:
  MergeReal() {
    for (const char* name : {"PKGBLD_DIR", "BSPPKG_DIR", "MSPKG_DIR"})
      inputs_.percents.set(name, folder_.path().string());
    inputs_.percents.set("OEM_NAME", "Contoso");
    inputs_.oem_name = "Contoso";
    inputs_.version = {10, 0, 0, 0};
  }
  /// The list's manifests; those of a workspace lie in several folders.
  std::vector<FeatureManifest> manifests(const FmList& list) const {
    const fs::path beside = GetParam().parent_path();
    std::vector<FeatureManifest> found;
    for (const FmListEntry& entry : list.manifests) {
      const auto path =
          find_manifest(entry, {beside, beside / "InputFMs", data / "iot-adk-addonkit/Workspace/Common/Packages"});
      EXPECT_TRUE(path) << path.error().detail;
      if (!path) continue;
      const auto document = read_input_xml(*path);
      auto manifest = read_feature_manifest(*document);
      EXPECT_TRUE(manifest) << manifest.error().detail;
      if (manifest) found.push_back(*std::move(manifest));
    }
    return found;
  }
  fakes::TempFolder folder_;
  MergeInputs inputs_;
};

INSTANTIATE_TEST_SUITE_P(Feature, MergeReal, ::testing::ValuesIn(all_lists()), [](const auto& row) {
  std::string name = fs::relative(row.param, data).string();
  std::ranges::replace_if(name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

TEST_P(MergeReal, gives_every_feature_an_identifier_and_loses_nothing) {
  const auto list = read_fm_list(*read_input_xml(GetParam()));
  ASSERT_TRUE(list) << list.error().detail;
  const auto before = manifests(*list);
  ASSERT_EQ(before.size(), list->manifests.size());
  const auto named = named_cabs(*list, before, inputs_);
  ASSERT_TRUE(named) << named.error().detail;
  for (const NamedCab& cab : *named) folder_.file(cab.cab, "");
  std::set<std::string> opened;
  const CpuType cpu = list->manifests[0].cpu;
  inputs_.open = [&](const fs::path& cab) -> Result<MergeMember> {
    opened.insert(folded(cab.filename().string()));
    MergeMember member;
    member.identity.name = cab.stem().string();
    member.identity.cpu = cpu;
    return member;
  };
  const auto merged = merge_features(*list, before, inputs_);
  ASSERT_TRUE(merged) << merged.error().detail;
  EXPECT_EQ(opened.size(), named->size());
  std::set<std::string> made;
  for (const Package& package : merged->identifiers) made.insert(folded(package.identity.name));
  ASSERT_EQ(merged->manifests.size(), before.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    const FmListEntry& entry = list->manifests[i];
    const std::string owner = entry.owner == "OEM_NAME" ? "Contoso" : entry.owner;
    for (const FmPackage& package : before[i].packages) {
      for (const PlacedWord& feature : package.features) {
        EXPECT_TRUE(made.contains(folded(owner + ".OEM_" + feature.word + "." + entry.id + ".MainOS"))) << feature.word;
      }
    }
    const auto after = rig::read_manifest(merged->manifests[i].text);
    ASSERT_TRUE(after) << after.error().detail;
    EXPECT_TRUE(after->merged());
    std::vector<std::string> kept;
    for (const FmPackage& package : after->packages) {
      if (!package.identifier) kept.push_back(package.name);
    }
    std::vector<std::string> written;
    for (const FmPackage& package : before[i].packages) written.push_back(package.name);
    EXPECT_EQ(kept, written);
  }
}

}  // namespace
}  // namespace flashline::imaging
