#include "imaging/provisioning/ppkg.h"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "imaging/core/errors/build.h"
#include "imaging/workspace/input_xml.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

const fs::path kit{FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace/iot-adk-addonkit/Workspace"};
constexpr std::time_t moment = 1767323040;

std::string bytes_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

Result<AnswerFile> read_text(const std::string& text) {
  const auto document = parse_input_xml(std::as_bytes(std::span{text}), "a.xml");
  if (!document) return std::unexpected{document.error()};
  return read_answer_file(*document);
}

std::string answers(const std::string& config, const std::string& common = {}) {
  return "<WindowsCustomizations>\n<PackageConfig>" + config + "</PackageConfig>\n<Settings><Customizations><Common>" +
         common + "</Common></Customizations></Settings></WindowsCustomizations>";
}

const std::string good_config =
    "<ID>fd231401-5ad4-401f-b2dd-653aa1c1b55d</ID><Name>P</Name><Version>1.0.0.1</Version><OwnerType>oem</OwnerType>"
    "<Rank>99</Rank><Notes>n</Notes>";

TEST(AnswerFile, reads_every_one_of_the_kit) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator{kit.parent_path().parent_path()}) {
    if (entry.path().filename() != "customizations.xml") continue;
    const auto document = read_input_xml(entry.path());
    ASSERT_TRUE(document) << document.error().detail;
    const auto read = read_answer_file(*document);
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->owner, ProvisioningOwner::oem);
    EXPECT_FALSE(read->settings.empty()) << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 13);
}

TEST(AnswerFile, says_what_a_build_has_to_know) {
  const auto document = read_input_xml(kit / "Source-arm/Packages/Appx.IoTCoreDefaultApp/customizations.xml");
  ASSERT_TRUE(document);
  const auto read = read_answer_file(*document);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->id, "{5BF5C7A2-33AF-4B41-BD68-AC31CEF349DD}");
  EXPECT_EQ(to_text(read->version), "3.2.0.0");
  ASSERT_EQ(read->foreground.size(), 1U);
  EXPECT_EQ(read->foreground[0].id, "IoTCoreDefaultAppUnderTest_xt56s901y70eg!App");
  ASSERT_EQ(read->assets.size(), 4U);
  EXPECT_EQ(read->assets[0].path, "SmartDisplay.appx");
  EXPECT_EQ(read->assets[3].kind, ProvisioningAsset::Kind::app_dependency);
  EXPECT_EQ(read->settings[0].path, "Policies/ApplicationManagement/AllowAllTrustedApps");
  EXPECT_EQ(read->settings[0].value, "Yes");
  const auto missing = find_assets(*read, kit / "Source-arm/Packages/Appx.IoTCoreDefaultApp");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::ppkg_asset);
  for (const ProvisioningAsset& asset : read->assets) {
    EXPECT_NE(missing.error().detail.find(asset.where + ": '" + asset.path + "'"), std::string::npos)
        << "all are named";
  }
}

struct Mistake {
  const char* name;
  std::string xml;
  Errc code;
  const char* where;
};

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

class AnswerMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(AnswerMistake, is_refused_where_it_stands) {
  const auto read = read_text(GetParam().xml);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, GetParam().code) << read.error().detail;
  EXPECT_TRUE(read.error().detail.starts_with(std::string{"a.xml:"} + GetParam().where)) << read.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    AnswerFile, AnswerMistake,
    ::testing::Values(
        Mistake{"root", "<Other/>", errc::ppkg_document, "1:2"},
        Mistake{"no_config", "<WindowsCustomizations/>", errc::xml_missing, "1:2"},
        Mistake{"no_id", answers(with(good_config, "<ID>fd231401-5ad4-401f-b2dd-653aa1c1b55d</ID>", "")),
                errc::xml_missing, "2:2"},
        Mistake{"short_id", answers(with(good_config, "b55d<", "b55<")), errc::ppkg_id, "2:20"},
        Mistake{"half_a_brace", answers(with(good_config, "<ID>", "<ID>{")), errc::ppkg_id, "2:20"},
        Mistake{"letters_in_id", answers(with(good_config, "b55d<", "b55g<")), errc::ppkg_id, "2:20"},
        Mistake{"empty_name", answers(with(good_config, "<Name>P<", "<Name> <")), errc::ppkg_name, "2:62"},
        Mistake{"version_words", answers(with(good_config, "1.0.0.1", "one")), errc::ppkg_version, "2:"},
        Mistake{"version_large", answers(with(good_config, "1.0.0.1", "1.0.0.65536")), errc::ppkg_version, "2:"},
        Mistake{"version_five", answers(with(good_config, "1.0.0.1", "1.0.0.1.1")), errc::ppkg_version, "2:"},
        Mistake{"owner", answers(with(good_config, ">oem<", ">Contoso<")), errc::ppkg_owner, "2:"},
        Mistake{"rank", answers(with(good_config, "99", "100")), errc::ppkg_rank, "2:"},
        Mistake{"rank_negative", answers(with(good_config, "99", "-1")), errc::ppkg_rank, "2:"},
        Mistake{"unknown", answers(with(good_config, "<Notes>n</Notes>", "<Note/>")), errc::xml_unknown, "2:"},
        Mistake{"root_certificate",
                answers(good_config,
                        "<Certificates><RootCertificates><RootCertificate "
                        "CertificateName='fe8bd26c71e9340ca518c963e340b7380859ee70'><CertificatePath>r.cer"
                        "</CertificatePath></RootCertificate></RootCertificates></Certificates>"),
                errc::ppkg_certificate, "3:"},
        Mistake{"no_app",
                answers(good_config,
                        "<UniversalAppInstall><UserContextApp><Application><ApplicationFile/></Application>"
                        "</UserContextApp></UniversalAppInstall>"),
                errc::xml_missing, "3:"},
        Mistake{"nameless_background",
                answers(good_config, "<StartupBackgroundTasks><ToAdd><Add/></ToAdd></StartupBackgroundTasks>"),
                errc::xml_missing, "3:"}),
    [](const auto& row) { return row.param.name; });

TEST(AnswerFile, takes_older_versions_and_variants) {
  const auto older = read_text(answers(with(good_config, "1.0.0.1", "1.0")));
  ASSERT_TRUE(older) << older.error().detail;
  EXPECT_EQ(to_text(older->version), "1.0.0.0");
  const auto variants = read_text(
      "<WindowsCustomizations><PackageConfig>" + good_config +
      "</PackageConfig><Settings><Customizations><Targets/><Variant Name='V'><TargetRefs/><Settings><StartupApp>"
      "<Default> A!App </Default></StartupApp></Settings></Variant></Customizations></Settings>"
      "</WindowsCustomizations>");
  ASSERT_TRUE(variants) << variants.error().detail;
  EXPECT_EQ(variants->foreground.at(0).id, "A!App");
  EXPECT_EQ(variants->settings.at(0).variant, "V");
}

TEST(StartupApps, one_in_the_foreground_any_number_behind) {
  const AppClaim panel{.package = "a.ppkg", .foreground = {{"Panel!App", "a:1:1"}}, .background = {{"Log!T", "a:2:1"}}};
  const AppClaim logs{.package = "b.ppkg", .foreground = {}, .background = {{"Net!T", "b:1:1"}, {"Log!T", "b:2:1"}}};
  AppClaim other{.package = "c.ppkg", .foreground = {{"panel!APP", "c:1:1"}}, .background = {}};
  EXPECT_TRUE(check_startup_apps({panel, logs}));
  EXPECT_TRUE(check_startup_apps({panel, logs, other})) << "the same app twice is one app";
  other.foreground[0].id = "Kiosk!App";
  const auto conflict = check_startup_apps({panel, logs, other});
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, errc::foreground_apps);
  EXPECT_EQ(conflict.error().detail, "Kiosk!App in c.ppkg (c:1:1); Panel!App in a.ppkg (a:1:1)");
  other.foreground.clear();
  other.background.push_back({"PANEL!app", "c:3:1"});
  EXPECT_EQ(check_startup_apps({panel, other}).error().code, errc::background_app);
}

