#include "imaging/feature/resolve.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/feature/feature_rig.h"

namespace flashline::imaging {
namespace {

using rig::board;
using rig::cabs;
using rig::input;
using rig::manifest;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string package(std::string_view name, std::string_view more = {}) {
  return "<PackageFile Path='p' Name='" + std::string{name} + "' " + std::string{more} + "/>";
}
std::string feature(std::string_view name, std::string_view ids, std::string_view more = {}) {
  std::string text = "<PackageFile Path='p' Name='" + std::string{name} + "' " + std::string{more} + "><FeatureIDs>";
  for (std::size_t at = 0; at < ids.size();) {
    const std::size_t end = std::min(ids.find(' ', at), ids.size());
    text += "<FeatureID>" + std::string{ids.substr(at, end - at)} + "</FeatureID>";
    at = end + 1;
  }
  return text + "</FeatureIDs></PackageFile>";
}
std::string oem(std::string_view inside) { return "<Features><OEM>" + std::string{inside} + "</OEM></Features>"; }
std::string select(std::string_view oem_feature, std::string_view microsoft = {}) {
  std::string text = "<Features><OEM><Feature>" + std::string{oem_feature} + "</Feature></OEM>";
  if (!microsoft.empty()) text += "<Microsoft><Feature>" + std::string{microsoft} + "</Feature></Microsoft>";
  return text + "</Features>";
}

/// The cabs that `more` adds to those of the board.
std::vector<std::string> taken(const OemInput& wanted, std::string_view more, CpuType cpu = CpuType::arm) {
  const auto resolution = resolve(wanted, {board(), manifest(more)}, {.cpu = cpu});
  EXPECT_TRUE(resolution) << resolution.error().detail;
  if (!resolution) return {};
  std::vector<std::string> names = cabs(*resolution);
  std::erase_if(names, [](const std::string& name) { return name == "Layout.cab" || name == "Platform.cab"; });
  return names;
}

struct Selected {
  const char* name;
  std::string inside;  ///< of the manifest; its package is X.cab
  std::string more;    ///< of OEMInput
  std::string_view release;
  bool is_taken;
  CpuType cpu = CpuType::arm;
};
std::ostream& operator<<(std::ostream& out, const Selected& row) { return out << row.name; }
class Selects : public ::testing::TestWithParam<Selected> {};

std::string in(std::string_view section, std::string_view attribute) {
  return "<" + std::string{section} + ">" + package("X.cab", attribute) + "</" + std::string{section} + ">";
}

INSTANTIATE_TEST_SUITE_P(
    Feature, Selects,
    ::testing::Values(
        Selected{"base", in("BasePackages", ""), "", "Test", true},
        Selected{"base_of_this_cpu", in("BasePackages", "CPUType='arm'"), "", "Test", true},
        Selected{"base_of_another_cpu", in("BasePackages", "CPUType='arm64'"), "", "Test", false},
        Selected{"cpu", in("CPUPackages", "CPUType='X64'"), "", "Test", true, CpuType::amd64},
        Selected{"other_cpu", in("CPUPackages", "CPUType='X64'"), "", "Test", false},
        Selected{"feature", oem(feature("X.cab", "A B")), select("b"), "Test", true},
        Selected{"other_feature", oem(feature("X.cab", "A") + feature("Y.cab", "B", "CPUType='x86'")), select("B"),
                 "Test", false},
        Selected{"feature_of_another_cpu", oem(feature("X.cab", "A", "CPUType='x86'")), select("A"), "Test", false},
        Selected{"release", in("ReleasePackages", "ReleaseType='Test'"), "", "Test", true},
        Selected{"other_release", in("ReleasePackages", "ReleaseType='Test'"), "", "Production", false},
        Selected{"protected_one", in("PrereleasePackages", "Type='protected'"), "", "Test", true},
        Selected{"replacement", in("PrereleasePackages", "Type='replacement'"), "", "Test", false},
        Selected{"protected_excluded", in("PrereleasePackages", "Type='protected'"),
                 "<ExcludePrereleaseFeatures>true</ExcludePrereleaseFeatures>", "Test", false},
        Selected{"replacement_instead", in("PrereleasePackages", "Type='replacement'"),
                 "<ExcludePrereleaseFeatures>true</ExcludePrereleaseFeatures>", "Test", true},
        Selected{"soc", in("SOCPackages", "SOC='PI'"), "", "Test", true},
        Selected{"other_soc", in("SOCPackages", "SOC='Pi2'"), "", "Test", false},
        Selected{"sv", in("SVPackages", "SV='berry'"), "", "Test", true},
        Selected{"other_sv", in("SVPackages", "SV='Apple'"), "", "Test", false},
        Selected{"device", in("DeviceSpecificPackages", "Device='piboard'"), "", "Test", true},
        Selected{"other_device", in("DeviceSpecificPackages", "Device='Pi'"), "", "Test", false},
        Selected{"layout_of_another", in("DeviceLayoutPackages", "SOC='Pi2'"), "", "Test", false},
        Selected{"platform_of_another", in("OEMDevicePlatformPackages", "Device='Pi'"), "", "Test", false},
        Selected{"keyboard", in("KeyboardPackages", "Language='FR-fr'"), "", "Test", true},
        Selected{"keyboard_of_ui_language", in("KeyboardPackages", "Language='en-US'"), "", "Test", false},
        Selected{"speech", in("SpeechPackages", "Language='it-IT'"), "", "Test", true},
        Selected{"speech_of_keyboard_language", in("SpeechPackages", "Language='fr-FR'"), "", "Test", false}),
    [](const auto& row) { return row.param.name; });

TEST_P(Selects, takes_what_is_meant) {
  const Selected& row = GetParam();
  const auto names = taken(input(row.more, row.release), row.inside, row.cpu);
  EXPECT_EQ(std::ranges::count(names, "X.cab"), row.is_taken ? 1 : 0);
}

TEST(Resolve, microsofts_features_are_of_its_own_list) {
  const std::string inside = "<Features><Microsoft>" + feature("M.cab", "A") + "</Microsoft><OEM>" +
                             feature("O.cab", "A") + feature("P.cab", "B") + "</OEM></Features>";
  EXPECT_THAT(taken(input(select("B", "A")), inside), ElementsAre("M.cab", "P.cab"));
}

TEST(Resolve, boot_packages_are_named_by_language_and_locale) {
  EXPECT_THAT(taken(input(),
                    "<BootUILanguagePackageFile Path='$(cputype)' Name='Ui_$(BootUILanguage).cab'/>"
                    "<BootLocalePackageFile Path='$(buildtype)' Name='L_$(bootlocale).cab'/>"),
              ElementsAre("Ui_de-de.cab", "L_en-US.cab"));
}

TEST(Resolve, languages_and_resolutions_have_parts) {
  const auto parts = [](std::string_view attributes) {
    return taken(input(), "<BasePackages>" + package("X.CAB", attributes) + "</BasePackages>");
  };
  EXPECT_THAT(parts("Language='*'"), ElementsAre("X.CAB", "X_Lang_en-US.CAB", "X_Lang_de-DE.CAB"));
  EXPECT_THAT(parts("Language='(EN-us;fr-FR)'"), ElementsAre("X.CAB", "X_Lang_en-US.CAB"));
  EXPECT_THAT(parts("Language='!(EN-us)'"), ElementsAre("X.CAB", "X_Lang_de-DE.CAB"));
  EXPECT_THAT(parts("Language='de-DE' NoBasePackage='true'"), ElementsAre("X_Lang_de-DE.CAB"));
  EXPECT_THAT(parts("Resolution='*'"), ElementsAre("X.CAB", "X_Res_1024x768.CAB"));
  EXPECT_THAT(parts("Resolution='(800x600)'"), ElementsAre("X.CAB"));
  EXPECT_THAT(parts("Language='!(en-US;de-DE)' NoBasePackage='1'"), IsEmpty());
}

TEST(Resolve, order_is_microsoft_board_oem) {
  const auto everything = [](std::string_view mark) {
    const std::string m{mark};
    return oem(feature(m + "_oem.cab", "A")) + "<SOCPackages>" + package(m + "_soc.cab", "SOC='Pi'") +
           "</SOCPackages>" + "<BasePackages>" + package(m + "_base.cab") + package(m + "_base2.cab") +
           "</BasePackages>" + "<Features><Microsoft>" + feature(m + "_ms.cab", "A") + "</Microsoft></Features>" +
           "<SVPackages>" + package(m + "_sv.cab", "SV='Berry'") + "</SVPackages>";
  };
  const OemInput wanted =
      input(select("A", "A") + "<PackageFiles><PackageFile>q\\last.cab</PackageFile></PackageFiles>");
  const auto resolution =
      resolve(wanted, {manifest(everything("o")), board(), manifest(everything("m"), "M.xml", true)}, {});
  ASSERT_TRUE(resolution) << resolution.error().detail;
  EXPECT_THAT(cabs(*resolution), ElementsAre("m_base.cab", "m_base2.cab", "o_ms.cab", "m_ms.cab", "o_soc.cab",
                                             "o_sv.cab", "Layout.cab", "Platform.cab", "m_soc.cab", "m_sv.cab",
                                             "o_base.cab", "o_base2.cab", "o_oem.cab", "m_oem.cab", "last.cab"));
  EXPECT_TRUE(resolution->packages.front().microsoft);
  EXPECT_FALSE(resolution->packages[4].microsoft);
  EXPECT_EQ(resolution->packages.back().folder, "q");
  EXPECT_EQ(resolution->packages.back().reasons.front().section, FmSection::package_files);
  EXPECT_EQ(resolution->packages[resolution->device_layout].cab, "Layout.cab");
  EXPECT_EQ(resolution->packages[resolution->device_platform.value()].cab, "Platform.cab");
}

TEST(Resolve, a_cab_that_is_named_twice_is_installed_once_at_its_first_place) {
  const auto resolution =
      resolve(input(select("A")),
              {board(), manifest("<BasePackages>" + package("Y.cab") + package("x.CAB") + "</BasePackages>" +
                                 oem(feature("Z.cab", "A") + feature("X.cab", "B A")))},
              {});
  ASSERT_TRUE(resolution) << resolution.error().detail;
  EXPECT_THAT(cabs(*resolution), ElementsAre("Layout.cab", "Platform.cab", "Y.cab", "x.CAB", "Z.cab"));
  const auto& reasons = resolution->packages[3].reasons;
  ASSERT_EQ(reasons.size(), 2U);
  EXPECT_EQ(reasons[0].section, FmSection::base);
  EXPECT_EQ(reasons[1].section, FmSection::oem_feature);
  EXPECT_EQ(reasons[1].selector, "A");
  EXPECT_EQ(reasons[1].manifest, "FM.xml");
}

TEST(Resolve, layout_and_platform_may_be_one_package) {
  const auto resolution = resolve(input(),
                                  {manifest("<DeviceLayoutPackages>" + package("L.cab", "SOC='Pi'") +
                                            "</DeviceLayoutPackages><OEMDevicePlatformPackages>" +
                                            package("L.cab", "Device='PiBoard'") + "</OEMDevicePlatformPackages>")},
                                  {});
  ASSERT_TRUE(resolution) << resolution.error().detail;
  EXPECT_THAT(cabs(*resolution), ElementsAre("L.cab"));
  EXPECT_EQ(resolution->device_layout, 0U);
  EXPECT_EQ(resolution->device_platform, 0U);
}

TEST(Resolve, a_platform_file_stands_in_for_the_package) {
  const auto resolution = resolve(
      input("<OEMDevicePlatform>x.xml</OEMDevicePlatform>"),
      {manifest("<DeviceLayoutPackages>" + package("L.cab", "SOC='Pi'") + "</DeviceLayoutPackages>"), board()}, {});
  ASSERT_FALSE(resolution) << "two layouts";
  const auto good = resolve(input("<OEMDevicePlatform>x.xml</OEMDevicePlatform>"), {board()}, {});
  ASSERT_TRUE(good) << good.error().detail;
  EXPECT_THAT(cabs(*good), ElementsAre("Layout.cab"));
  EXPECT_EQ(good->device_platform, std::nullopt);
}

TEST(Resolve, names_are_replaced_in_paths_and_names) {
  Variables percents{Variables::Style::percent};
  percents.set("PKGBLD_DIR", "%BLD_DIR%\\pkgs");
  percents.set("BLD_DIR", "/b");
  percents.set("OEM_NAME", "Contoso");
  percents.set("MSPACKAGE", "/kit");
  const auto resolution =
      resolve(input(),
              {board(), manifest("<BasePackages><PackageFile Path='%pkgbld_dir%' Name='%OEM_NAME%.A.cab'/><PackageFile "
                                 "Path='$(mspackageroot)\\$(cputype)\\$(buildtype)' Name='M.cab'/></BasePackages>")},
              {.percents = percents, .cpu = CpuType::arm64});
  ASSERT_TRUE(resolution) << resolution.error().detail;
  EXPECT_EQ(resolution->packages[2].folder + " " + resolution->packages[2].cab, "/b\\pkgs Contoso.A.cab");
  EXPECT_EQ(resolution->packages[3].folder, "/kit\\arm64\\fre");
  const auto unknown =
      resolve(input(), {board(), manifest("<BasePackages>" + package("%X%.cab") + "</BasePackages>")}, {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(code_of(unknown.error().code), code_of(errc::variable_unknown));
  EXPECT_THAT(unknown.error().detail, StartsWith("FM.xml:2:16: "));
}

struct Refused {
  const char* name;
  std::string inside;  ///< of a manifest beside the board's
  std::string more;    ///< of OEMInput
  Errc code;
  std::vector<std::string> hints;
};
std::ostream& operator<<(std::ostream& out, const Refused& row) { return out << row.name; }
class RefusesToResolve : public ::testing::TestWithParam<Refused> {};

INSTANTIATE_TEST_SUITE_P(
    Feature, RefusesToResolve,
    ::testing::Values(
        Refused{"unknown_feature",
                oem(feature("X.cab", "SPEAKERS")),
                select("SPEAKER"),
                errc::feature_unknown,
                {"In.xml:11:17: 'SPEAKER'", "did you mean 'SPEAKERS'", "FM.xml", "Board.xml"}},
        Refused{"all_unknown_features",
                "",
                select("A", "B"),
                errc::feature_unknown,
                {"In.xml:11:17: 'A' of Features/OEM", "In.xml:11:54: 'B' of Features/Microsoft"}},
        Refused{"feature_of_the_other_side",
                oem(feature("X.cab", "A")),
                select("a", "A"),
                errc::feature_unknown,
                {"In.xml:11:54: 'A' of Features/Microsoft; it is one of Features/OEM"}},
        Refused{"two_paths",
                "<BasePackages><PackageFile Path='p' Name='X.cab'/><PackageFile Path='q' Name='x.cab'/></BasePackages>",
                "",
                errc::cab_two_paths,
                {"FM.xml:2:52: 'x.cab' lies in 'q', but in 'p' by FM.xml:2:16"}},
        Refused{"two_layouts",
                "<DeviceLayoutPackages>" + package("L2.cab", "SOC='Pi'") + "</DeviceLayoutPackages>",
                "",
                errc::soc_ambiguous,
                {"In.xml:2:2: 'Pi'", "'Layout.cab' (Board.xml:2:24)", "'L2.cab' (FM.xml:2:24)"}},
        Refused{"two_platforms",
                "<OEMDevicePlatformPackages>" + package("P2.cab", "Device='PiBoard'") + "</OEMDevicePlatformPackages>",
                "",
                errc::device_ambiguous,
                {"In.xml:4:2: 'PiBoard'", "'P2.cab' (FM.xml:2:29)"}}),
    [](const auto& row) { return row.param.name; });

TEST_P(RefusesToResolve, naming_all_that_is_involved) {
  const Refused& row = GetParam();
  const auto resolution = resolve(input(row.more), {board(), manifest(row.inside)}, {});
  ASSERT_FALSE(resolution);
  EXPECT_EQ(code_of(resolution.error().code), code_of(row.code)) << resolution.error().detail;
  for (const std::string& hint : row.hints) EXPECT_THAT(resolution.error().detail, HasSubstr(hint));
}

TEST(Resolve, a_board_that_no_manifest_knows_is_refused_with_those_that_are) {
  const auto soc = resolve(
      input(), {manifest("<DeviceLayoutPackages>" + package("L.cab", "SOC='Pi-R'") + "</DeviceLayoutPackages>")}, {});
  ASSERT_FALSE(soc);
  EXPECT_EQ(code_of(soc.error().code), code_of(errc::soc_unmatched));
  EXPECT_THAT(soc.error().detail,
              AllOf(StartsWith("In.xml:2:2: "), HasSubstr("'Pi'"), HasSubstr("Pi-R (FM.xml:2:24)")));
  const auto device = resolve(
      input(), {manifest("<DeviceLayoutPackages>" + package("L.cab", "SOC='Pi'") + "</DeviceLayoutPackages>")}, {});
  ASSERT_FALSE(device);
  EXPECT_EQ(code_of(device.error().code), code_of(errc::device_unmatched));
  EXPECT_THAT(device.error().detail, AllOf(StartsWith("In.xml:4:2: "), HasSubstr("there are: none")));
}

TEST(Resolve, without_microsofts_manifest_its_features_are_listed) {
  const OemInput wanted = input(select("A", "IOT_X"));
  const std::vector manifests{board(), manifest(oem(feature("X.cab", "A")))};
  const auto listed = resolve(wanted, manifests, {.microsoft_missing = true});
  ASSERT_TRUE(listed) << listed.error().detail;
  ASSERT_EQ(listed->unknown_microsoft.size(), 1U);
  EXPECT_EQ(listed->unknown_microsoft[0].word, "IOT_X");
  EXPECT_THAT(listed->unknown_microsoft[0].where, StartsWith("In.xml:11:"));
  EXPECT_FALSE(resolve(wanted, manifests, {})) << "with it they are unknown";
  EXPECT_FALSE(resolve(input(select("B", "IOT_X")), manifests, {.microsoft_missing = true}))
      << "an OEM feature is not excused";
}

struct GroupRow {
  const char* name;
  std::string_view constraint, members, selected, release;
  std::size_t allowed;  ///< how many members count; npos: the constraint holds
  bool microsoft = false;
};
constexpr std::size_t fine = std::string::npos;
std::ostream& operator<<(std::ostream& out, const GroupRow& row) { return out << row.name; }
class Groups : public ::testing::TestWithParam<GroupRow> {};

INSTANTIATE_TEST_SUITE_P(
    Feature, Groups,
    ::testing::Values(GroupRow{"zero_or_more_0", "ZeroOrMore", "OEM_A OEM_B", "C", "Test", fine},
                      GroupRow{"zero_or_more_2", "ZeroOrMore", "OEM_A OEM_B", "A B", "Test", fine},
                      GroupRow{"one_or_more_0", "OneOrMore", "OEM_A OEM_B", "C", "Test", 0},
                      GroupRow{"one_or_more_1", "OneOrMore", "OEM_A OEM_B", "b", "Test", fine},
                      GroupRow{"one_or_more_2", "OneOrMore", "OEM_A OEM_B", "A B", "Test", fine},
                      GroupRow{"zero_or_one_0", "ZeroOrOne", "OEM_A OEM_B", "C", "Test", fine},
                      GroupRow{"zero_or_one_1", "ZeroOrOne", "OEM_A OEM_B", "A C", "Test", fine},
                      GroupRow{"zero_or_one_2", "ZeroOrOne", "OEM_A OEM_B", "A B", "Test", 2},
                      GroupRow{"one_0", "OneAndOnlyOne", "OEM_A OEM_B", "C", "Test", 0},
                      GroupRow{"one_1", "OneAndOnlyOne", "OEM_A OEM_B", "A C", "Test", fine},
                      GroupRow{"one_2", "OneAndOnlyOne", "OEM_A OEM_B", "A B", "Test", 2},
                      GroupRow{"without_a_beginning", "ZeroOrOne", "A B", "A B", "Test", 2},
                      GroupRow{"without_a_beginning_on_the_other_side", "ZeroOrOne", "A B", "A B", "Test", fine, true},
                      GroupRow{"written_twice_counts_once", "ZeroOrOne", "OEM_A oem_a A", "A", "Test", fine},
                      GroupRow{"test_feature_in_test", "ZeroOrOne", "RELEASE_PRODUCTION OEM_A", "A", "Test", fine},
                      GroupRow{"test_feature_in_production", "ZeroOrOne", "RELEASE_PRODUCTION OEM_A", "A", "Production",
                               2},
                      GroupRow{"soc", "ZeroOrOne", "SOC_PI OEM_A", "A", "Test", 2},
                      GroupRow{"other_soc", "ZeroOrOne", "SOC_PI2 OEM_A", "A", "Test", fine},
                      GroupRow{"sv", "ZeroOrOne", "SV_BERRY OEM_A", "A", "Test", 2},
                      GroupRow{"device", "ZeroOrOne", "DEVICE_PIBOARD OEM_A", "A", "Test", 2},
                      GroupRow{"other_device", "ZeroOrOne", "DEVICE_PI OEM_A", "A", "Test", fine},
                      GroupRow{"microsoft_and_oem", "ZeroOrOne", "MS_M OEM_A", "A", "Test", 2}),
    [](const auto& row) { return row.param.name; });

std::string words(std::string_view text, std::string_view element) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    out +=
        "<" + std::string{element} + ">" + std::string{text.substr(at, end - at)} + "</" + std::string{element} + ">";
    at = end + 1;
  }
  return out;
}

TEST_P(Groups, hold_or_are_named) {
  const GroupRow& row = GetParam();
  const std::string list = row.microsoft ? "MSFeatureGroups" : "OEMFeatureGroups";
  const std::string inside = "<Features><Microsoft>" + feature("M.cab", "M") + "</Microsoft><OEM>" +
                             feature("X.cab", "A B C") + "</OEM><" + list + ">\n<FeatureGroup Constraint='" +
                             std::string{row.constraint} + "'><FeatureIDs>" + words(row.members, "FeatureID") +
                             "</FeatureIDs></FeatureGroup></" + list + "></Features>";
  const std::string more = "<Features><Microsoft><Feature>M</Feature></Microsoft><OEM>" +
                           words(row.selected, "Feature") + "</OEM></Features>";
  const auto resolution = resolve(input(more, row.release), {board(), manifest(inside)}, {});
  ASSERT_EQ(resolution.has_value(), row.allowed == fine) << (resolution ? "" : resolution.error().detail);
  if (resolution) return;
  EXPECT_EQ(code_of(resolution.error().code), code_of(errc::feature_group));
  EXPECT_THAT(resolution.error().detail,
              AllOf(StartsWith("FM.xml:3:2: "), HasSubstr(std::string{row.constraint}),
                    HasSubstr(row.allowed == 0 ? "none is" : std::to_string(row.allowed) + " are"),
                    HasSubstr(row.allowed == 0 ? "" : "(In.xml")));
}

TEST(Resolve, every_violated_group_is_named_and_none_excuses_another) {
  const auto group = [](std::string_view constraint) {
    return "<FeatureGroup Constraint='" + std::string{constraint} +
           "'><FeatureIDs><FeatureID>OEM_A</FeatureID><FeatureID>OEM_B</FeatureID></FeatureIDs></FeatureGroup>";
  };
  const std::string inside = "<Features><OEM>" + feature("X.cab", "A B") + "</OEM><MSFeatureGroups>\n" +
                             group("ZeroOrOne") + "</MSFeatureGroups><OEMFeatureGroups>\n" + group("ZeroOrMore") +
                             "\n" + group("OneAndOnlyOne") + "</OEMFeatureGroups></Features>";
  const auto resolution = resolve(input("<Features><OEM><Feature>A</Feature><Feature>B</Feature></OEM></Features>"),
                                  {board(), manifest(inside)}, {});
  ASSERT_FALSE(resolution);
  EXPECT_THAT(resolution.error().detail,
              AllOf(HasSubstr("FM.xml:3:2: "), HasSubstr("FM.xml:5:2: "), ::testing::Not(HasSubstr("FM.xml:4:2: "))));
}

TEST(Resolve, warns_of_a_misspelled_member_that_never_counts) {
  const auto warnings = [](std::string_view member) {
    const std::string inside = "<Features><OEM>" + feature("X.cab", "SPEAKERS OEM_Old") +
                               "</OEM><OEMFeatureGroups><FeatureGroup><FeatureIDs><FeatureID>" + std::string{member} +
                               "</FeatureID></FeatureIDs></FeatureGroup></OEMFeatureGroups></Features>";
    const auto resolution = resolve(input(), {board(), manifest(inside)}, {});
    EXPECT_TRUE(resolution) << resolution.error().detail;
    return resolution ? resolution->warnings : std::vector<std::string>{};
  };
  EXPECT_THAT(warnings("OEM_SPEAKER"), ElementsAre(AllOf(StartsWith("FM.xml:2:"), HasSubstr("'OEM_SPEAKERS'"))));
  EXPECT_THAT(warnings("OEM_Old"), ElementsAre(HasSubstr("'OEM_OEM_Old'")));
  EXPECT_THAT(warnings("OEM_SPEAKERS"), IsEmpty());
  EXPECT_THAT(warnings("OEM_CAMERA"), IsEmpty()) << "may be defined by a manifest that this image leaves out";
  EXPECT_THAT(warnings("MS_SPEAKER"), IsEmpty());
}

TEST(LocatePackages, finds_them_case_aside_and_names_all_that_are_missing) {
  const fakes::TempFolder folder;
  folder.file("BSP/LAYOUT.cab", "");
  auto resolution =
      resolve(input(select("A", "IOT_X")),
              {board(), manifest("<BasePackages>" + package("X.cab") + "</BasePackages>" + oem(feature("Y.cab", "A")))},
              {.microsoft_missing = true});
  ASSERT_TRUE(resolution) << resolution.error().detail;
  ASSERT_TRUE(locate_packages(*resolution, folder.path()));
  EXPECT_EQ(resolution->packages[0].file, folder / "BSP/LAYOUT.cab");
  const auto missing = require_all(*resolution);
  ASSERT_FALSE(missing);
  EXPECT_EQ(code_of(missing.error().code), code_of(errc::cab_missing));
  EXPECT_THAT(missing.error().detail,
              AllOf(StartsWith("4 not there: "), HasSubstr("'Platform.cab' in 'bsp' (Board.xml:2:"),
                    HasSubstr("'X.cab' in 'p' (FM.xml:2:16)"), HasSubstr("'Y.cab'"), HasSubstr("'IOT_X' (In.xml:11:")));
  folder.file("bsp/Layout.cab", "");
  const auto twice = locate_packages(*resolution, folder.path());
  ASSERT_FALSE(twice);
  EXPECT_EQ(code_of(twice.error().code), code_of(errc::input_ambiguous));
}

TEST(LocatePackages, nothing_missing_is_fine) {
  const fakes::TempFolder folder;
  for (const char* name : {"bsp/Layout.cab", "bsp/Platform.cab"}) folder.file(name, "");
  auto resolution = resolve(input(), {board()}, {});
  ASSERT_TRUE(resolution);
  ASSERT_TRUE(locate_packages(*resolution, folder.path()));
  EXPECT_TRUE(require_all(*resolution));
}

struct Member {
  const char* name;
  std::string cab_name;
  CpuType cpu;
  Version version;
  std::string partition;
  std::string hint;  ///< empty: it is the one
};
std::ostream& operator<<(std::ostream& out, const Member& row) { return out << row.name; }
class CheckMember : public ::testing::TestWithParam<Member> {};

INSTANTIATE_TEST_SUITE_P(
    Feature, CheckMember,
    ::testing::Values(Member{"good", "contoso.a", CpuType::arm, {1, 2, 3, 4}, "MAINOS", ""},
                      Member{"name", "Contoso.B", CpuType::arm, {1, 2, 3, 4}, "MainOS", "name 'Contoso.B.cab'"},
                      Member{"cpu", "Contoso.A", CpuType::arm64, {1, 2, 3, 4}, "MainOS", "CPU 'arm64'"},
                      Member{"version", "Contoso.A", CpuType::arm, {1, 2, 3, 5}, "MainOS", "version '1.2.3.5'"},
                      Member{"partition", "Contoso.A", CpuType::arm, {1, 2, 3, 4}, "Data", "partition 'Data'"}),
    [](const auto& row) { return row.param.name; });

TEST_P(CheckMember, holds_the_cab_against_the_manifest) {
  const Member& row = GetParam();
  ResolvedPackage wanted;
  wanted.cab = "Contoso.A.cab";
  wanted.version = "1.2.3.4";
  wanted.partition = "MainOS";
  wanted.reasons.push_back({"FM.xml", FmSection::base, "", "FM.xml:2:3"});
  PackageIdentity found;
  found.name = row.cab_name;
  found.cpu = row.cpu;
  found.version = row.version;
  found.partition = row.partition;
  const auto status = check_member(wanted, found, CpuType::arm);
  EXPECT_EQ(status.has_value(), row.hint.empty());
  if (status) return;
  EXPECT_EQ(code_of(status.error().code), code_of(errc::cab_mismatch));
  EXPECT_THAT(status.error().detail, AllOf(StartsWith("FM.xml:2:3: "), HasSubstr(row.hint)));
}

TEST(LoadManifests, reads_the_implied_one_and_those_that_are_listed) {
  const fakes::TempFolder folder;
  const std::string own = rig::manifest_xml("<BasePackages/>");
  folder.file("Merged/Own.XML", own);
  folder.file("kit/FMFiles/arm/iotuapfm.xml", own);
  folder.file("else/Theirs.xml", rig::manifest_xml("", " OwnerType='Microsoft'"));
  Variables percents{Variables::Style::percent};
  percents.set("AKROOT", folder.path().string() + "\\kit");
  const OemInput wanted = input(
      "<AdditionalFMs><AdditionalFM>merged\\own.xml</AdditionalFM><AdditionalFM>else/Theirs.xml</AdditionalFM>"
      "<AdditionalFM>MERGED/Own.xml</AdditionalFM></AdditionalFMs>");
  const auto loaded = load_manifests(wanted, percents, CpuType::arm, folder.path());
  ASSERT_TRUE(loaded) << loaded.error().detail;
  ASSERT_EQ(loaded->manifests.size(), 3U) << "one that is listed twice counts once";
  EXPECT_TRUE(loaded->manifests[0].microsoft);
  EXPECT_FALSE(loaded->manifests[1].microsoft);
  EXPECT_TRUE(loaded->manifests[2].microsoft);
  EXPECT_TRUE(loaded->missing.empty());
}

TEST(LoadManifests, lists_what_microsoft_keeps_and_refuses_what_is_the_oems_own) {
  const fakes::TempFolder folder;
  Variables percents{Variables::Style::percent};
  const auto kit = load_manifests(
      input("<AdditionalFMs><AdditionalFM>x\\IoTUAPNonProductionPartnerShareFM.xml</AdditionalFM></AdditionalFMs>"),
      percents, CpuType::amd64, folder.path());
  ASSERT_TRUE(kit) << kit.error().detail;
  ASSERT_EQ(kit->missing.size(), 2U);
  EXPECT_EQ(kit->missing[0].path, "%AKROOT%\\FMFiles\\amd64\\IoTUAPFM.xml");
  EXPECT_TRUE(kit->missing[0].microsoft);
  EXPECT_THAT(kit->missing[1].where, StartsWith("In.xml:11:"));
  const auto own = load_manifests(
      input("<AdditionalFMs><AdditionalFM>a.xml</AdditionalFM><AdditionalFM>b.xml</AdditionalFM></AdditionalFMs>"),
      percents, CpuType::arm, folder.path());
  ASSERT_FALSE(own);
  EXPECT_EQ(code_of(own.error().code), code_of(errc::fm_missing));
  EXPECT_THAT(own.error().detail, AllOf(HasSubstr("'a.xml'"), HasSubstr("'b.xml'"), HasSubstr("In.xml:11:")));
  const auto none = load_manifests(input("<Product>Linux</Product>"), percents, CpuType::arm, folder.path());
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->missing.empty()) << "nobody's manifest is implied";
}

}  // namespace
}  // namespace flashline::imaging
