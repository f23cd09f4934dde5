// What definitions become, against golden texts that were reviewed by hand, and what is wrong with broken ones.

#include "imaging/package/definition.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/unicode.h"
#include "imaging/workspace/input_xml.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/package/package_text.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

const fs::path published = FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace";
const fs::path golden = FLASHLINE_SOURCE_DIR "/tests/golden/package/";

std::string content_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream{path, std::ios::binary}.rdbuf();
  return text.str();
}

DefinitionInputs usual_inputs() {
  DefinitionInputs in;
  in.dollars.set("OEMNAME", "Contoso");
  in.dollars.set("PROD", "SampleA");
  in.dollars.set("BSPVER", "10.0.1.2");
  in.dollars.set("BUILDTIME", "20261123-0400");
  in.version = Version{10, 0, 1, 2};
  in.languages = {"en-US", "de-DE", "ja-JP"};
  in.resolutions = {"480x800", "1024x768"};
  return in;
}

/// The golden text, or what was made instead, for a person to look at.
void expect_golden(const Result<std::vector<Package>>& packages, const std::string& name) {
  ASSERT_TRUE(packages) << name << ": " << packages.error().detail;
  EXPECT_EQ(content_of(golden / (name + ".txt")), packages_text(*packages)) << name;
}

// ---- golden texts -----------------------------------------------------------------------------------------------

struct Published {
  const char* name;
  const char* definition;
  std::vector<std::string> stand_ins;  ///< beside the definition, or in `payload`
  const char* payload = "";
};

class PublishedDefinition : public ::testing::TestWithParam<Published> {};

TEST_P(PublishedDefinition, builds_what_was_reviewed) {
  const Published& row = GetParam();
  const fakes::TempFolder folder;
  const fs::path from = published / row.definition;
  fs::copy(from.parent_path(), folder.path(), fs::copy_options::recursive);
  if (*row.payload != '\0')
    fs::copy(published / row.payload, folder.path(), fs::copy_options::recursive | fs::copy_options::skip_existing);
  for (const std::string& name : row.stand_ins) (void)folder.file(name, "stand-in of " + name + "\n");
  expect_golden(read_definition(folder / from.filename(), usual_inputs()), row.name);
}

INSTANTIATE_TEST_SUITE_P(
    Package, PublishedDefinition,
    ::testing::Values(
        Published{"boot-firmware",
                  "rpi-iotcore/bspfiles/Packages/RPi.BootFirmware/RPi.BootFirmware.wm.xml",
                  {"bootcode.bin", "fixup.dat", "fixup_cd.dat", "fixup_x.dat", "kernel.img", "LICENCE.broadcom",
                   "start.elf", "start_cd.elf", "start_x.elf"}},
        Published{"rpi-customization", "rpi-iotcore/bspfiles/Packages/RPi.Customization/RPi.Customization.wm.xml", {}},
        Published{"rpi-sdhc",
                  "rpi-iotcore/bspfiles/Packages/RPi.Drivers/bcm2836sdhc.wm.xml",
                  {"bcm2836sdhc.sys"},
                  "rpi-iotcore/drivers/sd/bcm2836/bcm2836sdhc"},
        Published{"rpi-pwm",
                  "rpi-iotcore/bspfiles/Packages/RPi.Drivers/bcm2836pwm.wm.xml",
                  {"bcm2836pwm.sys"},
                  "rpi-iotcore/drivers/pwm/bcm2836"},
        Published{"rpi-rpiq",
                  "rpi-iotcore/bspfiles/Packages/RPi.Drivers/rpiq.wm.xml",
                  {"rpiq.sys"},
                  "rpi-iotcore/drivers/mailbox/bcm2836"},
        Published{
            "imx-timers", "imx-iotcore/hals/halext/HalExtiMX6Timers/HalExtiMX6Timers.wm.xml", {"HalExtiMX6Timers.dll"}},
        Published{"imx-codec", "imx-iotcore/driver/audio/codec/wm8731L/wm8731Lcodec.wm.xml", {"Wm8731LCodec.dll"}},
        Published{"imx-i2c", "imx-iotcore/driver/i2c/imxi2c/imxi2c.wm.xml", {"imxi2c.sys"}},
        Published{"imx-boot-loader",
                  "imx-iotcore/build/board/NXPEVK_iMX8M_4GB/Package/BootLoader/BootLoader.wm.xml",
                  {"BootLoader/flash.bin"}},
        Published{"azure-services",
                  "iot-adk-addonkit/Workspace/Source-arm/Packages/AzureDM.Services/AzureDM.Services.wm.xml",
                  {"SystemConfigurator.exe"}},
        Published{"custom-bcd", "iot-adk-addonkit/Workspace/Common/Packages/Custom.BCD/Custom.BCD.wm.xml", {}},
        Published{
            "custom-settings", "iot-adk-addonkit/Workspace/Common/Packages/Custom.Settings/Custom.Settings.wm.xml", {}},
        Published{"registry-version",
                  "iot-adk-addonkit/Workspace/Common/Packages/Registry.Version/Registry.Version.wm.xml",
                  {}},
        Published{"bitlocker",
                  "iot-adk-addonkit/Workspace/Common/Packages/Security.BitLocker/Security.Bitlocker.wm.xml",
                  {"setup.bitlocker.cmd"}},
        Published{"device-guard",
                  "iot-adk-addonkit/Workspace/Common/Packages/Security.DeviceGuard/Security.DeviceGuard.wm.xml",
                  {}},
        Published{"smbios",
                  "iot-adk-addonkit/Workspace/Source-arm/BSP/QCDB410C/Packages/Custom.SMBIOS/Custom.SMBIOS.wm.xml",
                  {}},
        Published{"minnowboard",
                  "iot-adk-addonkit/Workspace/Source-x64/BSP/MBMx64/Packages/MBMx64.Customization/"
                  "MBMx64.Customization.wm.xml",
                  {}},
        Published{"template", "iot-adk-addonkit-17134/Templates/FileTemplate.wm.xml", {}}),
    [](const auto& row) {
      std::string name = row.param.name;
      std::ranges::replace(name, '-', '_');
      return name;
    });

