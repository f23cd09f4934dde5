#include <gmock/gmock.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "tests/imaging/feature/feature_rig.h"

namespace flashline::imaging {
namespace {

using rig::manifest_xml;
using rig::read_manifest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view every_section =
    "<BasePackages><PackageFile Path='p' Name='Base.cab'/></BasePackages>\n"
    "<CPUPackages><PackageFile CPUType='ARM' Path='p' Name='Cpu.cab'/></CPUPackages>\n"
    "<Features><Microsoft><PackageFile Path='p' Name='Ms.cab'><FeatureIDs><FeatureID> MS_A </FeatureID></FeatureIDs>"
    "</PackageFile></Microsoft>\n"
    "<MSFeatureGroups><FeatureGroup Name='g' Constraint='oneOrMore'><FeatureIDs><FeatureID>MS_A</FeatureID>"
    "</FeatureIDs></FeatureGroup></MSFeatureGroups>\n"
    "<OEM><PackageFile Path='p' Name='Oem.cab' Language='!(en-us; de-DE)' Resolution='*' NoBasePackage='1'>"
    "<FeatureIDs><FeatureID>A</FeatureID><FeatureID>B</FeatureID></FeatureIDs></PackageFile></OEM>\n"
    "<OEMFeatureGroups><FeatureGroup><FeatureIDs><FeatureID>OEM_A</FeatureID></FeatureIDs></FeatureGroup>"
    "</OEMFeatureGroups>\n"
    "<OEMConditionalFeatures><ConditionalFeature FeatureID='OEM_A' UpdateAction='NoUpdate'/></OEMConditionalFeatures>"
    "</Features>\n"
    "<ReleasePackages><PackageFile ReleaseType='test' Path='p' Name='Rel.cab'/></ReleasePackages>\n"
    "<PrereleasePackages><PackageFile Type='Replacement' Path='p' Name='Pre.cab'/></PrereleasePackages>\n"
    "<SOCPackages><PackageFile SOC='S' Path='p' Name='Soc.cab'/></SOCPackages>\n"
    "<SVPackages><PackageFile SV='V W' Path='p' Name='Sv.cab'/></SVPackages>\n"
    "<DeviceSpecificPackages><PackageFile Device='D' Path='p' Name='Dev.cab' CPUType='x64'/></DeviceSpecificPackages>\n"
    "<DeviceLayoutPackages><PackageFile SOC='S' Path='p' Name='Layout.cab'/></DeviceLayoutPackages>\n"
    "<OEMDevicePlatformPackages><PackageFile Device='D' Path='p' Name='Platform.cab'/></OEMDevicePlatformPackages>\n"
    "<BootUILanguagePackageFile Path='p' Name='Ui_$(bootuilanguage).cab'/>\n"
    "<BootLocalePackageFile Path='p' Name='Locale_$(bootlocale).cab'/>\n"
    "<KeyboardPackages><PackageFile Language='fr-FR' Path='p' Name='Key.cab'/></KeyboardPackages>\n"
    "<SpeechPackages><PackageFile Language='it-IT' Path='p' Name='Speech.cab' Partition='MainOS' ID='Speech' "
    "Version='1.2.3.4' FeatureIdentifierPackage='TRUE'/></SpeechPackages>";

TEST(ReadManifest, reads_every_section) {
  const auto read = read_manifest(manifest_xml(every_section, " Revision='1' SchemaVersion='1.2'"));
  ASSERT_TRUE(read) << read.error().detail;
  std::vector<std::string> rows;
  for (const FmPackage& package : read->packages) {
    rows.push_back(std::string{name_of(package.section)} + " " + package.selector + " " + package.name + " " +
                   package.where);
  }
  EXPECT_THAT(
      rows,
      ElementsAre("BasePackages  Base.cab FM.xml:2:16", "CPUPackages ARM Cpu.cab FM.xml:3:15",
                  "Features/Microsoft  Ms.cab FM.xml:4:23", "Features/OEM  Oem.cab FM.xml:6:7",
                  "ReleasePackages Test Rel.cab FM.xml:9:19", "PrereleasePackages Replacement Pre.cab FM.xml:10:22",
                  "SOCPackages S Soc.cab FM.xml:11:15", "SVPackages V W Sv.cab FM.xml:12:14",
                  "DeviceSpecificPackages D Dev.cab FM.xml:13:26", "DeviceLayoutPackages S Layout.cab FM.xml:14:24",
                  "OEMDevicePlatformPackages D Platform.cab FM.xml:15:29",
                  "BootUILanguagePackageFile  Ui_$(bootuilanguage).cab FM.xml:16:2",
                  "BootLocalePackageFile  Locale_$(bootlocale).cab FM.xml:17:2",
                  "KeyboardPackages fr-FR Key.cab FM.xml:18:20", "SpeechPackages it-IT Speech.cab FM.xml:19:18"));
  EXPECT_EQ(read->revision, "1");
  EXPECT_EQ(read->schema_version, "1.2");
  EXPECT_FALSE(read->merged());
}

TEST(ReadManifest, reads_the_details_of_a_package) {
  const auto read = read_manifest(manifest_xml(every_section));
  ASSERT_TRUE(read) << read.error().detail;
  const FmPackage& oem = read->packages[3];
  ASSERT_EQ(oem.features.size(), 2U);
  EXPECT_EQ(oem.features[1].word, "B");
  EXPECT_EQ(oem.features[1].where, "FM.xml:6:140");
  EXPECT_TRUE(oem.no_base);
  EXPECT_EQ(oem.languages.kind, PartSelector::Kind::except);
  EXPECT_THAT(oem.languages.words, ElementsAre("en-us", "de-DE"));
  EXPECT_EQ(oem.resolutions.kind, PartSelector::Kind::all);
  EXPECT_EQ(read->packages[2].features.front().word, "MS_A") << "white space is trimmed";
  EXPECT_EQ(read->packages[8].cpu, CpuType::amd64);
  EXPECT_EQ(read->packages[13].languages.kind, PartSelector::Kind::none) << "there it selects the whole package";
  const FmPackage& last = read->packages.back();
  EXPECT_TRUE(last.identifier);
  EXPECT_EQ(last.partition + " " + last.id + " " + last.version, "MainOS Speech 1.2.3.4");
}

TEST(ReadManifest, reads_groups_and_conditions) {
  const auto read = read_manifest(manifest_xml(every_section));
  ASSERT_TRUE(read) << read.error().detail;
  ASSERT_EQ(read->groups.size(), 2U);
  EXPECT_TRUE(read->groups[0].microsoft);
  EXPECT_EQ(read->groups[0].name, "g");
  EXPECT_EQ(read->groups[0].constraint, GroupConstraint::one_or_more);
  EXPECT_EQ(read->groups[0].where, "FM.xml:5:19");
  EXPECT_FALSE(read->groups[1].microsoft);
  EXPECT_EQ(read->groups[1].constraint, GroupConstraint::zero_or_more) << "the default";
  ASSERT_EQ(read->conditions.size(), 1U);
  EXPECT_EQ(read->conditions[0].feature + " " + read->conditions[0].action, "OEM_A NoUpdate");
}

TEST(ReadManifest, knows_what_the_merger_wrote) {
  const auto read = read_manifest(
      manifest_xml("", " ID='RPi' OwnerName='Contoso' OwnerType='siliconVendor' ReleaseType='Production'"));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_TRUE(read->merged());
  EXPECT_EQ(read->owner_type, OwnerType::silicon_vendor);
  EXPECT_EQ(read->release_type, ReleaseType::production);
}

struct GroupPlace {
  const char* name;
  std::string_view features;
  bool microsoft;
};
std::ostream& operator<<(std::ostream& out, const GroupPlace& row) { return out << row.name; }
class GroupPlaces : public ::testing::TestWithParam<GroupPlace> {};

#define GROUP "<FeatureGroup Constraint='ZeroOrOne'><FeatureIDs><FeatureID>A</FeatureID></FeatureIDs></FeatureGroup>"
#define GROUPING \
  "<FeatureGrouping Constraint='ZeroOrOne'><FeatureIDs><FeatureID>A</FeatureID></FeatureIDs></FeatureGrouping>"

// The real files, the documentation's examples and its text disagree: groups count wherever they stand.
INSTANTIATE_TEST_SUITE_P(
    Feature, GroupPlaces,
    ::testing::Values(
        GroupPlace{"ms_groups", "<MSFeatureGroups>" GROUP "</MSFeatureGroups>", true},
        GroupPlace{"oem_groups", "<OEMFeatureGroups>" GROUP "</OEMFeatureGroups>", false},
        GroupPlace{"in_microsoft", "<Microsoft>" GROUP "</Microsoft>", true},
        GroupPlace{"in_oem", "<OEM>" GROUP "</OEM>", false},
        GroupPlace{"groups_in_microsoft", "<Microsoft><FeatureGroups>" GROUP "</FeatureGroups></Microsoft>", true},
        GroupPlace{"groups_in_oem", "<OEM><FeatureGroups>" GROUP "</FeatureGroups></OEM>", false},
        GroupPlace{"grouping", "<OEM>" GROUPING "</OEM>", false},
        GroupPlace{"groupings", "<Microsoft><FeatureGroupings>" GROUPING "</FeatureGroupings></Microsoft>", true}),
    [](const auto& row) { return row.param.name; });

TEST_P(GroupPlaces, are_all_read) {
  const auto read = read_manifest(manifest_xml("<Features>" + std::string{GetParam().features} + "</Features>"));
  ASSERT_TRUE(read) << read.error().detail;
  ASSERT_EQ(read->groups.size(), 1U);
  EXPECT_EQ(read->groups[0].microsoft, GetParam().microsoft);
  EXPECT_EQ(read->groups[0].constraint, GroupConstraint::zero_or_one);
}

struct Bad {
  const char* name;
  std::string_view inside;
  Errc code;
  std::string_view place;
  std::string_view hint;
};
std::ostream& operator<<(std::ostream& out, const Bad& row) { return out << row.name; }
class BadManifest : public ::testing::TestWithParam<Bad> {};

INSTANTIATE_TEST_SUITE_P(
    Feature, BadManifest,
    ::testing::Values(
        Bad{"unknown_section", "<BasePackage/>", errc::xml_unknown, "2:2", "BasePackages"},
        Bad{"unknown_attribute", "<BasePackages><PackageFile Path='p' Name='a' Langauge='*'/></BasePackages>",
            errc::xml_unknown, "2:46", "Language"},
        Bad{"selector_of_another_section", "<BasePackages><PackageFile SOC='x' Path='p' Name='a'/></BasePackages>",
            errc::xml_unknown, "2:28", "SOC"},
        Bad{"features_outside",
            "<BasePackages><PackageFile Path='p' Name='a'><FeatureIDs/></PackageFile></BasePackages>",
            errc::xml_unknown, "2:47", "FeatureIDs"},
        Bad{"no_name", "<BasePackages><PackageFile Path='p'/></BasePackages>", errc::xml_missing, "2:16", "Name"},
        Bad{"no_path", "<BasePackages><PackageFile Name='a'/></BasePackages>", errc::xml_missing, "2:16", "Path"},
        Bad{"no_soc", "<SOCPackages><PackageFile Path='p' Name='a'/></SOCPackages>", errc::xml_missing, "2:15", "SOC"},
        Bad{"empty_device",
            "<DeviceSpecificPackages><PackageFile Device=' ' Path='p' Name='a'/></DeviceSpecificPackages>",
            errc::xml_value, "2:38", "Device"},
        Bad{"release_type", "<ReleasePackages><PackageFile ReleaseType='Retail' Path='p' Name='a'/></ReleasePackages>",
            errc::xml_value, "2:31", "Retail"},
        Bad{"prerelease_type", "<PrereleasePackages><PackageFile Type='x' Path='p' Name='a'/></PrereleasePackages>",
            errc::xml_value, "2:34", "replacement"},
        Bad{"cpu", "<CPUPackages><PackageFile CPUType='mips' Path='p' Name='a'/></CPUPackages>", errc::xml_value,
            "2:27", "mips"},
        Bad{"language", "<BasePackages><PackageFile Path='p' Name='a' Language='(en-us'/></BasePackages>",
            errc::xml_value, "2:46", "(en-us"},
        Bad{"language_empty", "<BasePackages><PackageFile Path='p' Name='a' Language='!()'/></BasePackages>",
            errc::xml_value, "2:46", "!()"},
        Bad{"bool", "<BasePackages><PackageFile Path='p' Name='a' NoBasePackage='no'/></BasePackages>", errc::xml_value,
            "2:46", "no"},
        Bad{"cab_with_folder", "<BasePackages><PackageFile Path='p' Name='..\\a.cab'/></BasePackages>",
            errc::feature_cab_name, "2:37", "..\\a.cab"},
        Bad{"cab_empty", "<BasePackages><PackageFile Path='p' Name=''/></BasePackages>", errc::feature_cab_name, "2:37",
            "''"},
        Bad{"cab_dots", "<BasePackages><PackageFile Path='p' Name='..'/></BasePackages>", errc::feature_cab_name,
            "2:37", "'..'"},
        Bad{"feature_without_ids", "<Features><OEM><PackageFile Path='p' Name='a'/></OEM></Features>",
            errc::xml_missing, "2:17", "FeatureID"},
        Bad{"feature_with_no_id",
            "<Features><OEM><PackageFile Path='p' Name='a'><FeatureIDs/></PackageFile></OEM></Features>",
            errc::xml_missing, "2:17", "FeatureID"},
        Bad{"feature_empty",
            "<Features><OEM><PackageFile Path='p' Name='a'><FeatureIDs><FeatureID> "
            "</FeatureID></FeatureIDs></PackageFile>"
            "</OEM></Features>",
            errc::xml_value, "2:60", "empty"},
        Bad{"constraint", "<Features><OEM><FeatureGroup Constraint='Two'/></OEM></Features>", errc::feature_constraint,
            "2:30", "Two"},
        Bad{"group_without_ids", "<Features><OEM><FeatureGroup/></OEM></Features>", errc::xml_missing, "2:17", ""},
        Bad{"condition_without_oem",
            "<Features><OEMConditionalFeatures><ConditionalFeature FeatureID='A' UpdateAction='NoUpdate'/>"
            "</OEMConditionalFeatures></Features>",
            errc::feature_condition, "2:55", "OEM_"},
        Bad{"condition_action",
            "<Features><OEMConditionalFeatures><ConditionalFeature FeatureID='OEM_A' UpdateAction='Install'/>"
            "</OEMConditionalFeatures></Features>",
            errc::feature_condition, "2:73", "NoUpdate"}),
    [](const auto& row) { return row.param.name; });

TEST_P(BadManifest, is_refused_at_its_place) {
  const Bad& row = GetParam();
  const auto read = read_manifest(manifest_xml(row.inside));
  ASSERT_FALSE(read);
  EXPECT_EQ(code_of(read.error().code), code_of(row.code)) << read.error().detail;
  EXPECT_THAT(read.error().detail, StartsWith("FM.xml:" + std::string{row.place} + ": "));
  EXPECT_THAT(read.error().detail, HasSubstr(std::string{row.hint}));
}

TEST(ReadManifest, another_root_or_namespace_is_no_manifest) {
  for (const char* text : {"<FeatureManifest/>", "<FeatureManifest xmlns='urn:x'/>",
                           "<OEMInput xmlns='http://schemas.microsoft.com/embedded/2004/10/ImageUpdate'/>"}) {
    const auto read = read_manifest(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(code_of(read.error().code), code_of(errc::feature_document)) << read.error().detail;
  }
  EXPECT_TRUE(
      read_manifest("<i:featuremanifest xmlns:i='http://schemas.microsoft.com/embedded/2004/10/ImageUpdate'/>"));
}

TEST(ManifestText, comes_back_as_it_was) {
  const auto read = read_manifest(manifest_xml(every_section,
                                               " Revision='1' ID='X' OwnerName='A &amp; \"B\"' "
                                               "OwnerType='OEM' ReleaseType='Test'"));
  ASSERT_TRUE(read) << read.error().detail;
  const std::string text = manifest_text(*read);
  const auto again = read_manifest(text);
  ASSERT_TRUE(again) << again.error().detail << "\n" << text;
  ASSERT_EQ(again->packages.size(), read->packages.size());
  for (std::size_t i = 0; i < read->packages.size(); ++i) {
    const FmPackage& a = read->packages[i];
    const FmPackage& b = again->packages[i];
    EXPECT_EQ(a.section, b.section) << a.name;
    EXPECT_EQ(a.name + a.path + a.selector, b.name + b.path + b.selector);
    EXPECT_EQ(a.languages.words, b.languages.words) << a.name;
    EXPECT_EQ(a.languages.kind, b.languages.kind) << a.name;
    EXPECT_EQ(a.resolutions.kind, b.resolutions.kind) << a.name;
    EXPECT_EQ(a.no_base, b.no_base) << a.name;
    EXPECT_EQ(a.identifier, b.identifier) << a.name;
    EXPECT_EQ(a.cpu, b.cpu) << a.name;
    EXPECT_EQ(a.features.size(), b.features.size()) << a.name;
    EXPECT_EQ(a.partition + a.id + a.version, b.partition + b.id + b.version);
  }
  EXPECT_EQ(again->owner_name, "A & \"B\"");
  EXPECT_EQ(again->release_type, ReleaseType::test);
  EXPECT_EQ(again->groups.size(), 2U);
  EXPECT_EQ(again->conditions.size(), 1U);
  EXPECT_EQ(manifest_text(*again), text);
}

TEST(StripMerged, takes_out_what_the_merger_wrote_and_nothing_else) {
  const std::string merged =
      "\xEF\xBB\xBF<?xml version='1.0'?>\r\n<!-- ours -->\r\n"
      "<FeatureManifest xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\" Revision='2' ID='RPi'\r\n"
      "    OwnerName='A > B' OwnerType=\"OEM\" ReleaseType='Production'>\r\n"
      "  <BasePackages> <!-- keep -->\r\n"
      "    <PackageFile Path='p' Name='A.cab' Partition='MainOS' ID='A' Version='1.0.0.0' />\r\n"
      "    <PackageFile Path='p>q' Name='Fip.cab' FeatureIdentifierPackage='true' ID='F'/>\r\n"
      "  </BasePackages>\r\n"
      "  <Features><OEM>\r\n"
      "    <PackageFile FeatureIdentifierPackage='1' Path='p' Name='Fip2.cab'>\r\n"
      "      <FeatureIDs><FeatureID>A</FeatureID><!-- </PackageFile> --></FeatureIDs>\r\n"
      "    </PackageFile><PackageFile Path='p' Name='B.cab'><FeatureIDs><FeatureID>A</FeatureID></FeatureIDs>"
      "</PackageFile>\r\n"
      "  </OEM></Features>\r\n</FeatureManifest>";
  const std::string plain =
      "\xEF\xBB\xBF<?xml version='1.0'?>\r\n<!-- ours -->\r\n"
      "<FeatureManifest xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\" Revision='2'>\r\n"
      "  <BasePackages> <!-- keep -->\r\n"
      "    <PackageFile Path='p' Name='A.cab' />\r\n"
      "  </BasePackages>\r\n"
      "  <Features><OEM>\r\n"
      "    <PackageFile Path='p' Name='B.cab'><FeatureIDs><FeatureID>A</FeatureID></FeatureIDs></PackageFile>\r\n"
      "  </OEM></Features>\r\n</FeatureManifest>";
  const auto document = rig::document(merged, "FM.xml");
  ASSERT_TRUE(document) << document.error().detail;
  const auto stripped = strip_merged(*document);
  ASSERT_TRUE(stripped) << stripped.error().detail;
  EXPECT_EQ(*stripped, plain);
  const auto again = strip_merged(*rig::document(plain, "FM.xml"));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(*again, plain);
}

}  // namespace
}  // namespace flashline::imaging
