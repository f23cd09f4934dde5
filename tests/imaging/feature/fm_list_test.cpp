#include "imaging/feature/fm_list.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/feature/feature_rig.h"

namespace flashline::imaging {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view good =
    "<FMCollectionManifest xmlns='http://schemas.microsoft.com/embedded/2004/10/ImageUpdate' Product='IoTUAP'>\n"
    "<IsBuildFeatureEnabled>true</IsBuildFeatureEnabled>\n<FMs>\n"
    "<FM ID='RPi' Path='$(FMDirectory)\\RPiFM.xml' ReleaseType='Production' OwnerName='OEM_NAME' OwnerType='OEM' "
    "CPUType='ARM' Critical='true'/>\n"
    "<FM ID='TEST_2' Path='$(FMDirectory)\\sub\\TestFM.xml' ReleaseType='Test' OwnerName='NXP' "
    "OwnerType='SiliconVendor' CPUType='ARM64'/>\n</FMs>\n"
    "<SupportedResolutions><Resolution>1024x768</Resolution></SupportedResolutions>\n"
    "<SupportedLanguages><Language>en-US</Language><Language>de-DE</Language></SupportedLanguages>\n"
    "<SupportedLocales><Locale>en-GB</Locale></SupportedLocales>\n</FMCollectionManifest>";

Result<FmList> read(std::string_view xml) {
  FL_TRY(const XmlDocument document, rig::document(xml, "List.xml"));
  return read_fm_list(document);
}

TEST(FmListFile, reads_everything) {
  const auto list = read(good);
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_EQ(list->product, "IoTUAP");
  EXPECT_TRUE(list->build_features);
  ASSERT_EQ(list->manifests.size(), 2U);
  const FmListEntry& first = list->manifests[0];
  EXPECT_EQ(first.id + " " + first.path + " " + first.owner, "RPi $(FMDirectory)\\RPiFM.xml OEM_NAME");
  EXPECT_EQ(first.owner_type, OwnerType::oem);
  EXPECT_EQ(first.release_type, ReleaseType::production);
  EXPECT_EQ(first.cpu, CpuType::arm);
  EXPECT_TRUE(first.critical);
  EXPECT_EQ(first.where, "List.xml:4:2");
  EXPECT_EQ(list->manifests[1].release_type, ReleaseType::test);
  EXPECT_EQ(list->manifests[1].owner_type, OwnerType::silicon_vendor);
  EXPECT_EQ(list->manifests[1].cpu, CpuType::arm64);
  EXPECT_FALSE(list->manifests[1].critical);
  EXPECT_THAT(list->resolutions, ElementsAre("1024x768"));
  EXPECT_THAT(list->languages, ElementsAre("en-US", "de-DE"));
  EXPECT_THAT(list->locales, ElementsAre("en-GB"));
}

TEST(FmListFile, finds_manifests_in_the_first_folder_that_has_them) {
  const fakes::TempFolder folder;
  folder.file("a/sub/TESTFM.XML", "");
  folder.file("b/RPIfm.xml", "");
  folder.file("b/Sub/TestFM.xml", "");
  const auto list = read(good);
  ASSERT_TRUE(list);
  const std::vector<std::filesystem::path> folders{folder / "a", folder / "b"};
  EXPECT_EQ(find_manifest(list->manifests[0], folders), folder / "b/RPIfm.xml");
  EXPECT_EQ(find_manifest(list->manifests[1], folders), folder / "a/sub/TESTFM.XML");
  const auto missing = find_manifest(list->manifests[0], {folder / "a"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(code_of(missing.error().code), code_of(errc::input_missing));
  EXPECT_THAT(missing.error().detail, StartsWith("List.xml:4:2: "));
  folder.file("b/rpiFM.xml", "");
  const auto twice = find_manifest(list->manifests[0], folders);
  ASSERT_FALSE(twice);
  EXPECT_EQ(code_of(twice.error().code), code_of(errc::input_ambiguous));
}

struct Bad {
  const char* name;
  std::string_view from, to;
  Errc code;
  std::string_view place, hint;
};
std::ostream& operator<<(std::ostream& out, const Bad& row) { return out << row.name; }
class BadFmList : public ::testing::TestWithParam<Bad> {};

INSTANTIATE_TEST_SUITE_P(
    Feature, BadFmList,
    ::testing::Values(Bad{"namespace", "2004/10", "x", errc::feature_document, "1:2", "FMCollectionManifest"},
                      Bad{"no_fms", "<FMs>\n<FM ", "<!--\n<FM ", errc::xml_missing, "1:2", "<FMs>"},
                      Bad{"unknown", "<SupportedLocales>", "<SupportedLocale/><SupportedLocales>", errc::xml_unknown,
                          "9:2", "SupportedLocales"},
                      Bad{"other_item", "<Locale>en-GB</Locale>", "<Language>en-GB</Language>", errc::xml_unknown,
                          "9:20", "Language"},
                      Bad{"id_missing", "ID='RPi' ", "", errc::xml_missing, "4:2", "ID"},
                      Bad{"id_characters", "ID='RPi'", "ID='R.Pi'", errc::fm_list_id, "4:5", "R.Pi"},
                      Bad{"id_twice", "ID='TEST_2'", "ID='rpi'", errc::fm_list_id, "5:5", "List.xml:4:2"},
                      Bad{"path_missing", " Path='$(FMDirectory)\\RPiFM.xml'", "", errc::xml_missing, "4:2", "Path"},
                      Bad{"release_missing", " ReleaseType='Production'", "", errc::xml_missing, "4:2", "ReleaseType"},
                      Bad{"release", "'Production'", "'Retail'", errc::xml_value, "4:46", "Retail"},
                      Bad{"owner_missing", " OwnerName='OEM_NAME'", "", errc::xml_missing, "4:2", "OwnerName"},
                      Bad{"owner_type", "'OEM'", "'Me'", errc::xml_value, "4:92", "Me"},
                      Bad{"cpu_missing", " CPUType='ARM' ", " ", errc::xml_missing, "4:2", "CPUType"},
                      Bad{"cpu_small", "'ARM'", "'arm'", errc::fm_list_cpu, "4:108", "'arm'"},
                      Bad{"cpu_x64", "'ARM'", "'X64'", errc::fm_list_cpu, "4:108", "'X64'"},
                      Bad{"critical", "Critical='true'", "Critical='very'", errc::xml_value, "4:122", "very"}),
    [](const auto& row) { return row.param.name; });

TEST_P(BadFmList, is_refused_at_its_place) {
  const Bad& row = GetParam();
  std::string xml{good};
  const std::size_t at = xml.find(row.from);
  ASSERT_NE(at, std::string::npos);
  xml.replace(at, row.from.size(), row.to);
  if (const std::size_t end = xml.find("</FMs>"); xml.find("<FMs>") == std::string::npos) xml.replace(end, 6, "-->");
  const auto list = read(xml);
  ASSERT_FALSE(list);
  EXPECT_EQ(code_of(list.error().code), code_of(row.code)) << list.error().detail;
  EXPECT_THAT(list.error().detail, StartsWith("List.xml:" + std::string{row.place} + ": "));
  EXPECT_THAT(list.error().detail, HasSubstr(std::string{row.hint}));
}

TEST(FmListFile, every_list_of_the_workspace_is_read) {
  std::size_t lists = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator{FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace"}) {
    const std::string name = folded(entry.path().filename().string());
    if (!name.ends_with("fmfilelist.xml")) continue;
    const auto document = read_input_xml(entry.path());
    ASSERT_TRUE(document) << document.error().detail;
    const auto list = read_fm_list(*document);
    ASSERT_TRUE(list) << list.error().detail;
    EXPECT_FALSE(list->manifests.empty());
    EXPECT_EQ(list->product, "IoTUAP");
    ++lists;
  }
  EXPECT_EQ(lists, 13U);
}

}  // namespace
}  // namespace flashline::imaging
