#include "imaging/feature/oem_input.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "tests/imaging/feature/feature_rig.h"

namespace flashline::imaging {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(OemInputFile, reads_every_element) {
  Variables percents{Variables::Style::percent};
  percents.set("BLD_DIR", "/b");
  percents.set("BUILDTYPE", "chk");
  std::string xml = rig::input_xml(
      "<Description> An image </Description>\n"
      "<AdditionalFMs><!-- a --><AdditionalFM>%BLD_DIR%\\FM.xml</AdditionalFM></AdditionalFMs>\n"
      "<Features><OEM><Feature>A</Feature></OEM><Microsoft><Feature>IOT_X</Feature><Feature>IOT_Y</Feature>"
      "</Microsoft></Features>\n"
      "<PackageFiles><PackageFile>%bld_dir%\\x.cab</PackageFile></PackageFiles><Product>windows 10 iot core</Product>"
      "<FormatDPP>TRUE</FormatDPP><ExcludePrereleaseFeatures>1</ExcludePrereleaseFeatures>"
      "<OEMDevicePlatform>p.xml</OEMDevicePlatform><UserStoreMapData>u.xml</UserStoreMapData>");
  xml.replace(xml.find("fre<"), 3, "%BUILDTYPE%");
  const auto read = rig::read_input(xml, percents);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->description, "An image");
  EXPECT_EQ(read->soc.word + read->sv.word + read->device.word, "PiBerryPiBoard");
  EXPECT_EQ(read->soc.where, "In.xml:2:2");
  EXPECT_EQ(read->release_type, ReleaseType::test);
  EXPECT_EQ(read->build_type, "chk");
  EXPECT_THAT(read->ui_languages, ElementsAre("en-US", "de-DE"));
  EXPECT_THAT(read->keyboard_languages, ElementsAre("fr-FR"));
  EXPECT_THAT(read->speech_languages, ElementsAre("it-IT"));
  EXPECT_EQ(read->boot_ui_language + read->boot_locale, "de-deen-US");
  EXPECT_THAT(read->resolutions, ElementsAre("1024x768"));
  ASSERT_EQ(read->additional_fms.size(), 1U);
  EXPECT_EQ(read->additional_fms[0].word, "/b\\FM.xml");
  ASSERT_EQ(read->microsoft_features.size(), 2U);
  EXPECT_EQ(read->microsoft_features[1].word, "IOT_Y");
  EXPECT_EQ(read->oem_features.at(0).word, "A");
  EXPECT_EQ(read->package_files.at(0).word, "/b\\x.cab");
  EXPECT_EQ(read->product, ImageProduct::iot_core);
  EXPECT_TRUE(read->format_dpp);
  EXPECT_TRUE(read->exclude_prerelease);
  EXPECT_EQ(read->device_platform_file.word + read->user_store_map.word, "p.xmlu.xml");
  EXPECT_EQ(read->find_feature("iot_y"), &read->microsoft_features[1]);
  EXPECT_EQ(read->find_feature("a"), &read->oem_features[0]);
  EXPECT_EQ(read->find_feature("IOT"), nullptr);
}

TEST(OemInputFile, smallest_one_is_enough) {
  const auto read = rig::read_input(rig::input_xml("<PackageFiles />"));
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_TRUE(read->additional_fms.empty());
  EXPECT_TRUE(read->package_files.empty());
  EXPECT_FALSE(read->exclude_prerelease);
  EXPECT_EQ(rig::input("<Product>Linux</Product>").product, ImageProduct::linux_system);
}

struct Bad {
  const char* name;
  std::string_view from, to;  ///< a change to the smallest one
  Errc code;
  std::string_view place, hint;
};
std::ostream& operator<<(std::ostream& out, const Bad& row) { return out << row.name; }
class BadOemInput : public ::testing::TestWithParam<Bad> {};