// ---- one definition with everything -----------------------------------------------------------------------------

/// What the definitions of tests/golden/package name.
class Payload {
 public:
  Payload() {
    for (const char* name : {"a.txt", "sub/b.bin", "boot.xml", "en-US/text.mui", "de-DE/text.mui", "ja-JP/text.mui",
                             "480x800.bmp", "1024x768.bmp", "svc.exe", "svc.dll", "small.sys", "moved/small.sys",
                             "below/deeper/readme.txt", "small.cat"}) {
      (void)folder_.file(name, std::string{"stand-in of "} + name + "\n");
    }
    (void)folder_.file("empty.txt", "");
    (void)folder_.file("twice/Same.txt", "one");
    (void)folder_.file("twice/sAME.TXT", "two");
    (void)folder_.file("small.inf", content_of(golden / "small.inf"));
  }
  const fs::path& path() const { return folder_.path(); }

 private:
  fakes::TempFolder folder_;
};

Result<std::vector<Package>> read_text(const std::string& text, const fs::path& folder,
                                       const DefinitionInputs& in = usual_inputs()) {
  FL_TRY(const XmlDocument document, parse_input_xml(std::as_bytes(std::span{text}), "p.wm.xml"));
  return read_definition(document, folder, in);
}

TEST(Definition, holds_all_that_its_elements_say) {
  const Payload payload;
  expect_golden(read_text(content_of(golden / "everything.wm.xml"), payload.path()), "everything");
}

TEST(Definition, older_form_gives_the_same_kind_of_packages) {
  const Payload payload;
  expect_golden(read_text(content_of(golden / "older.pkg.xml"), payload.path()), "older");
}

TEST(Definition, is_read_the_same_from_utf_16) {
  const Payload payload;
  std::string text = content_of(golden / "everything.wm.xml");
  text.replace(text.find("utf-8"), 5, "utf-16");
  std::string wide = "\xFF\xFE";
  for (const char16_t unit : utf16_of(text).value_or(u"")) {
    wide += static_cast<char>(unit & 0xFFU);
    wide += static_cast<char>(unit >> 8U);
  }
  expect_golden(read_text(wide, payload.path()), "everything");
}

TEST(Definition, is_nothing_for_another_build) {
  const Payload payload;
  DefinitionInputs in = usual_inputs();
  in.cpu = CpuType::x86;
  const auto packages = read_text(content_of(golden / "everything.wm.xml"), payload.path(), in);
  ASSERT_TRUE(packages) << packages.error().detail;
  EXPECT_TRUE(packages->empty());
}

