// `package diff`, `update build`, and what package commands say of signatures, as a script would use them.

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include "tests/fakes/command.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using fakes::CommandResult;
using fakes::slurp;
using ::testing::HasSubstr;
using ::testing::Not;

CommandResult flashline(std::vector<std::string> words) {
  words.insert(words.begin(), FLASHLINE_BIN_DIR "/flashline");
  return fakes::run_command(words, {"SOURCE_DATE_EPOCH=1767225600"});
}

constexpr const char* definition = R"xml(<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="{0}"
  namespace="Custom" owner="Contoso" legacyName="Contoso.Custom.{0}">
<onecorePackageInfo targetPartition="MainOS" releaseType="Production" ownerType="OEM" />
<files><file source="{0}.txt" destinationDir="$(runtime.windows)" /></files>
<regKeys><regKey keyName="$(hklm.software)\Contoso"><regValue name="A" type="REG_DWORD" value="{1}" /></regKey></regKeys>
</identity>)xml";

class PackageSets : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  /// Builds Contoso.Custom.NAME.cab into `out`.
  void build(const std::string& out, const std::string& name, const std::string& version, const std::string& text,
             int number = 1, std::vector<std::string> more = {}) const {
    folder_.file(name + ".wm.xml", fmt::format(fmt::runtime(definition), name, number));
    folder_.file(name + ".txt", text);
    std::vector<std::string> words{"package",   "build", path(name + ".wm.xml"), "--out", path(out),
                                   "--version", version};
    words.insert(words.end(), more.begin(), more.end());
    const CommandResult run = flashline(words);
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  std::string cab(const std::string& folder, const std::string& name) const {
    return path(folder + "/Contoso.Custom." + name + ".cab");
  }
  /// Keys whose signer ends `days` from today on.
  std::vector<std::string> keys(int days) const {
    const std::time_t now = std::time(nullptr);
    fakes::CertificateForm form;
    form.not_before = now - 3600;
    form.not_after = now + days * 24L * 3600 + 1800;
    const fakes::Identity root = fakes::make_identity(fakes::authority_form("OEM Root"));
    const fakes::Identity own = fakes::make_identity(form, &root);
    fakes::write_text(folder_ / "ca.pem", fakes::pem_of(root.certificate.get()));
    fakes::write_text(folder_ / "own.pem", fakes::pem_of(own.certificate.get()));
    fakes::write_text(folder_ / "own.key", fakes::pem_of(own.key.get()));
    return {"--key", path("own.key"), "--cert", path("own.pem")};
  }
  fakes::TempFolder folder_{"/tmp"};
};

TEST_F(PackageSets, DiffTellsWhatChanged) {
  build("old", "A", "10.0.0.1", "one");
  build("new", "A", "10.0.0.2", "two", 2);
  const CommandResult run = flashline({"package", "diff", cab("old", "A"), cab("new", "A")});
  EXPECT_EQ(run.exit_code, 1) << run.err;
  EXPECT_THAT(run.out, HasSubstr("~ Contoso.Custom.A 10.0.0.1 -> 10.0.0.2"));
  EXPECT_THAT(run.out, HasSubstr(R"(~ file \Windows\A.txt: 3 bytes)"));
  EXPECT_THAT(run.out, HasSubstr("type 4 01000000 -> type 4 02000000"));
  EXPECT_EQ(flashline({"package", "diff", path("old"), path("old")}).exit_code, 0);
}

