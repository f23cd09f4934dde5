// Each row of the table of test and retail (imaging.md, section 9) by a whole build, from both of its sides.

#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/build/stand_in.h"
#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "imaging/core/errors/trust.h"
#include "tests/imaging/build/release_workspace.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const Lines& lines() { return Lines::get(); }

void flip(const fs::path& path, std::uint64_t at) {
  std::fstream file{path, std::ios::binary | std::ios::in | std::ios::out};
  file.seekg(static_cast<std::streamoff>(at));
  const char now = static_cast<char>(file.get() ^ 0x20);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(now);
}

void is_test(Scene& scene) {
  scene.config = BuildConfig::test;
  scene.features.emplace_back("IOT_ENABLE_TESTSIGNING");
}
void without_test_signing(Scene& scene) { scene.config = BuildConfig::test; }
void test_package(Scene& scene) { scene.vendor_package.identity.release_type = ReleaseType::test; }
void test_package_by_kit(Scene& scene) {
  test_package(scene);
  scene.vendor_by_kit = true;
}
void stand_in(Scene& scene) { scene.vendor_package.members = {"STAND-IN", "for the test"}; }
void partner_share(Scene& scene) {
  scene.more_manifests = R"(<AdditionalFM>%AKROOT%\FMFiles\amd64\IoTUAPNonProductionPartnerShareFM.xml</AdditionalFM>)";
}
void unmerged(Scene& scene) { scene.board_manifest = R"(%BSPSRC_DIR%\Board\Packages\BoardFM.xml)"; }
void package_files(Scene& scene) {
  scene.package_files =
      R"(<PackageFiles><PackageFile>%PKGBLD_DIR%\Vendor.Board.Firmware.cab</PackageFile></PackageFiles>)";
}
void spoiled_cabinet(Scene& scene) {
  // In the signature, which lies at the end: the package itself is whole.
  scene.spoil_vendor = [](const fs::path& cab) { flip(cab, fs::file_size(cab) - 100); };
}
void unsigned_catalog(Scene& scene) {
  scene.vendor = nullptr;
  scene.spoil_vendor = [](const fs::path& cab) { ASSERT_TRUE(lines().retail.signer.sign_cab(cab)); };
}

/// What is wrong with a Production image, and is right with a Test image.
struct Row {
  const char* name;
  void (*change)(Scene& scene);
  Errc refused;
  std::string_view names;  ///< what the refusal names
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }

class ProductionBuild : public ::testing::TestWithParam<Row> {};

INSTANTIATE_TEST_SUITE_P(
    Release, ProductionBuild,
    ::testing::Values(
        Row{"test_package", test_package_by_kit, errc::release_test_package, "Vendor.Board.Firmware.cab"},
        Row{"test_package_to_be_merged", test_package, errc::merge_release, "Vendor.Board.Firmware.cab"},
        Row{"test_signed_package", [](Scene& s) { s.vendor = &lines().test; }, errc::release_test_signed,
            "Vendor.Board.Firmware.cab"},
        Row{"test_signed_build", [](Scene& s) { s.builder = &lines().test; }, errc::release_test_signed,
            "Contoso.Board.Driver.cab"},
        Row{"test_signed_with_feature",
            [](Scene& s) {
              s.vendor = &lines().test;
              s.features.emplace_back("IOT_ENABLE_TESTSIGNING");
            },
            errc::release_test_signed, "Vendor.Board.Firmware.cab"},
        Row{"unsigned_package", [](Scene& s) { s.vendor = nullptr; }, errc::release_unsigned,
            "Vendor.Board.Firmware.cab"},
        Row{"unsigned_build", [](Scene& s) { s.builder = nullptr; }, errc::release_unsigned,
            "Contoso.Board.Driver.cab"},
        Row{"stranger's_package", [](Scene& s) { s.vendor = &lines().stranger; }, errc::release_untrusted,
            "Vendor.Board.Firmware.cab"},
        Row{"expired_package", [](Scene& s) { s.vendor = &lines().expired; }, errc::release_untrusted, "expired on"},
        Row{"broken_package", spoiled_cabinet, errc::release_broken, "Vendor.Board.Firmware.cab"},
        Row{"unsigned_catalog", unsigned_catalog, errc::release_unsigned, "content.cat"},
        Row{"unsigned_program", [](Scene& s) { s.tool = nullptr; }, errc::release_unsigned, "tool.exe"},
        Row{"unsigned_driver", [](Scene& s) { s.driver = nullptr; }, errc::release_unsigned, "driver.sys"},
        Row{"test_signed_program", [](Scene& s) { s.tool = &lines().test; }, errc::release_test_signed, "tool.exe"},
        Row{"stranger's_program", [](Scene& s) { s.tool = &lines().stranger; }, errc::release_untrusted, "tool.exe"},
        Row{"broken_program", [](Scene& s) { s.spoil_driver = [](const fs::path& file) { flip(file, 0x210); }; },
            errc::release_broken, "driver.sys"},
        Row{"test_signed_catalog", [](Scene& s) { s.catalog = &lines().test; }, errc::release_test_signed,
            "driver.cat"},
        Row{"kernel_chain", [](Scene& s) { s.driver = &lines().own; }, errc::release_kernel_chain, "'Line Root'"},
        Row{"stand_in", stand_in, errc::release_stand_in, "Vendor.Board.Firmware.cab"},
        Row{"partner_share_manifest", partner_share, errc::release_test_manifest,
            "IoTUAPNonProductionPartnerShareFM.xml"},
        Row{"test_manifest", [](Scene& s) { s.manifest_release = "Test"; }, errc::release_test_package,
            "'BoardFM.xml' is for Test images"},
        Row{"package_files", package_files, errc::release_package_files, "Vendor.Board.Firmware.cab"}),
    [](const auto& row) {
      std::string name = row.param.name;
      std::erase(name, '\'');
      return name;
    });