TEST(Definition, takes_release_folder_from_variables_before_payload_root) {
  const Payload payload;
  DefinitionInputs in = usual_inputs();
  in.payload_root = payload.path() / "moved";
  const std::string text = R"(<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="N" owner="O"><files>
    <file source="$(_RELEASEDIR)small.sys"/></files></identity>)";
  const auto first = read_text(text, "/", in);
  ASSERT_TRUE(first) << first.error().detail;
  EXPECT_EQ(std::get<fs::path>(first->at(0).files.at(0).source), payload.path() / "moved/small.sys");
  in.dollars.set("_RELEASEDIR", payload.path().string() + "/");
  const auto second = read_text(text, "/", in);
  ASSERT_TRUE(second) << second.error().detail;
  EXPECT_EQ(std::get<fs::path>(second->at(0).files.at(0).source), payload.path() / "small.sys");
  EXPECT_EQ(second->at(0).identity.name, "O-N");
}

// ---- mistakes ---------------------------------------------------------------------------------------------------

/// The smallest definition that has a place for each mistake.
constexpr const char* good = R"(<?xml version="1.0"?>
<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="N" namespace="C" owner="O" legacyName="O.C.N">
<onecorePackageInfo targetPartition="MainOS" releaseType="Test" ownerType="OEM"/>
<macros><macro id="m" value="text"/></macros>
<files>
<file source="a.txt" destinationDir="$(runtime.windows)\T" name="a.txt" attributes="hidden" buildFilter="build.arch = arm"/>
</files>
<directories><directory path="$(runtime.windows)\D"/></directories>
<regKeys><regKey keyName="$(hklm.software)\K">
<regValue name="V" type="REG_DWORD" value="1"/>
</regKey></regKeys>
<drivers><driver><inf source="small.inf"/></driver></drivers>
<service name="S" start="auto" type="win32OwnProcess">
<failureActions resetPeriod="60"><actions><action type="none" delay="0"/></actions></failureActions>
<serviceTrigger action="start" type="DomainJoin" subtype="DOMAIN_JOIN"><triggerData type="binary" value="01"/></serviceTrigger>
</service>
<serviceGroup groupName="G" serviceName="S"/>
<language culture="en-US"><files/></language>
</identity>
)";

struct Mistake {
  const char* name;
  const char* from;
  const char* to;
  Errc code;
  const char* place;  ///< line:column
  const char* says = "";
};

class DefinitionMistake : public ::testing::TestWithParam<Mistake> {
 protected:
  static const Payload& payload() {
    static const Payload files;
    return files;
  }
};

TEST(Definition, that_mistakes_are_made_in_is_good) {
  const Payload payload;
  const auto packages = read_text(good, payload.path());
  EXPECT_TRUE(packages) << packages.error().detail;
}