TEST_F(PackageSets, DiffRefusesAChangeWithoutAVersion) {
  build("old", "A", "10.0.0.1", "one");
  build("old", "B", "10.0.0.1", "one");
  build("new", "A", "10.0.0.1", "two");
  const CommandResult run = flashline({"package", "diff", path("old"), path("new"), "--json"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("error[FL-PKG-066]"));
  std::istringstream lines{run.out};
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const json::object changed = json::parse(line).as_object();
  EXPECT_EQ(changed.at("name"), "Contoso.Custom.A");
  EXPECT_TRUE(changed.at("not_raised").as_bool());
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_TRUE(json::parse(line).as_object().at("after").is_null()) << "B is gone";
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(json::parse(line).as_object().at("packages"), 2);
}

TEST_F(PackageSets, UpdateHoldsWhatDevicesNeed) {
  const auto key = keys(400);
  build("old", "A", "10.0.0.1", "one");
  build("old", "B", "10.0.0.1", "one");
  build("new", "A", "10.0.0.2", "two", 1, key);
  build("new", "B", "10.0.0.2", "one", 1, key);
  EXPECT_EQ(flashline({"update", "build", path("old"), path("new"), "--out", path("no")}).exit_code, 4);
  EXPECT_FALSE(fs::exists(path("no")));
  EXPECT_EQ(flashline({"update", "build", path("old"), path("new")}).exit_code, 2) << "where to?";
  const CommandResult run = flashline(
      {"update", "build", path("old"), path("new"), "--out", path("update"), "--trust", path("ca.pem"), "--json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json::object result = json::parse(run.out).as_object();
  ASSERT_EQ(result.at("packages").as_array().size(), 1U);
  EXPECT_EQ(result.at("packages").as_array()[0].at("replaces"), "10.0.0.1");
  EXPECT_TRUE(fs::exists(cab("update", "A")));
  EXPECT_FALSE(fs::exists(cab("update", "B")));
  EXPECT_EQ(json::parse(slurp(path("update/update.json"))).at("kept").as_array()[0], "Contoso.Custom.B");
}

TEST_F(PackageSets, UpdateBeginsAtTheReportOfAnImage) {
  build("new", "A", "10.0.0.2", "two");
  const std::string report =
      R"({{"packages": [{{"cab": "Contoso.Custom.A.cab", "name": "Contoso.Custom.A", "version": "{}", "content_sha256": "{}"}}]}})";
  const auto update = [&](const std::string& text, const char* out) {
    return flashline({"update", "build", folder_.file("old.ffu.json", text).string(), path("new"), "--out", path(out),
                      "--allow-unsigned"});
  };
  const std::string other(64, 'a');
  EXPECT_EQ(update(fmt::format(fmt::runtime(report), "10.0.0.1", other), "1").exit_code, 0);
  EXPECT_TRUE(fs::exists(cab("1", "A")));
  const CommandResult same = update(fmt::format(fmt::runtime(report), "10.0.0.2", other), "2");
  EXPECT_EQ(same.exit_code, 3);
  EXPECT_THAT(same.err, HasSubstr("error[FL-PKG-066]"));
  for (const char* bad :
       {"{", "[]", R"({"packages": [1]})", R"({"packages": [{"name": "A", "version": "1.0.0.0"}]})"}) {
    EXPECT_THAT(update(bad, "3").err, HasSubstr("error[FL-PKG-065]")) << bad;
  }
}

TEST_F(PackageSets, ExtractGivesNothingThatNobodyVouchesFor) {
  build("out", "A", "10.0.0.1", "text");
  EXPECT_EQ(flashline({"package", "extract", cab("out", "A"), path("x")}).exit_code, 4);
  EXPECT_FALSE(fs::exists(path("x")));
  EXPECT_EQ(flashline({"package", "extract", cab("out", "A"), path("x"), "--allow-unsigned"}).exit_code, 0);
  EXPECT_EQ(slurp(path("x/2_A.txt")), "text");
  build("out", "A", "10.0.0.1", "text", 1, keys(400));
  EXPECT_EQ(flashline({"package", "extract", cab("out", "A"), path("y"), "--allow-unsigned"}).exit_code, 4)
      << "signed by a stranger is not unsigned";
  EXPECT_FALSE(fs::exists(path("y")));
  EXPECT_EQ(flashline({"package", "extract", cab("out", "A"), path("y"), "--trust", path("ca.pem")}).exit_code, 0);
  EXPECT_EQ(slurp(path("y/2_A.txt")), "text");
}

TEST_F(PackageSets, CertificatesThatEndSoonAreWarnedOf) {
  build("out", "A", "10.0.0.1", "text", 1, keys(59));
  const std::string warning = "end in 59 days";
  EXPECT_THAT(flashline({"package", "info", cab("out", "A")}).err, HasSubstr(warning));
  const CommandResult verify = flashline({"package", "verify", cab("out", "A"), "--trust", path("ca.pem")});
  EXPECT_EQ(verify.exit_code, 0) << verify.err;
  EXPECT_THAT(verify.err, HasSubstr(warning));
  EXPECT_EQ(verify.err.find(warning), verify.err.rfind(warning))
      << "catalog and cabinet have one signer: " << verify.err;
  EXPECT_THAT(flashline({"package", "extract", cab("out", "A"), path("x"), "--trust", path("ca.pem")}).err,
              HasSubstr(warning));
  build("out", "A", "10.0.0.1", "text", 1, keys(61));
  EXPECT_THAT(flashline({"package", "info", cab("out", "A")}).err, Not(HasSubstr("end in")));
}

}  // namespace
}  // namespace flashline::line