TEST_P(ProductionBuild, refuses_and_names_it) {
  const ReleaseWorkspace workspace;
  Scene scene;
  GetParam().change(scene);
  const auto built = workspace.build(scene);
  ASSERT_FALSE(built);
  EXPECT_EQ(code_of(built.error().code), code_of(GetParam().refused)) << built.error().detail;
  EXPECT_THAT(built.error().detail, HasSubstr(std::string{GetParam().names}));
  EXPECT_FALSE(fs::exists(workspace.options(scene).out));
}

/// What is wrong in both.
class AnyBuild : public ::testing::TestWithParam<Row> {};

INSTANTIATE_TEST_SUITE_P(
    Release, AnyBuild,
    ::testing::Values(Row{"unmerged", unmerged, errc::release_unmerged, "BoardFM.xml"},
                      Row{"broken_package", spoiled_cabinet, errc::release_broken, "Vendor.Board.Firmware.cab"},
                      Row{"broken_program",
                          [](Scene& s) { s.spoil_driver = [](const fs::path& file) { flip(file, 0x210); }; },
                          errc::release_broken, "driver.sys"}),
    [](const auto& row) { return row.param.name; });

TEST_P(AnyBuild, refuses_for_test_too) {
  const ReleaseWorkspace workspace;
  for (const bool test : {false, true}) {
    Scene scene;
    if (test) is_test(scene);
    GetParam().change(scene);
    const auto built = workspace.build(scene);
    ASSERT_FALSE(built);
    EXPECT_EQ(code_of(built.error().code), code_of(GetParam().refused)) << built.error().detail;
  }
}

/// What would not boot in a Test image that does not take test signatures.
class NeedsTestSigning : public ::testing::TestWithParam<Row> {};

INSTANTIATE_TEST_SUITE_P(Release, NeedsTestSigning,
                         ::testing::Values(Row{"package", [](Scene& s) { s.vendor = &lines().test; },
                                               errc::release_needs_testsigning, "Vendor.Board.Firmware.cab"},
                                           Row{"program", [](Scene& s) { s.tool = &lines().test; },
                                               errc::release_needs_testsigning, "tool.exe"},
                                           Row{"driver_of_a_stranger", [](Scene& s) { s.driver = &lines().stranger; },
                                               errc::release_needs_testsigning, "driver.sys"}),
                         [](const auto& row) { return row.param.name; });

TEST_P(NeedsTestSigning, is_refused_without_the_feature) {
  const ReleaseWorkspace workspace;
  Scene scene;
  without_test_signing(scene);
  GetParam().change(scene);
  const auto built = workspace.build(scene);
  ASSERT_FALSE(built);
  EXPECT_EQ(code_of(built.error().code), code_of(GetParam().refused)) << built.error().detail;
  EXPECT_THAT(built.error().detail, HasSubstr(std::string{GetParam().names}));
}

std::string json_of(const ReleaseWorkspace& workspace, const Scene& scene) {
  return fakes::slurp(workspace.options(scene).out.string() + ".json");
}