TEST_P(DefinitionMistake, is_refused_at_its_place) {
  const Mistake& row = GetParam();
  std::string text = good;
  const std::size_t at = text.find(row.from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string_view{row.from}.size(), row.to);
  const auto packages = read_text(text, payload().path());
  ASSERT_FALSE(packages);
  EXPECT_EQ(code_of(packages.error().code), code_of(row.code)) << packages.error().detail;
  EXPECT_TRUE(packages.error().detail.starts_with(std::string{"p.wm.xml:"} + row.place + ": "))
      << packages.error().detail;
  EXPECT_TRUE(packages.error().detail.contains(row.says)) << packages.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Package, DefinitionMistake,
    ::testing::Values(
        Mistake{"not_well_formed", "</identity>", "", errc::xml_not_well_formed, "20:1"},
        Mistake{"doctype", "<identity", "<!DOCTYPE identity><identity", errc::xml_doctype, "2:1"},
        Mistake{"namespace", "v1.00", "v2.00", errc::definition_root, "2:2", "v2.00"},
        Mistake{"unknown_attribute", " owner=", " colour=\"1\" owner=", errc::xml_unknown, "2:86", "colour"},
        Mistake{"unknown_element", "<files>", "<fils/><files>", errc::xml_unknown, "5:2", "did you mean 'files'"},
        Mistake{"resolution_part", "<files>", "<resolution resolution=\"1x1\"/><files>", errc::xml_unknown, "5:2"},
        Mistake{"unsupported_com", "<files>", "<COM/><files>", errc::definition_unsupported, "5:2", "<COM>"},
        Mistake{"unsupported_tasks", "<files>", "<tasks/><files>", errc::definition_unsupported, "5:2", "<tasks>"},
        Mistake{"unsupported_configuration", "<files>", "<configuration/><files>", errc::definition_unsupported, "5:2"},
        Mistake{"second_info", "<macros>", "<onecorePackageInfo/><macros>", errc::definition_repeated, "4:2", "3:2"},
        Mistake{"second_macros", "<files>", "<macros/><files>", errc::definition_repeated, "5:2"},
        Mistake{"second_language", "</identity>", "<language culture=\"de-DE\"/></identity>", errc::definition_repeated,
                "19:2"},
        Mistake{"no_name", " name=\"N\"", "", errc::xml_missing, "2:2", "'name'"},
        Mistake{"no_owner", " owner=\"O\"", "", errc::xml_missing, "2:2", "'owner'"},
        Mistake{"name_dot", "name=\"N\"", "name=\"N.M\"", errc::package_name, "2:63"},
        Mistake{"owner_underscore", "owner=\"O\"", "owner=\"O_P\"", errc::package_name, "2:86"},
        Mistake{"namespace_empty", "namespace=\"C\"", "namespace=\"\"", errc::package_name, "2:72"},
        Mistake{"legacy_path", "O.C.N", "..\\N", errc::package_name, "2:96"},
        Mistake{"legacy_slash", "O.C.N", "a/b", errc::package_name, "2:96"},
        Mistake{"legacy_unknown", "O.C.N", "$(NOTHING)", errc::variable_unknown, "2:96", "NOTHING"},
        Mistake{"partition_slash", "\"MainOS\"", "\"a/b\"", errc::partition_name, "3:21"},
        Mistake{"partition_long", "\"MainOS\"", "\"a234567890123456789012345678901234567\"", errc::partition_name,
                "3:21"},
        Mistake{"release_word", "\"Test\"", "\"Tests\"", errc::xml_value, "3:46", "Production, Test"},
        Mistake{"owner_word", "\"OEM\"", "\"ODM\"", errc::xml_value, "3:65", "MobileOperator"},
        Mistake{"binary_without_image", "ownerType=\"OEM\"", "binaryPartition=\"true\"", errc::binary_partition,
                "3:65"},
        Mistake{"image_without_binary", "ownerType=\"OEM\"/>",
                "><binaryPartition imageSource=\"a.txt\"/></onecorePackageInfo>", errc::binary_partition, "3:67"},
        Mistake{"image_with_files", "ownerType=\"OEM\"/>",
                "binaryPartition=\"1\"><binaryPartition imageSource=\"a.txt\"/></onecorePackageInfo>",
                errc::binary_partition, "5:2", "<files>"},
        Mistake{"image_empty", "ownerType=\"OEM\"/>",
                "binaryPartition=\"1\"><binaryPartition imageSource=\"empty.txt\"/></onecorePackageInfo>",
                errc::payload_empty, "3:102"},
        Mistake{"macro_id", "id=\"m\"", "id=\"9m\"", errc::macro_name, "4:16"},
        Mistake{"macro_global", "id=\"m\"", "id=\"Runtime.Windows\"", errc::macro_name, "4:16", "already"},
        Mistake{"macro_given", "id=\"m\"", "id=\"oemname\"", errc::macro_name, "4:16"},
        Mistake{"macro_loop", "value=\"text\"", "value=\"a$(M)\"", errc::variable_loop, "4:23"},
        Mistake{"macro_unknown", "value=\"text\"", "value=\"$(x)\"", errc::variable_unknown, "4:23", "'x'"},
        Mistake{"macro_nested", "value=\"text\"", "value=\"$(a$(m))\"", errc::variable_nested, "4:23"},
        Mistake{"macro_unclosed", "value=\"text\"", "value=\"$(m\"", errc::variable_unclosed, "4:23"},
        Mistake{"no_source", "source=\"a.txt\" ", "", errc::xml_missing, "6:2", "'source'"},
        Mistake{"missing", "source=\"a.txt\"", "source=\"b.txt\"", errc::input_missing, "6:7", "'b.txt'"},
        Mistake{"missing_folder", "source=\"a.txt\"", "source=\"no\\a.txt\"", errc::input_missing, "6:7", "'no'"},
        Mistake{"ambiguous", "source=\"a.txt\"", "source=\"twice\\same.txt\"", errc::input_ambiguous, "6:7",
                "Same.txt"},
        Mistake{"empty", "source=\"a.txt\"", "source=\"empty.txt\"", errc::payload_empty, "6:7", "empty.txt"},
        Mistake{"folder_as_file", "source=\"a.txt\"", "source=\"sub\"", errc::payload_unreadable, "6:7"},
        Mistake{"destination_plain", "\"$(runtime.windows)\\T\"", "\"\\Windows\\T\"", errc::destination_folder, "6:22"},
        Mistake{"destination_registry", "\"$(runtime.windows)\\T\"", "\"$(hklm.software)\\T\"",
                errc::destination_folder, "6:22"},
        Mistake{"destination_env", "\"$(runtime.windows)\\T\"", "\"$(env.windows)\\T\"", errc::destination_folder,
                "6:22"},
        Mistake{"destination_inside", "\"$(runtime.windows)\\T\"", "\"a$(runtime.windows)\\T\"",
                errc::destination_folder, "6:22"},
        Mistake{"destination_twice_rooted", "\"$(runtime.windows)\\T\"", "\"$(runtime.windows)$(runtime.windows)\"",
                errc::destination_folder, "6:22"},
        Mistake{"destination_up", "\"$(runtime.windows)\\T\"", "\"$(runtime.windows)\\..\\T\"", errc::path_escapes,
                "6:22"},
        Mistake{"destination_stream", "\"$(runtime.windows)\\T\"", "\"$(runtime.windows)\\T:s\"", errc::path_escapes,
                "6:22"},
        Mistake{"name_up", "name=\"a.txt\"", "name=\"..\"", errc::path_escapes, "6:60"},
        Mistake{"name_path", "name=\"a.txt\"", "name=\"x\\a.txt\"", errc::destination_folder, "6:60"},
        Mistake{"attribute_word", "attributes=\"hidden\"", "attributes=\"hiden\"", errc::xml_value, "6:73", "hiden"},
        Mistake{"same_place", "</files>",
                "<file source=\"sub/b.bin\" destinationDir=\"$(runtime.windows)\\t\" name=\"A.TXT\"/></files>",
                errc::destination_twice, "7:2", "6:2"},
        Mistake{"below_a_file", "</files>",
                "<file source=\"a.txt\" destinationDir=\"$(runtime.windows)\\T\\a.txt\"/></files>",
                errc::destination_twice, "7:2", "6:2"},
        Mistake{"over_a_folder", "</files>",
                "<file source=\"a.txt\" destinationDir=\"$(runtime.windows)\" name=\"T\"/></files>",
                errc::destination_twice, "7:2", "6:2"},
        Mistake{"filter_name", "build.arch = arm", "build.cpu = arm", errc::build_filter, "6:93", "build.cpu"},
        Mistake{"filter_value", "build.arch = arm", "build.arch = arm63", errc::build_filter, "6:93", "arm63"},
        Mistake{"filter_open", "build.arch = arm", "(build.arch = arm", errc::build_filter, "6:93", "')'"},
        Mistake{"filter_end", "build.arch = arm", "build.arch = arm and", errc::build_filter, "6:93"},
        Mistake{"filter_rest", "build.arch = arm", "build.arch = arm arm", errc::build_filter, "6:93"},
        Mistake{"filter_alone", "build.arch = arm", "build.arch", errc::build_filter, "6:93", "compared"},
        Mistake{"folder_owner", "<directory path", "<directory owner=\"x\" path", errc::definition_unsupported, "8:25"},
        Mistake{"folder_rights", "<directory path", "<directory securityDescriptor=\"x\" path",
                errc::definition_unsupported, "8:25"},
        Mistake{"folder_plain", "$(runtime.windows)\\D", "C:\\D", errc::destination_folder, "8:25"},
        Mistake{"folder_over_file", "$(runtime.windows)\\D", "$(runtime.windows)\\T\\a.txt", errc::destination_twice,
                "8:15", "6:2"},
        Mistake{"key_plain", "$(hklm.software)\\K", "HKLM\\SOFTWARE\\K", errc::registry_key, "9:18"},
        Mistake{"key_hardware", "$(hklm.software)\\K", "$(hklm.hardware)\\K", errc::registry_key, "9:18", "no hive"},
        Mistake{"key_trailing", "$(hklm.software)\\K", "$(hklm.software)\\K\\", errc::registry_key, "9:18", "ends"},
        Mistake{"key_gap", "$(hklm.software)\\K", "$(hklm.software)\\\\K", errc::registry_key, "9:18", "empty"},
        Mistake{"key_runtime", "$(hklm.software)\\K", "$(runtime.windows)\\K", errc::registry_key, "9:18"},
        Mistake{"value_type", "REG_DWORD", "REG_DWROD", errc::registry_value, "10:37", "did you mean 'REG_DWORD'"},
        Mistake{"value_no_type", "type=\"REG_DWORD\" ", "", errc::xml_missing, "10:2", "'type'"},
        Mistake{"value_no_value", " value=\"1\"/>\n</regKey>", "/>\n</regKey>", errc::xml_missing, "10:2", "'value'"},
        Mistake{"dword_wide", "value=\"1\"", "value=\"100000000\"", errc::registry_value, "10:37"},
        Mistake{"dword_word", "value=\"1\"", "value=\"one\"", errc::registry_value, "10:37"},
        Mistake{"dword_minus", "value=\"1\"", "value=\"-1\"", errc::registry_value, "10:37"},
        Mistake{"dword_empty", "value=\"1\"", "value=\"\"", errc::registry_value, "10:37"},
        Mistake{"dword_prefix", "value=\"1\"", "value=\"0x\"", errc::registry_value, "10:37"},
        Mistake{"qword_wide", "REG_DWORD\" value=\"1\"", "REG_QWORD\" value=\"12345678901234567\"",
                errc::registry_value, "10:37"},
        Mistake{"binary_odd", "REG_DWORD\" value=\"1\"", "REG_BINARY\" value=\"12ABC\"", errc::registry_value, "10:38",
                "odd"},
        Mistake{"binary_digit", "REG_DWORD\" value=\"1\"", "REG_BINARY\" value=\"1G\"", errc::registry_value, "10:38"},
        Mistake{"binary_commas", "REG_DWORD\" value=\"1\"", "REG_BINARY\" value=\"12,34\"", errc::registry_value,
                "10:38"},
        Mistake{"list_gap", "REG_DWORD\" value=\"1\"", "REG_MULTI_SZ\" value=\"a,,b\"", errc::registry_value, "10:40"},
        Mistake{"hex_in_wm", "REG_DWORD\" value=\"1\"", "REG_HEX\" value=\"hex(3):01\"", errc::registry_value, "10:35"},
        Mistake{"env_in_text", "REG_DWORD\" value=\"1\"", "REG_SZ\" value=\"$(env.windows)\"", errc::macro_place,
                "10:34"},
        Mistake{"driver_security", "<driver><inf", "<driver><security infSectionName=\"x\"/><inf",
                errc::definition_unsupported, "12:19", "<security>"},
        Mistake{"driver_empty", "<inf source=\"small.inf\"/>", "", errc::xml_missing, "12:11", "<inf>"},
        Mistake{"driver_two_infs", "<driver>", "<driver><inf source=\"x.inf\"/>", errc::definition_repeated, "12:40"},
        Mistake{"driver_missing", "small.inf", "large.inf", errc::input_missing, "12:23", "large.inf"},
        Mistake{"driver_extra_file", "</driver>", "<files><file source=\"a.txt\"/></files></driver>",
                errc::definition_unsupported, "12:11", "a.txt"},
        Mistake{"service_no_start", " start=\"auto\"", "", errc::xml_missing, "13:2", "'start'"},
        Mistake{"service_start_word", "start=\"auto\"", "start=\"always\"", errc::xml_value, "13:19", "always"},
        Mistake{"service_type_word", "win32OwnProcess", "win32Own", errc::xml_value, "13:32"},
        Mistake{"service_name_path", "<service name=\"S\"", "<service name=\"S\\T\"", errc::xml_value, "13:10"},
        Mistake{"service_rights", "<service ", "<service securityDescriptor=\"D:\" ", errc::definition_unsupported,
                "13:10", "securityDescriptor"},
        Mistake{"service_sub_category", "<service ", "<service subCategory=\"x\" ", errc::definition_unsupported,
                "13:10"},
        Mistake{"failure_period", "resetPeriod=\"60\"", "resetPeriod=\"day\"", errc::xml_value, "14:17"},
        Mistake{"failure_action", "type=\"none\"", "type=\"pray\"", errc::xml_value, "14:51", "pray"},
        Mistake{"failure_delay", "delay=\"0\"", "delay=\"4294967296\"", errc::xml_value, "14:63"},
        Mistake{"failure_twice", "<serviceTrigger", "<failureActions resetPeriod=\"1\"/><serviceTrigger",
                errc::definition_repeated, "15:2"},
        Mistake{"trigger_action", "action=\"start\"", "action=\"begin\"", errc::xml_value, "15:17", "begin"},
        Mistake{"trigger_type", "DomainJoin", "DomainJion", errc::xml_value, "15:32"},
        Mistake{"trigger_subtype", "\"DOMAIN_JOIN\"", "\"{1234}\"", errc::xml_value, "15:50"},
        Mistake{"trigger_data", "\"01\"", "\"0\"", errc::xml_value, "15:99"},
        Mistake{"group_no_service", " serviceName=\"S\"", "", errc::xml_missing, "17:2"},
        Mistake{"group_position", "serviceName=\"S\"", "serviceName=\"S\" position=\"top\"", errc::xml_value, "17:45"},
        Mistake{"culture_form", "\"en-US\"", "\"en_US\"", errc::xml_value, "18:11"},
        Mistake{"culture_multilingual", "culture=", "multilingual=\"true\" culture=", errc::definition_unsupported,
                "18:11"},
        Mistake{"wow_value", "name=\"N\"", "name=\"N\" buildWow=\"maybe\"", errc::xml_value, "2:72"}),
    [](const auto& row) { return row.param.name; });

