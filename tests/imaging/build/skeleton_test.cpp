#include "imaging/build/skeleton.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "imaging/build/build_environment.h"
#include "imaging/core/errors/build.h"
#include "imaging/feature/fm_list.h"
#include "imaging/feature/oem_input.h"
#include "imaging/package/definition.h"
#include "imaging/provisioning/answer_file.h"
#include "imaging/workspace/input_xml.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

const fs::path kit{FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace/iot-adk-addonkit/Workspace"};

class Skeletons : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::copy(kit, folder_ / "ws", fs::copy_options::recursive);
    auto workspace = read_workspace(folder_ / "ws");
    ASSERT_TRUE(workspace);
    workspace_ = *std::move(workspace);
  }
  fakes::TempFolder folder_;
  Workspace workspace_;
};

TEST_F(Skeletons, a_board_its_product_and_a_package_are_what_the_readers_take) {
  ASSERT_TRUE(new_bsp(workspace_, "x64", "Board1"));
  const auto product = new_product(workspace_, "x64", {.name = "Panel", .bsp = "board1"});
  ASSERT_TRUE(product) << product.error().detail;
  const auto found = find_product(workspace_, "Panel", "x64");
  ASSERT_TRUE(found) << found.error().detail;
  EXPECT_EQ(found->bsp, "Board1");
  for (const BuildConfig config : {BuildConfig::test, BuildConfig::retail}) {
    const auto built = build_environment(workspace_, *found, config, 0);
    ASSERT_TRUE(built);
    const auto document = read_input_xml(found->oem_input(config).value_or(""));
    ASSERT_TRUE(document);
    const auto input = read_oem_input(*document, built->names);
    ASSERT_TRUE(input) << input.error().detail;
    EXPECT_EQ(input->release_type, config == BuildConfig::test ? ReleaseType::test : ReleaseType::production);
  }
  const auto answers = read_input_xml(found->folder / "prov/customizations.xml");
  ASSERT_TRUE(answers);
  EXPECT_TRUE(read_answer_file(*answers));
  const auto list = read_input_xml(workspace_.root / "Source-x64/BSP/Board1/Packages/Board1FMFileList.xml");
  ASSERT_TRUE(list);
  const auto manifests = read_fm_list(*list);
  ASSERT_TRUE(manifests) << manifests.error().detail;
  EXPECT_TRUE(find_manifest(manifests->manifests.at(0), {workspace_.root / "Source-x64/BSP/Board1/Packages"}));
}

TEST_F(Skeletons, a_package_gets_its_feature_and_leaves_the_rest_alone) {
  const fs::path manifest = workspace_.root / "Common/Packages/OEMCommonFM.xml";
  const auto read = [&] {
    const auto document = read_input_xml(manifest);
    return document ? read_feature_manifest(*document) : Result<FeatureManifest>{};
  };
  const auto before = read();
  ASSERT_TRUE(before);
  const auto made = new_package(workspace_, "Custom.Panel", "Common/Packages");
  ASSERT_TRUE(made) << made.error().detail;
  const auto after = read();
  ASSERT_TRUE(after) << after.error().detail;
  ASSERT_EQ(after->packages.size(), before->packages.size() + 1);
  EXPECT_EQ(after->packages.back().name, "%OEM_NAME%.Custom.Panel.cab");
  EXPECT_EQ(after->packages.back().features.at(0).word, "CUSTOM_PANEL");
  const auto environment = build_environment(workspace_, "arm", 0);
  ASSERT_TRUE(environment);
  DefinitionInputs inputs;
  inputs.dollars = environment->macros;
  const auto package = read_definition(made->front(), inputs);
  ASSERT_TRUE(package) << package.error().detail;
  EXPECT_EQ(package->front().identity.name, "Contoso.Custom.Panel");
}

TEST_F(Skeletons, refuse_what_is_there_and_what_is_no_name) {
  EXPECT_EQ(new_product(workspace_, "arm", {.name = "samplea", .bsp = "QCDB410C"}).error().code, errc::skeleton_exists);
  EXPECT_EQ(new_product(workspace_, "arm", {.name = "../x", .bsp = "QCDB410C"}).error().code, errc::skeleton_name);
  EXPECT_EQ(new_product(workspace_, "arm", {.name = "New", .bsp = "Nobody"}).error().code, errc::bsp_missing);
  EXPECT_EQ(new_bsp(workspace_, "arm", "qcdb410c").error().code, errc::skeleton_exists);
  EXPECT_EQ(new_bsp(workspace_, "arm", "a b").error().code, errc::skeleton_name);
  EXPECT_EQ(new_bsp(workspace_, "mips", "a").error().code, errc::workspace_arch);
  EXPECT_EQ(new_package(workspace_, "Panel", "Common/Packages").error().code, errc::skeleton_name);
  EXPECT_EQ(new_package(workspace_, "Custom.Settings", "Common/Packages").error().code, errc::skeleton_exists);
  EXPECT_EQ(new_package(workspace_, "A.B", "Certs").error().code, errc::input_missing);
}

}  // namespace
}  // namespace flashline::imaging
