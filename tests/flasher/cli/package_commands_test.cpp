// The package commands from the outside: what they make, who takes it, their exit codes.

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
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

CommandResult flashline(std::vector<std::string> words) {
  words.insert(words.begin(), FLASHLINE_BIN_DIR "/flashline");
  return fakes::run_command(words, {"SOURCE_DATE_EPOCH=1767225600"});
}

constexpr const char* definition = R"xml(<?xml version="1.0" encoding="utf-8"?>
<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="Files" namespace="Custom" owner="$(OEMNAME)"
          legacyName="$(OEMNAME).Custom.Files">
  <onecorePackageInfo targetPartition="MainOS" releaseType="Production" ownerType="OEM" />
  <files><file source="hello.txt" destinationDir="$(runtime.windows)\hello" /></files>
  <regKeys><regKey keyName="$(hklm.software)\Contoso"><regValue name="A" type="REG_DWORD" value="10" /></regKey></regKeys>
</identity>)xml";

constexpr const char* workspace =
    R"(<IoTWorkspace><CurrentEnv>arm64</CurrentEnv><Config><OemName>Contoso</OemName></Config>
  <Env Name="arm64"><BSPVersion>10.0.2.3</BSPVersion></Env></IoTWorkspace>)";

/// A workspace with one package that builds and one whose payload is missing.
class PackageCommands : public ::testing::Test {
 protected:
  PackageCommands() {
    folder.file("ws/IoTWorkspace.xml", workspace);
    folder.file("ws/Common/Packages/Custom.Files/Custom.Files.wm.xml", definition);
    folder.file("ws/Common/Packages/Custom.Files/hello.txt", "hello, device\n");
    folder.file("ws/Source-arm64/Packages/Custom.Gone/Custom.Gone.wm.xml", definition);
    const fakes::Identity root = fakes::make_identity(fakes::authority_form("OEM Root"));
    const fakes::Identity own = fakes::make_identity({}, &root);
    fakes::write_text(folder / "ca.pem", fakes::pem_of(root.certificate.get()));
    fakes::write_text(folder / "own.pem", fakes::pem_of(own.certificate.get()));
    fakes::write_text(folder / "own.key", fakes::pem_of(own.key.get()));
  }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  CommandResult build(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"package", "build", path("ws/Common/Packages/Custom.Files/Custom.Files.wm.xml"),
                                   "--out", path(out)};
    words.insert(words.end(), more.begin(), more.end());
    return flashline(words);
  }
  const fakes::TempFolder folder;
};

TEST_F(PackageCommands, BuildAFileOfAWorkspace) {
  const auto run = build("out");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::string cab = path("out/Contoso.Custom.Files.cab");
  const auto info = flashline({"package", "info", cab, "--json"});
  ASSERT_EQ(info.exit_code, 0) << info.err;
  const auto facts = boost::json::parse(info.out).as_object();
  EXPECT_EQ(facts.at("name"), "Contoso.Custom.Files");
  EXPECT_EQ(facts.at("version"), "10.0.2.3");
  EXPECT_EQ(facts.at("cpu"), "arm64");
  EXPECT_EQ(facts.at("registry_keys"), 1);
  EXPECT_THAT(flashline({"package", "list", cab}).out, HasSubstr(R"(\Windows\hello\hello.txt)"));
  ASSERT_EQ(flashline({"package", "extract", cab, path("members"), "--allow-unsigned"}).exit_code, 0);
  EXPECT_EQ(slurp(path("members/2_hello.txt")), "hello, device\n");
}

