// Every OEMInput of the shared workspace with its manifests, against lists that tests/golden/feature/derive.py made.

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <sstream>

#include "imaging/workspace/windows_path.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/feature/feature_rig.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;
const fs::path data = FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace";
const fs::path golden = FLASHLINE_SOURCE_DIR "/tests/golden/feature";

struct Pair {
  std::string name, cpu, input;
  std::vector<std::string> manifests;
};
std::ostream& operator<<(std::ostream& out, const Pair& pair) { return out << pair.name; }

std::vector<Pair> all_pairs() {
  std::vector<Pair> pairs;
  std::ifstream in{golden / "pairs.txt"};
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words{line};
    Pair pair;
    words >> pair.name >> pair.cpu >> pair.input;
    for (std::string word; words >> word;) pair.manifests.push_back(word);
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::string text_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string place_in_file(const std::string& where) { return where.substr(where.find_last_of('/') + 1); }

std::string row_of(const ResolvedPackage& package) {
  std::vector<std::string> reasons;
  for (const PullReason& reason : package.reasons) {
    reasons.push_back(fmt::format("{} {}{}{}", place_in_file(reason.where), name_of(reason.section),
                                  reason.selector.empty() ? "" : " ", reason.selector));
  }
  return fmt::format("{} {} {}\n", package.cab, package.folder, fmt::join(reasons, " + "));
}

std::string report(const Pair& pair, const OemInput& input, const Resolution& resolution) {
  std::string text =
      fmt::format("{} ({})\nrelease {}, SOC {}, device {}\nlayout {}\nplatform {}\n\n{} packages\n", pair.input,
                  pair.cpu, name_of(input.release_type), input.soc.word, input.device.word,
                  resolution.packages.at(resolution.device_layout).cab,
                  resolution.packages.at(resolution.device_platform.value()).cab, resolution.packages.size());
  for (const ResolvedPackage& package : resolution.packages) text += row_of(package);
  text +=
      fmt::format("\n{} features of Microsoft's that no manifest here defines\n", resolution.unknown_microsoft.size());
  for (const PlacedWord& feature : resolution.unknown_microsoft) {
    text += fmt::format("{} {}\n", feature.word, feature.where.substr(feature.where.find(".xml:") + 5));
  }
  return text;
}

/// The workspace as a build finds it after the merger: manifests in MergedFMs, the kit nowhere.
class Golden : public ::testing::TestWithParam<Pair> {
 protected:
  Golden() {
    for (const std::string& manifest : GetParam().manifests) {
      const fs::path from = data / manifest;
      folder_.file(fs::path{"MergedFMs"} / from.filename(), text_of(from));
    }
    for (const auto& [name, value] :
         {std::pair{"BLD_DIR", folder_.path().string()}, std::pair{"AKROOT", std::string{"kit"}},
          std::pair{"PKGBLD_DIR", std::string{"pkgs"}}, std::pair{"BSPPKG_DIR", std::string{"bsp"}},
          std::pair{"MSPKG_DIR", std::string{"kit"}}, std::pair{"OEM_NAME", std::string{"Contoso"}}}) {
      percents_.set(name, value);
    }
  }
  Result<OemInput> read() const {
    FL_TRY(const XmlDocument document, read_input_xml(data / GetParam().input));
    return read_oem_input(document, percents_);
  }
  fakes::TempFolder folder_;
  Variables percents_{Variables::Style::percent};
};

INSTANTIATE_TEST_SUITE_P(Feature, Golden, ::testing::ValuesIn(all_pairs()), [](const auto& row) {
  std::string name = row.param.name;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST_P(Golden, resolves_to_the_reviewed_list) {
  const auto input = read();
  ASSERT_TRUE(input) << input.error().detail;
  const CpuType cpu = cpu_of(GetParam().cpu).value();
  const auto loaded = load_manifests(*input, percents_, cpu, folder_.path());
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ(loaded->manifests.size(), GetParam().manifests.size());
  EXPECT_EQ(loaded->missing.size(), input->additional_fms.size() + 1 - loaded->manifests.size());
  for (const MissingManifest& missing : loaded->missing) EXPECT_TRUE(missing.microsoft) << missing.path;
  const auto resolution =
      resolve(*input, loaded->manifests, {.percents = percents_, .cpu = cpu, .microsoft_missing = true});
  ASSERT_TRUE(resolution) << resolution.error().detail;
  EXPECT_EQ(report(GetParam(), *input, *resolution), text_of(golden / (GetParam().name + ".txt")));
}

TEST(Goldens, cover_every_oem_input_of_the_workspace) {
  std::set<std::string> known;
  for (const Pair& pair : all_pairs()) known.insert(pair.input);
  std::set<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator{data}) {
    const std::string name = folded(entry.path().filename().string());
    if (name.ends_with("oeminput.xml")) found.insert(fs::relative(entry.path(), data).string());
  }
  EXPECT_EQ(known, found);
  EXPECT_EQ(known.size(), 34U);
}

TEST(Goldens, every_manifest_of_the_workspace_comes_back_as_it_was) {
  std::size_t read = 0;
  for (const auto& entry : fs::recursive_directory_iterator{data}) {
    const std::string name = folded(entry.path().filename().string());
    if (!name.ends_with("fm.xml") || name == "bspfm.xml") continue;
    const auto document = read_input_xml(entry.path());
    ASSERT_TRUE(document) << document.error().detail;
    const auto manifest = read_feature_manifest(*document);
    ASSERT_TRUE(manifest) << manifest.error().detail;
    const std::string text = manifest_text(*manifest);
    const auto again = rig::read_manifest(text);
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ(again->packages.size(), manifest->packages.size()) << entry.path();
    EXPECT_EQ(manifest_text(*again), text) << entry.path();
    const auto stripped = strip_merged(*document);
    ASSERT_TRUE(stripped) << stripped.error().detail;
    EXPECT_EQ(*stripped, document->source) << "nothing of it was written by a merger";
    ++read;
  }
  EXPECT_EQ(read, 15U);
}

}  // namespace
}  // namespace flashline::imaging