class Ppkg : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::copy(kit / "Common/Packages/Appx.Certs", folder_ / "in");
    made_ = write_ppkg(folder_ / "in/customizations.xml", out_, {.time = moment});
    ASSERT_TRUE(made_) << made_.error().detail;
  }
  ToolRun wim(const std::string& command) const { return run_tool("wimlib-imagex " + command); }

  fakes::TempFolder folder_;
  fs::path out_ = folder_ / "Appx.Certs.ppkg";
  Result<WrittenPpkg> made_{};
};

TEST_F(Ppkg, is_what_wimlib_takes_for_a_sound_wim) {
  const ToolRun verified = wim("verify " + out_.string());
  EXPECT_EQ(verified.code, 0) << verified.output;
  const ToolRun info = wim("info " + out_.string());
  for (const char* line : {"Version:        68864", "Image Count:    1", "Compression:    XPRESS",
                           "Chunk Size:     32768", "Fri Jan 02 03:04:00 2026"}) {
    EXPECT_NE(info.output.find(line), std::string::npos) << line << " in\n" << info.output;
  }
  const ToolRun listed = wim("dir " + out_.string() + " 1");
  EXPECT_EQ(
      listed.output,
      "/\n/DataAsset\n/DataAsset/0\n/DataAsset/0/0_52dd9619bc5d9e9d\n/DataAsset/0/0_52dd9619bc5d9e9d/SmartDisplay.cer\n"
      "/DataAsset/DataAsset.xml\n/Multivariant\n/Multivariant/0\n/Multivariant/0/customizations.xml\n"
      "/Multivariant/0/Prov\n/Multivariant/0/Prov/RunTime\n"
      "/Multivariant/0/Prov/RunTime/0__Certificates_RootCertificates_RootCertificate.provxml\n"
      "/Multivariant/0/Prov/RunTime.xml\n/Multivariant/Multivariant.xml\n");
  const ToolRun xml = wim("info " + out_.string() + " --extract-xml " + (folder_ / "x").string());
  EXPECT_EQ(xml.code, 0);
  std::string text = bytes_of(folder_ / "x");
  std::erase(text, '\0');
  EXPECT_NE(text.find("<PACKAGEID>{FD231401-5AD4-401F-B2DD-653AA1C1B55D}</PACKAGEID>"), std::string::npos) << text;
  EXPECT_NE(text.find("<VERSION>1.0.0.1</VERSION>"), std::string::npos) << text;
}

TEST_F(Ppkg, holds_its_files_byte_for_byte) {
  EXPECT_EQ(wim("extract " + out_.string() + " 1 /DataAsset /Multivariant --dest-dir=" + (folder_ / "x").string()).code,
            0);
  EXPECT_EQ(bytes_of(folder_ / "x/DataAsset/0/0_52dd9619bc5d9e9d/SmartDisplay.cer"),
            bytes_of(folder_ / "in/SmartDisplay.cer"));
  EXPECT_EQ(bytes_of(folder_ / "x/Multivariant/0/customizations.xml"), bytes_of(folder_ / "in/customizations.xml"));
}

TEST_F(Ppkg, is_the_same_a_second_time) {
  fs::create_directory(folder_ / "elsewhere");
  fs::copy(folder_ / "in", folder_ / "again");
  const fs::path other = folder_ / "elsewhere/b.ppkg";
  const auto again = write_ppkg(folder_ / "again/customizations.xml", other, {.time = moment});
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_TRUE(bytes_of(other) == bytes_of(out_));
  EXPECT_EQ(again->digest, made_->digest);
  const auto later = write_ppkg(folder_ / "again/customizations.xml", other, {.time = moment + 60});
  ASSERT_TRUE(later);
  EXPECT_NE(later->digest, made_->digest) << "another time is another package";
  EXPECT_EQ(std::distance(fs::directory_iterator{folder_ / "elsewhere"}, {}), 1) << "nothing else stays";
}

TEST_F(Ppkg, asks_for_the_catalog_of_what_it_wrote) {
  const auto catalog = [&](const std::string& name, const Sha256& digest) -> Result<std::vector<std::byte>> {
    EXPECT_EQ(name, "Appx.Certs.ppkg");
    EXPECT_EQ(digest, made_->digest);
    return std::vector<std::byte>(3, std::byte{7});
  };
  ASSERT_TRUE(write_ppkg(folder_ / "in/customizations.xml", out_, {.time = moment, .catalog = catalog}));
  EXPECT_EQ(bytes_of(folder_ / "Appx.Certs.cat"), "\a\a\a");
  const std::string bytes = bytes_of(out_);
  EXPECT_EQ(sha256(std::as_bytes(std::span{bytes})), made_->digest);
}