/// The right side of every row that ProductionBuild has the wrong side of.
TEST(ReleaseBuild, a_test_image_takes_all_that_production_refuses) {
  const ReleaseWorkspace workspace;
  Scene scene;
  is_test(scene);
  scene.vendor = &lines().test;
  scene.tool = nullptr;
  scene.driver = &lines().test;
  scene.catalog = &lines().test;
  scene.features.insert(scene.features.end(), {"IOT_SSH", "IOT_NETCMD", "IOT_EFIESP_BCD_MBR"});
  scene.manifest_release = "Test";
  test_package(scene);
  partner_share(scene);
  package_files(scene);
  const auto built = workspace.build(scene);
  ASSERT_TRUE(built) << to_text(built.error());
  const std::string json = json_of(workspace, scene);
  EXPECT_THAT(json, HasSubstr(R"("code_integrity": "not enforced")"));
  EXPECT_THAT(json, HasSubstr(R"("path": "\\Windows\\System32\\drivers\\driver.sys")"));
  EXPECT_THAT(built->warnings, Contains(HasSubstr("tool.exe")));                            // unsigned
  EXPECT_THAT(built->warnings, Contains(HasSubstr("[FL-TRU-092]")));                        // deprecated
  EXPECT_THAT(built->warnings, Not(Contains(HasSubstr("[FL-TRU-091]"))));                   // developer's tools
  EXPECT_THAT(built->warnings, Contains(HasSubstr("does not boot from this GPT layout")));  // of the layout
}

TEST(ReleaseBuild, a_production_image_of_retail_packages_is_built) {
  const ReleaseWorkspace workspace;
  Scene scene;
  scene.features = {"IOT_SSH", "IOT_NETCMD", "IOT_EFIESP_BCD"};
  scene.catalog = &lines().own;
  scene.tool = &lines().own;
  const auto built = workspace.build(scene);
  ASSERT_TRUE(built) << to_text(built.error());
  EXPECT_THAT(json_of(workspace, scene), HasSubstr(R"("code_integrity": "enforced")"));
  EXPECT_THAT(built->warnings, Contains(HasSubstr("[FL-TRU-091]")));
  EXPECT_THAT(built->warnings, Contains(HasSubstr("[FL-TRU-092]")));
  EXPECT_THAT(built->warnings, Not(Contains(HasSubstr("does not boot"))));
  const ImagePackage& driver = *std::ranges::find(built->report.packages, "Contoso.Board.Driver.cab",
                                                  [](const ImagePackage& package) { return package.wanted.cab; });
  ASSERT_EQ(driver.binaries.size(), 3U);
  EXPECT_EQ(driver.binaries[0].path, R"(\Windows\System32\drivers\driver.sys)");
  EXPECT_TRUE(driver.binaries[0].kernel_mode);
  EXPECT_EQ(driver.binaries[0].signature.root, "GlobalSign Root CA");
  EXPECT_FALSE(driver.binaries[1].kernel_mode);
}

/// Programs of a Linux image are not Authenticode's to sign: its boards have other ways.
TEST(ReleaseBuild, programs_of_linux_images_need_no_signature) {
  const ReleaseWorkspace workspace;
  Scene scene;
  scene.product = "Linux";
  scene.tool = nullptr;
  scene.driver = nullptr;
  const auto built = workspace.build(scene);
  EXPECT_TRUE(built) << to_text(built.error());
}

/// From the sixtieth day on, by the moment of the build.
TEST(ReleaseBuild, warns_of_certificates_that_end_soon) {
  constexpr std::time_t day = 24L * 3600;
  const ReleaseWorkspace workspace;
  for (const auto& [days, warned] : {std::pair{60L, true}, std::pair{61L, false}}) {
    const Line ending{"Another Root", {.not_after = fakes::test_now + days * day}};
    Scene scene;
    scene.tool = &ending;
    workspace.write(scene);
    ImageBuildOptions options = workspace.options(scene);
    options.trust.anchors.push_back(ending.anchor());
    const auto built = build_image(options);
    ASSERT_TRUE(built) << to_text(built.error());
    const std::string sentence = "the certificates of CN=Flashline Test Signer end in 60 days";
    const std::string page = fakes::slurp(options.out.string() + ".html");
    EXPECT_EQ(json_of(workspace, scene).find(sentence) != std::string::npos, warned) << days;
    EXPECT_EQ(page.find(sentence) != std::string::npos, warned) << days;
    EXPECT_THAT(page, HasSubstr("<h2>Certificates</h2>"));
  }
}

/// A program that somebody changes is found again, and one that nobody changed is not asked for twice.
TEST(ReleaseBuild, judges_again_when_a_program_or_the_trust_changes) {
  const ReleaseWorkspace workspace;
  Scene scene;
  ASSERT_TRUE(workspace.build(scene));
  const auto again = build_image(workspace.options(scene));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->reused);
  ImageBuildOptions others = workspace.options(scene);
  others.trust.anchors.front().test = true;
  EXPECT_EQ(build_image(others).error().code, errc::release_test_signed);
  scene.tool = nullptr;
  EXPECT_EQ(workspace.build(scene).error().code, errc::release_unsigned);
}

}  // namespace
}  // namespace flashline::imaging
