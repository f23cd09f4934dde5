// `feature merge`: what each of its options does.

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/command.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
using fakes::CommandResult;
using fakes::slurp;
using ::testing::HasSubstr;
using ::testing::Not;

CommandResult flashline(std::vector<std::string> words) {
  words.insert(words.begin(), FLASHLINE_BIN_DIR "/flashline");
  return fakes::run_command(words, {"SOURCE_DATE_EPOCH=1767225600"});
}

constexpr const char* definition =
    R"xml(<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="App" namespace="Board" owner="Fabrikam"
  legacyName="Fabrikam.Board.App"><onecorePackageInfo targetPartition="MainOS" releaseType="Production" ownerType="OEM" />
<regKeys><regKey keyName="$(hklm.software)\Fabrikam" /></regKeys></identity>)xml";
constexpr const char* manifest =
    R"(<FeatureManifest xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate"><BasePackages>
<PackageFile Path="%PKGBLD_DIR%" Name="%OEM_NAME%.Board.App.cab" /></BasePackages></FeatureManifest>)";
constexpr const char* list =
    R"(<FMCollectionManifest xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate" Product="IoTUAP"><FMs>
<FM ID="BOARD" Path="$(FMDirectory)\BoardFM.xml" ReleaseType="Production" OwnerName="OEM_NAME" OwnerType="OEM" CPUType="ARM" Critical="true"/>
</FMs></FMCollectionManifest>)";
constexpr const char* workspace =
    R"(<IoTWorkspace><CurrentEnv>arm</CurrentEnv><Config><OemName>Fabrikam</OemName></Config>
  <Env Name="arm"><BSPVersion>10.0.3.4</BSPVersion></Env></IoTWorkspace>)";

class FeatureMerge : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_.file("lists/BoardFMFileList.xml", list);
    folder_.file("lists/BoardFM.xml", manifest);
    folder_.file("ws/IoTWorkspace.xml", workspace);
    folder_.file("App.wm.xml", definition);
    for (const char* where : {"cabs", "ws/Build/arm/pkgs"}) {
      ASSERT_EQ(flashline({"package", "build", path("App.wm.xml"), "--out", path(where)}).exit_code, 0);
    }
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  CommandResult merge(std::vector<std::string> options) const {
    options.insert(options.begin(), {"feature", "merge", path("lists/BoardFMFileList.xml")});
    return flashline(options);
  }
  /// Without a workspace, complete.
  CommandResult merge_alone(std::vector<std::string> more = {}) const {
    std::vector<std::string> options{"--out",      path("out"),  "--oem",     "Fabrikam",
                                     "--packages", path("cabs"), "--version", "10.0.7.8"};
    options.insert(options.end(), more.begin(), more.end());
    return merge(options);
  }
  std::string info(const char* cab) const { return flashline({"package", "info", path(cab)}).out; }
  static constexpr const char* identifier = "out/Fabrikam.Base.BOARD.MainOS.cab";
  fakes::TempFolder folder_{"/tmp"};
};

TEST_F(FeatureMerge, OutTakesIdentifiersAndManifests) {
  EXPECT_EQ(merge({"--workspace", path("ws")}).exit_code, 2) << "where to?";
  const CommandResult run = merge_alone();
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(info(identifier), HasSubstr("stands for    Fabrikam.Board.App 10.0.0.0"));
  EXPECT_THAT(slurp(path("out/MergedFMs/BoardFM.xml")), HasSubstr("FeatureIdentifierPackage=\"true\""));
}

TEST_F(FeatureMerge, OemPackagesAndVersionStandForAWorkspace) {
  ASSERT_EQ(merge_alone().exit_code, 0);
  EXPECT_THAT(info(identifier), HasSubstr("version       10.0.7.8"));
  const std::vector<std::string> pairs[] = {
      {"--oem", "Fabrikam"}, {"--packages", path("cabs")}, {"--version", "10.0.7.8"}};
  for (std::size_t left_out = 0; left_out < 3; ++left_out) {
    std::vector<std::string> options{"--out", path("out2")};
    for (std::size_t i = 0; i < 3; ++i) {
      if (i != left_out) options.insert(options.end(), pairs[i].begin(), pairs[i].end());
    }
    EXPECT_EQ(merge(options).exit_code, 2) << pairs[left_out].front();
  }
  EXPECT_EQ(merge_alone({"--version", "1.2"}).exit_code, 2) << "given twice";
}

TEST_F(FeatureMerge, WorkspaceSaysOwnerVersionAndFolders) {
  const CommandResult run = merge({"--out", path("out"), "--workspace", path("ws")});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(info(identifier), HasSubstr("version       10.0.3.4"));
}

TEST_F(FeatureMerge, WhatIsSaidGoesBeforeTheWorkspace) {
  ASSERT_EQ(merge({"--out", path("out"), "--workspace", path("ws"), "--version", "10.0.9.9"}).exit_code, 0);
  EXPECT_THAT(info(identifier), HasSubstr("version       10.0.9.9"));
  const CommandResult other = merge({"--out", path("out"), "--workspace", path("ws"), "--oem", "Contoso"});
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("Contoso.Board.App.cab")) << "that owner has no such package";
  const CommandResult empty = merge({"--out", path("out"), "--workspace", path("ws"), "--packages", path("lists")});
  EXPECT_EQ(empty.exit_code, 3);
  EXPECT_THAT(empty.err, HasSubstr("Fabrikam.Board.App.cab"));
}

TEST_F(FeatureMerge, FmDirGoesBeforeTheListsOwnFolder) {
  folder_.file("other/BoardFM.xml",
               "<FeatureManifest xmlns=\"http://schemas.microsoft.com/embedded/2004/10/"
               "ImageUpdate\"><BasePackages><PackageFile Path=\"%PKGBLD_DIR%\" "
               "Name=\"Nobody.cab\" /></BasePackages></FeatureManifest>");
  EXPECT_THAT(merge_alone({"--fm-dir", path("other")}).err, HasSubstr("Nobody.cab"));
  folder_.file("none/readme", "");
  EXPECT_EQ(merge_alone({"--fm-dir", path("none")}).exit_code, 0) << "the list's own folder has it";
}

TEST_F(FeatureMerge, KeyCertAndPassphraseSignTheIdentifiers) {
  const fakes::Identity root = fakes::make_identity(fakes::authority_form("OEM Root"));
  const fakes::Identity own = fakes::make_identity({}, &root);
  fakes::write_text(folder_ / "ca.pem", fakes::pem_of(root.certificate.get()));
  fakes::write_text(folder_ / "own.pem", fakes::pem_of(own.certificate.get()));
  fakes::write_text(folder_ / "own.key", fakes::pem_of(own.key.get(), "open sesame"));
  fakes::write_text(folder_ / "pass", "open sesame\n");
  EXPECT_EQ(merge_alone({"--key", path("own.key")}).exit_code, 2) << "and whose?";
  EXPECT_EQ(merge_alone({"--key", path("own.key"), "--cert", path("own.pem")}).exit_code, 3) << "it is encrypted";
  const CommandResult run =
      merge_alone({"--key", path("own.key"), "--cert", path("own.pem"), "--passphrase-file", path("pass")});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const CommandResult verified =
      flashline({"package", "verify", path(identifier), "--trust", path("ca.pem"), "--clock", "2026-01-01T00:00:00Z"});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
}

}  // namespace
}  // namespace flashline::line