TEST_F(Ppkg, is_read_back) {
  const auto read = read_ppkg(out_);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->id, "{FD231401-5AD4-401F-B2DD-653AA1C1B55D}");
  EXPECT_EQ(read->name, "AppxCertsProv");
  EXPECT_EQ(read->version, "1.0.0.1");
  EXPECT_EQ(read->owner, "OEM");
  EXPECT_EQ(read->rank, "0");
  EXPECT_EQ(read->entries.size(), 14U);
  EXPECT_EQ(read->answers.assets.at(0).path, "SmartDisplay.cer");
  EXPECT_TRUE(read->answers.file.ends_with("Appx.Certs.ppkg:/Multivariant/0/customizations.xml"));
}

TEST_F(Ppkg, made_by_wimlib_is_read_too) {
  const fs::path other = folder_ / "other.ppkg";
  const auto source =
      folder_.file("tree/multivariant/0/Customizations.xml", bytes_of(folder_ / "in/customizations.xml"));
  ASSERT_EQ(wim("capture " + (folder_ / "tree").string() + " " + other.string() +
                " Prov --compress=XPRESS --image-property PACKAGEID={x}")
                .code,
            0);
  const auto read = read_ppkg(other);
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(read->id, "{x}");
}

struct Damage {
  const char* name;
  std::size_t at;
  char byte;
};
class PpkgDamage : public Ppkg, public ::testing::WithParamInterface<Damage> {};

TEST_P(PpkgDamage, is_refused) {
  std::string bytes = bytes_of(out_);
  const std::size_t at = GetParam().at;
  bytes[at] = GetParam().byte;
  folder_.file("d.ppkg", bytes);
  const auto read = read_ppkg(folder_ / "d.ppkg");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::ppkg_unreadable) << read.error().detail;
}

INSTANTIATE_TEST_SUITE_P(Ppkg, PpkgDamage,
                         ::testing::Values(Damage{"magic", 0, 'X'}, Damage{"version", 13, 9},
                                           Damage{"compression", 18, 4}, Damage{"chunk", 21, 1}, Damage{"part", 40, 2},
                                           Damage{"parts", 42, 2}, Damage{"images", 44, 2},
                                           Damage{"lookup_size", 52, 127}, Damage{"lookup_at", 60, 127},
                                           Damage{"xml_size", 76, 127}, Damage{"xml_at", 84, 127}),
                         [](const auto& row) { return row.param.name; });

TEST_F(Ppkg, cut_off_anywhere_is_refused) {
  const std::string bytes = bytes_of(out_);
  for (const std::size_t keep :
       {std::size_t{0}, std::size_t{100}, std::size_t{207}, bytes.size() / 2, bytes.size() - 1}) {
    folder_.file("d.ppkg", bytes.substr(0, keep));
    const auto read = read_ppkg(folder_ / "d.ppkg");
    ASSERT_FALSE(read) << keep;
    EXPECT_EQ(read.error().code, errc::ppkg_unreadable) << read.error().detail;
  }
}

TEST_F(Ppkg, two_images_or_another_compression_are_refused) {
  const fs::path other = folder_ / "o.ppkg";
  ASSERT_EQ(wim("capture " + (folder_ / "in").string() + " " + other.string() + " a --compress=LZX").code, 0);
  EXPECT_EQ(read_ppkg(other).error().code, errc::ppkg_unreadable);
  fs::remove(other);
  ASSERT_EQ(wim("capture " + (folder_ / "in").string() + " " + other.string() + " a --compress=XPRESS").code, 0);
  EXPECT_EQ(read_ppkg(other).error().code, errc::ppkg_unreadable) << "no answer file in it";
  ASSERT_EQ(wim("append " + (folder_ / "in").string() + " " + other.string() + " b").code, 0);
  EXPECT_EQ(read_ppkg(other).error().code, errc::ppkg_unreadable);
}

}  // namespace
}  // namespace flashline::imaging
