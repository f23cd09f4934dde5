// Each row of the table of release types (imaging.md, section 9), from both of its sides.

#include "imaging/feature/release_rules.h"

#include <functional>
#include <gmock/gmock.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "imaging/core/errors/trust.h"
#include "tests/imaging/feature/feature_rig.h"

namespace flashline::imaging {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr ReleaseType production = ReleaseType::production;
constexpr ReleaseType test = ReleaseType::test;
using Partitions = ReleaseFacts::Partitions;

/// An image that no row has anything against, whichever its release type.
ReleaseFacts clean(ReleaseType image) {
  ReleaseFacts facts;
  facts.image = image;
  PackageFact package;
  package.name = "Contoso.A.cab";
  package.where = "FM.xml:3:4";
  package.signature.by = SignedBy::retail;
  package.binaries.push_back({.path = R"(\Windows\System32\drivers\a.sys)",
                              .signature = {.by = SignedBy::retail, .root = "GlobalSign Root CA"},
                              .kernel_mode = true});
  facts.packages.push_back(package);
  facts.manifests.push_back({"RPiFM.xml", "In.xml:9:2", false, true, ReleaseType::production});
  facts.manifests.push_back({"IoTUAPFM.xml", "In.xml", true, false, std::nullopt});
  facts.features.push_back({"IOT_EFIESP_BCD", "In.xml:12:3"});
  facts.partitions = Partitions::gpt;
  return facts;
}

using Change = std::function<void(ReleaseFacts&)>;
Change signed_by(SignedBy who) {
  return [who](ReleaseFacts& facts) { facts.packages[0].signature.by = who; };
}
Change binary_signed_by(SignedBy who) {
  return [who](ReleaseFacts& facts) { facts.packages[0].binaries[0].signature.by = who; };
}
Change feature(const char* id) {
  return [id](ReleaseFacts& facts) { facts.features.push_back({id, "In.xml:20:3"}); };
}
Change both(Change a, Change b) {
  return [a, b](ReleaseFacts& facts) {
    a(facts);
    b(facts);
  };
}
Change root(const char* name) {
  return [name](ReleaseFacts& facts) { facts.packages[0].binaries[0].signature.root = name; };
}
Change partitions(Partitions style, const char* id) {
  return [style, id](ReleaseFacts& facts) {
    facts.partitions = style;
    facts.features = {{id, "In.xml:20:3"}};
  };
}
void is_linux(ReleaseFacts& facts) { facts.product = ImageProduct::linux_system; }
void stand_in(ReleaseFacts& facts) {
  facts.packages[0].stand_in = true;
  facts.packages[0].signature.by = SignedBy::nobody;
}
void test_package(ReleaseFacts& facts) { facts.packages[0].release_type = test; }
void test_manifest(ReleaseFacts& facts) { facts.manifests[0].release_type = test; }
void partner_share(ReleaseFacts& facts) {
  facts.manifests.push_back({"iotuapNonProductionPartnerShareFM.xml", "In.xml:10:2", true, false, std::nullopt});
}
void unmerged(ReleaseFacts& facts) { facts.manifests[0].merged = false; }
void package_files(ReleaseFacts& facts) { facts.package_files.push_back({"x.cab", "In.xml:30:2"}); }
void user_mode(ReleaseFacts& facts) {
  facts.packages[0].binaries[0].kernel_mode = false;
  facts.packages[0].binaries[0].signature.root = "My own root";
}

struct Row {
  const char* name;
  Change change;
  ReleaseType image;
  std::string_view refusal;  ///< code; empty: none
  std::string_view warning;  ///< code; empty: none
  std::string_view place;
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }
class ReleaseTable : public ::testing::TestWithParam<Row> {};

const std::string_view none;
std::string_view code(Errc errc) { return code_of(errc); }

INSTANTIATE_TEST_SUITE_P(
    Feature, ReleaseTable,
    ::testing::Values(
        Row{"nothing_production", [](ReleaseFacts&) {}, production, none, none, ""},
        Row{"nothing_test", [](ReleaseFacts&) {}, test, none, none, ""},
        // packages by release type
        Row{"test_package_production", test_package, production, code(errc::release_test_package), none, "FM.xml:3:4"},
        Row{"test_package_test", test_package, test, none, none, ""},
        // test-signed packages
        Row{"test_signed_production", signed_by(SignedBy::test), production, code(errc::release_test_signed), none,
            "FM.xml:3:4"},
        Row{"test_signed_production_with_feature", both(signed_by(SignedBy::test), feature("IOT_ENABLE_TESTSIGNING")),
            production, code(errc::release_test_signed), none, "FM.xml:3:4"},
        Row{"test_signed_test", signed_by(SignedBy::test), test, code(errc::release_needs_testsigning), none,
            "FM.xml:3:4"},
        Row{"test_signed_test_with_feature", both(signed_by(SignedBy::test), feature("iot_enable_TESTSIGNING")), test,
            none, none, ""},
        Row{"test_signed_test_linux", both(signed_by(SignedBy::test), is_linux), test, none, none, ""},
        Row{"test_signed_binary_production", binary_signed_by(SignedBy::test), production,
            code(errc::release_test_signed), none, "a.sys"},
        Row{"test_signed_binary_test", binary_signed_by(SignedBy::test), test, code(errc::release_needs_testsigning),
            none, "a.sys"},
        Row{"untrusted_production", signed_by(SignedBy::untrusted), production, code(errc::release_untrusted), none,
            "FM.xml:3:4"},
        Row{"untrusted_test", signed_by(SignedBy::untrusted), test, code(errc::release_needs_testsigning), none,
            "FM.xml:3:4"},
        Row{"untrusted_test_with_feature", both(signed_by(SignedBy::untrusted), feature("IOT_ENABLE_TESTSIGNING")),
            test, none, none, ""},
        Row{"unsigned_production", signed_by(SignedBy::nobody), production, code(errc::release_unsigned), none,
            "FM.xml:3:4"},
        Row{"unsigned_test", signed_by(SignedBy::nobody), test, none, code(errc::release_unsigned), "FM.xml:3:4"},
        Row{"unsigned_binary_production", binary_signed_by(SignedBy::nobody), production, code(errc::release_unsigned),
            none, "a.sys"},
        Row{"broken_production", signed_by(SignedBy::broken), production, code(errc::release_broken), none,
            "FM.xml:3:4"},
        Row{"broken_test", signed_by(SignedBy::broken), test, code(errc::release_broken), none, "FM.xml:3:4"},
        // kernel-mode chains
        Row{"kernel_root_production", root("My own root"), production, code(errc::release_kernel_chain), none,
            "'My own root'"},
        Row{"kernel_root_test", root("My own root"), test, none, none, ""},
        Row{"kernel_root_microsoft", root("Microsoft Root Certificate Authority 2010"), production, none, none, ""},
        Row{"kernel_root_listed", root("globalsign root ca"), production, none, none, ""},
        Row{"user_mode_root_production", user_mode, production, none, none, ""},
        Row{"kernel_root_linux", both(root("My own root"), is_linux), production, none, none, ""},
        // stand-ins
        Row{"stand_in_production", stand_in, production, code(errc::release_stand_in), none, "FM.xml:3:4"},
        Row{"stand_in_test", stand_in, test, none, none, ""},
        // test manifests
        Row{"partner_share_production", partner_share, production, code(errc::release_test_manifest), none,
            "In.xml:10:2"},
        Row{"partner_share_test", partner_share, test, none, none, ""},
        Row{"test_manifest_production", test_manifest, production, code(errc::release_test_manifest), none,
            "In.xml:9:2"},
        Row{"test_manifest_test", test_manifest, test, none, none, ""},
        // merged manifests
        Row{"unmerged_production", unmerged, production, code(errc::release_unmerged), none, "In.xml:9:2"},
        Row{"unmerged_test", unmerged, test, code(errc::release_unmerged), none, "In.xml:9:2"},
        // PackageFiles
        Row{"package_files_production", package_files, production, code(errc::release_package_files), none,
            "In.xml:30:2"},
        Row{"package_files_test", package_files, test, none, none, ""},
        // developer tools
        Row{"developer_production", feature("iot_ssh"), production, none, code(errc::release_developer_feature),
            "In.xml:20:3"},
        Row{"developer_test", feature("IOT_SSH"), test, none, none, ""},
        // deprecated features
        Row{"deprecated_production", feature("IOT_NETCMD"), production, none, code(errc::release_deprecated_feature),
            "In.xml:20:3"},
        Row{"deprecated_test", feature("iot_netcmd"), test, none, code(errc::release_deprecated_feature),
            "In.xml:20:3"},
        // boot features
        Row{"gpt_with_mbr_feature", partitions(Partitions::gpt, "IOT_EFIESP_BCD_MBR"), production, none,
            code(errc::release_boot_feature), "In.xml:20:3"},
        Row{"gpt_with_mbr_feature_test", partitions(Partitions::gpt, "iot_efiesp_bcd_mbr"), test, none,
            code(errc::release_boot_feature), "In.xml:20:3"},
        Row{"mbr_with_gpt_feature", partitions(Partitions::mbr, "IOT_EFIESP_BCD"), production, none,
            code(errc::release_boot_feature), "In.xml:20:3"},
        Row{"mbr_with_mbr_feature", partitions(Partitions::mbr, "IOT_EFIESP_BCD_MBR"), production, none, none, ""},
        Row{"unknown_layout", partitions(Partitions::unknown, "IOT_EFIESP_BCD_MBR"), production, none, none, ""}),
    [](const auto& row) { return row.param.name; });

std::vector<std::string> codes(const std::vector<Error>& errors) {
  std::vector<std::string> found;
  for (const Error& error : errors) found.emplace_back(code_of(error.code));
  return found;
}

TEST_P(ReleaseTable, decides_on_its_side) {
  const Row& row = GetParam();
  ReleaseFacts facts = clean(row.image);
  row.change(facts);
  const ReleaseVerdict verdict = check_release(facts, shipped_release_lists());
  const auto expected = [](std::string_view one) {
    return one.empty() ? std::vector<std::string>{} : std::vector{std::string{one}};
  };
  EXPECT_EQ(codes(verdict.refusals), expected(row.refusal));
  EXPECT_EQ(codes(verdict.warnings), expected(row.warning));
  for (const auto* errors : {&verdict.refusals, &verdict.warnings}) {
    for (const Error& error : *errors) EXPECT_THAT(error.detail, HasSubstr(std::string{row.place}));
  }
  EXPECT_EQ(verdict.status().has_value(), row.refusal.empty());
  EXPECT_EQ(verdict.enforce_code_integrity, row.image == production);
}

TEST(ReleaseRules, all_findings_are_told_at_once) {
  ReleaseFacts facts = clean(production);
  for (const Change& change : {Change{test_package}, signed_by(SignedBy::test), Change{test_manifest}, Change{unmerged},
                               Change{package_files}, feature("IOT_SSH")}) {
    change(facts);
  }
  const ReleaseVerdict verdict = check_release(facts, shipped_release_lists());
  EXPECT_THAT(codes(verdict.refusals),
              ElementsAre("FL-TRU-080", "FL-TRU-081", "FL-TRU-086", "FL-TRU-088", "FL-TRU-087"));
  const auto status = verdict.status();
  ASSERT_FALSE(status);
  EXPECT_EQ(code_of(status.error().code), "FL-TRU-080");
  EXPECT_THAT(status.error().detail, HasSubstr("PackageFiles"));
  EXPECT_EQ(exit_code_of(status.error().code), 4);
}

TEST(ReleaseRules, lists_can_be_other_than_the_shipped_ones) {
  ReleaseFacts facts = clean(production);
  facts.features = {{"IOT_SSH", "a"}, {"MY_SHELL", "b"}};
  const ReleaseLists lists{.developer_features = {"my_shell"}, .deprecated_features = {}, .cross_certificate_cas = {}};
  const ReleaseVerdict verdict = check_release(facts, lists);
  ASSERT_EQ(verdict.warnings.size(), 1U);
  EXPECT_THAT(verdict.warnings[0].detail, StartsWith("b: 'MY_SHELL'"));
  EXPECT_THAT(codes(verdict.refusals), ElementsAre("FL-TRU-090")) << "GlobalSign is none of them";
}

TEST(ReleaseRules, shipped_lists_are_those_of_the_kit) {
  const auto document = read_input_xml(
      FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace/iot-adk-addonkit/Tools/IoTCoreImaging/IoTEnvSettings.xml");
  ASSERT_TRUE(document) << document.error().detail;
  const auto lists = read_release_lists(*document);
  ASSERT_TRUE(lists) << lists.error().detail;
  EXPECT_EQ(lists->developer_features, shipped_release_lists().developer_features);
  EXPECT_EQ(lists->deprecated_features, shipped_release_lists().deprecated_features);
  EXPECT_EQ(lists->cross_certificate_cas, shipped_release_lists().cross_certificate_cas);
  EXPECT_EQ(lists->developer_features.size(), 13U);
  EXPECT_EQ(lists->cross_certificate_cas.size(), 24U);
}

TEST(ReleaseRules, a_list_that_the_file_leaves_out_is_the_shipped_one) {
  const auto lists = read_release_lists(*rig::document(
      "<IoTEnvironment><DevFeatureIDs><DevFeatureID> A </DevFeatureID></DevFeatureIDs></IoTEnvironment>", "E.xml"));
  ASSERT_TRUE(lists) << lists.error().detail;
  EXPECT_THAT(lists->developer_features, ElementsAre("A"));
  EXPECT_EQ(lists->deprecated_features, shipped_release_lists().deprecated_features);
  const auto other = read_release_lists(*rig::document("<Else/>", "E.xml"));
  ASSERT_FALSE(other);
  EXPECT_EQ(code_of(other.error().code), code_of(errc::feature_document));
  const auto empty = read_release_lists(
      *rig::document("<IoTEnvironment>\n<DeprecatedIDs><DeprecatedID/></DeprecatedIDs></IoTEnvironment>", "E.xml"));
  ASSERT_FALSE(empty);
  EXPECT_THAT(empty.error().detail, StartsWith("E.xml:2:17: "));
}

TEST(ReleaseRules, facts_of_an_oem_input_are_its_own) {
  const OemInput input = rig::input(
      "<Features><OEM><Feature>A</Feature></OEM><Microsoft><Feature>M</Feature></Microsoft></Features>"
      "<PackageFiles><PackageFile>x.cab</PackageFile></PackageFiles><Product>Linux</Product>",
      "Production");
  const ReleaseFacts facts = facts_of(input, {{"F.xml", "w", false, true, production}});
  EXPECT_EQ(facts.image, production);
  EXPECT_EQ(facts.product, ImageProduct::linux_system);
  ASSERT_EQ(facts.features.size(), 2U);
  EXPECT_EQ(facts.features[0].word + facts.features[1].word, "MA");
  EXPECT_EQ(facts.package_files.size(), 1U);
  EXPECT_EQ(facts.manifests.size(), 1U);
}

}  // namespace
}  // namespace flashline::imaging