INSTANTIATE_TEST_SUITE_P(
    Feature, BadOemInput,
    ::testing::Values(
        Bad{"root", "OEMInput xmlns", "OemOutput xmlns", errc::xml_not_well_formed, "", ""},
        Bad{"namespace", "2004/10", "2004/11", errc::feature_document, "1:2", "2004/11"},
        Bad{"unknown_element", "<SV>", "<Sw>x</Sw><SV>", errc::xml_unknown, "3:2", "SV"},
        Bad{"twice", "<SV>", "<soc>y</soc><SV>", errc::feature_repeated, "3:2", "In.xml:2:2"},
        Bad{"list_twice", "<Keyboard>", "<Keyboard/><Keyboard>", errc::feature_repeated, "7:116", "Keyboard"},
        Bad{"no_soc", "<SOC>Pi</SOC>", "", errc::xml_missing, "1:2", "<SOC>"},
        Bad{"empty_soc", "<SOC>Pi</SOC>", "<SOC/>", errc::xml_missing, "1:2", "<SOC>"},
        Bad{"no_device", "<Device>PiBoard</Device>", "", errc::xml_missing, "1:2", "<Device>"},
        Bad{"no_release", "<ReleaseType>Test</ReleaseType>", "", errc::xml_missing, "1:2", "<ReleaseType>"},
        Bad{"release", ">Test<", ">Retail<", errc::xml_value, "5:2", "Retail"},
        Bad{"no_build", "<BuildType>fre</BuildType>", "", errc::xml_missing, "1:2", "<BuildType>"},
        Bad{"build", ">fre<", ">free<", errc::xml_value, "6:2", "free"},
        Bad{"no_languages", "<UserInterface><Language>en-US</Language><Language>de-DE</Language></UserInterface>", "",
            errc::xml_missing, "1:2", "UserInterface"},
        Bad{"language", "en-US</Language>", "../x</Language>", errc::xml_value, "7:37", "../x"},
        Bad{"no_boot_language", "<BootUILanguage>de-de</BootUILanguage>", "", errc::xml_missing, "1:2",
            "BootUILanguage"},
        Bad{"boot_language", ">de-de<", ">fr-FR<", errc::oem_boot_language, "8:2", "en-US, de-DE"},
        Bad{"no_locale", "<BootLocale>en-US</BootLocale>", "", errc::xml_missing, "1:2", "BootLocale"},
        Bad{"locale", "<BootLocale>en-US", "<BootLocale>en US", errc::xml_value, "9:2", "en US"},
        Bad{"no_resolution", "<Resolution>1024x768</Resolution>", "", errc::xml_missing, "1:2", "Resolution"},
        Bad{"resolution", "1024x768", "1024*768", errc::xml_value, "10:15", "1024*768"},
        Bad{"resolution_half", "1024x768", "1024x", errc::xml_value, "10:15", "1024x"},
        Bad{"product", "<SV>", "<Product>Windows 11</Product><SV>", errc::oem_product, "3:2", "Windows 11"},
        Bad{"flag", "<SV>", "<FormatDPP>maybe</FormatDPP><SV>", errc::xml_value, "3:2", "maybe"},
        Bad{"variable", "<SV>Berry", "<SV>%NOBODY%", errc::variable_unknown, "3:2", "NOBODY"},
        Bad{"empty_feature", "<SV>", "<Features><OEM><Feature/></OEM></Features><SV>", errc::xml_value, "3:17",
            "Feature"},
        Bad{"feature_outside", "<SV>", "<Features><Feature>A</Feature></Features><SV>", errc::xml_unknown, "3:12", ""},
        Bad{"element_in_a_word", ">Pi<", "><b>Pi</b><", errc::xml_unknown, "2:7", ""}),
    [](const auto& row) { return row.param.name; });

TEST_P(BadOemInput, is_refused_at_its_place) {
  const Bad& row = GetParam();
  std::string xml = rig::input_xml();
  const std::size_t at = xml.find(row.from);
  ASSERT_NE(at, std::string::npos);
  xml.replace(at, row.from.size(), row.to);
  const auto read = rig::read_input(xml);
  ASSERT_FALSE(read);
  EXPECT_EQ(code_of(read.error().code), code_of(row.code)) << read.error().detail;
  EXPECT_THAT(read.error().detail, StartsWith("In.xml:" + std::string{row.place}));
  EXPECT_THAT(read.error().detail, HasSubstr(std::string{row.hint}));
}

}  // namespace
}  // namespace flashline::imaging