TEST(Definition, wow_is_refused_where_it_would_mean_something) {
  const Payload payload;
  const std::string text =
      R"(<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="N" owner="O" buildWow="true"/>)";
  DefinitionInputs in = usual_inputs();
  EXPECT_TRUE(read_text(text, payload.path(), in));
  in.cpu = CpuType::arm64;
  const auto packages = read_text(text, payload.path(), in);
  ASSERT_FALSE(packages);
  EXPECT_EQ(packages.error().code, errc::definition_unsupported);
}

TEST(Definition, language_parts_need_to_know_the_languages) {
  const Payload payload;
  DefinitionInputs in = usual_inputs();
  in.languages.clear();
  const auto packages = read_text(content_of(golden / "everything.wm.xml"), payload.path(), in);
  ASSERT_FALSE(packages);
  EXPECT_EQ(packages.error().code, errc::part_unknown);
}

TEST(Definition, the_same_bytes_for_one_place_are_kept_once) {
  const Payload payload;
  const auto packages = read_text(R"(<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="N" owner="O">
    <files><file source="a.txt"/><file source="a.txt" name="A.TXT"/></files></identity>)",
                                  payload.path());
  ASSERT_TRUE(packages) << packages.error().detail;
  EXPECT_EQ(packages->at(0).files.size(), 1U);
}