TEST_F(PackageCommands, BuildByNameWithAnotherVersion) {
  const auto run =
      flashline({"package", "build", "custom.files", "--workspace", path("ws"), "--version", "11.1.1.1", "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto made = boost::json::parse(run.out).as_object();
  EXPECT_EQ(made.at("version"), "11.1.1.1");
  EXPECT_THAT(std::string{made.at("path").as_string()}, HasSubstr("ws/Build/arm64/pkgs/Contoso.Custom.Files.cab"));
  EXPECT_TRUE(fs::exists(std::string{made.at("path").as_string()}));
}

TEST_F(PackageCommands, NameWhatWasMeant) {
  const auto run = flashline({"package", "build", "Custom.Fils", "--workspace", path("ws")});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("did you mean Custom.Files?"));
}

TEST_F(PackageCommands, BuildAllGoesOnAfterAFailure) {
  const auto run = flashline({"package", "build", "--all", path("ws"), "--out", path("all")});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.out, HasSubstr("1 of 2 package definitions built"));
  EXPECT_THAT(run.err, HasSubstr("Custom.Gone.wm.xml:5:"));
  EXPECT_THAT(run.err, HasSubstr("hello.txt"));
  EXPECT_TRUE(fs::exists(path("all/Contoso.Custom.Files.cab")));
}

TEST_F(PackageCommands, WantOneDefinitionOrAll) {
  EXPECT_EQ(flashline({"package", "build"}).exit_code, 2);
  EXPECT_EQ(flashline({"package", "build", "x.wm.xml", "--all", path("ws")}).exit_code, 2);
  EXPECT_EQ(build("out", {"--define", "novalue"}).exit_code, 2);
  EXPECT_EQ(build("out", {"--version", "1.2"}).exit_code, 3);
}

TEST_F(PackageCommands, GiveTheSameBytesEveryTime) {
  ASSERT_EQ(build("1", {"--key", path("own.key"), "--cert", path("own.pem")}).exit_code, 0);
  ASSERT_EQ(build("2", {"--key", path("own.key"), "--cert", path("own.pem")}).exit_code, 0);
  EXPECT_EQ(slurp(path("1/Contoso.Custom.Files.cab")), slurp(path("2/Contoso.Custom.Files.cab")));
}

TEST_F(PackageCommands, SignAndVerify) {
  ASSERT_EQ(build("out").exit_code, 0);
  const std::string cab = path("out/Contoso.Custom.Files.cab");
  EXPECT_EQ(flashline({"package", "verify", cab}).exit_code, 4) << "unsigned, and nobody allowed that";
  EXPECT_EQ(flashline({"package", "verify", cab, "--allow-unsigned"}).exit_code, 0);
  const auto run = build("out", {"--key", path("own.key"), "--cert", path("own.pem")});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto good = flashline({"package", "verify", cab, "--trust", path("ca.pem"), "--clock", "2026-01-01T00:00:00Z"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_THAT(good.out, HasSubstr("cabinet: signed by"));
  EXPECT_EQ(flashline({"package", "verify", cab}).exit_code, 4) << "signed by somebody";
  const auto judge =
      fakes::run_command({"osslsigncode", "verify", "-in", cab, "-CAfile", path("ca.pem"), "-time", "1767225600"});
  EXPECT_EQ(judge.exit_code, 0) << judge.out << judge.err;
  EXPECT_EQ(fakes::run_command({"cabextract", "-t", cab}).exit_code, 0);
  EXPECT_EQ(fakes::run_command({"7zz", "t", cab}).exit_code, 0);
}

/// A dozen bytes by the program; each one is a test of the library.
TEST_F(PackageCommands, VerifyNoticesAChange) {
  ASSERT_EQ(build("out", {"--key", path("own.key"), "--cert", path("own.pem")}).exit_code, 0);
  const std::string cab = path("out/Contoso.Custom.Files.cab");
  const std::string good = slurp(cab);
  for (std::size_t at = 3; at < good.size(); at += good.size() / 12) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x20);
    std::ofstream{cab, std::ios::binary} << bad;
    const auto run =
        flashline({"package", "verify", cab, "--trust", path("ca.pem"), "--clock", "2026-01-01T00:00:00Z"});
    EXPECT_TRUE(run.exit_code == 3 || run.exit_code == 4) << "byte " << at << run.out << run.err;
  }
}

}  // namespace
}  // namespace flashline::line