TEST(Definition, older_form_refuses_what_it_cannot_do) {
  const Payload payload;
  const std::string text = content_of(golden / "older.pkg.xml");
  for (const auto& [from, to, code] :
       {std::tuple{"<OSComponent>", "<SettingsGroup/><OSComponent>", errc::definition_unsupported},
        {"<Components>", "<Capabilities/><Components>", errc::definition_unsupported},
        {"<OSComponent>", "<OSComponents/><OSComponent>", errc::xml_unknown},
        {"<Reference", "<Security InfSectionName=\"x\"/><Reference", errc::definition_unsupported},
        {"<Executable", "<RequiredCapabilities/><Executable", errc::definition_unsupported},
        {" SvcHostGroupName=\"OldGroup\"", "", errc::xml_missing},
        {"hex(7)", "hex(q)", errc::registry_value},
        {"12,AB,c,EF", "12,AB,,EF", errc::registry_value},
        {"moved\\small.sys", "moved\\large.sys", errc::input_missing}}) {
    std::string changed = text;
    changed.replace(changed.find(from), std::string_view{from}.size(), to);
    const auto packages = read_text(changed, payload.path());
    ASSERT_FALSE(packages) << to;
    EXPECT_EQ(code_of(packages.error().code), code_of(code)) << to << ": " << packages.error().detail;
    EXPECT_TRUE(packages.error().detail.starts_with("p.wm.xml:")) << packages.error().detail;
  }
}

}  // namespace
}  // namespace flashline::imaging
