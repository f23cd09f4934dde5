// From test to retail: a package whose every signature was made for tests, signed anew for retail.

#include "imaging/package/resign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/catalog/member_catalog.h"
#include "imaging/core/errors/trust.h"
#include "imaging/source/file_view.h"
#include "imaging/trust/verify_signature.h"
#include "tests/fakes/package_files.h"
#include "tests/fakes/signing_line.h"

namespace flashline::imaging {
namespace {

using Bytes = std::vector<std::byte>;
using fakes::SigningLine;

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

struct Lab {
  SigningLine test{"Windows OEM Intermediate 2017 (TEST ONLY)"};
  SigningLine retail{"Contoso Intermediate"};
  PackageSigner by_test = test.signer();
  PackageSigner by_retail = retail.signer();

  Bytes test_signed(const Bytes& program) const {
    const std::string path = test.put("program", program);
    EXPECT_TRUE(by_test.sign_pe(path));
    return test.get("program");
  }
  TrustPolicy policy(const SigningLine& line, TrustMode mode) const {
    TrustPolicy policy = line.policy();
    policy.mode = mode;
    return policy;
  }
};

const Lab& lab() {
  static const Lab all;
  return all;
}

const Bytes ppkg = bytes_of("a provisioning package");

Package test_package() {
  Package package;
  package.identity = {.owner = "Contoso",
                      .component = "Panel",
                      .sub_component = "Drivers",
                      .culture = "",
                      .resolution = "",
                      .version = {10, 0, 1, 2},
                      .name = "Contoso.Panel.Drivers"};
  const Bytes members = *build_member_catalog(std::vector<CatalogMember>{{"ProvAuto.ppkg", sha256(ppkg)}}, 1);
  const std::vector<std::pair<std::string, Bytes>> files{
      {"\\Windows\\System32\\drivers\\Panel.SYS", lab().test_signed(fakes::small_pe())},
      {"\\Windows\\System32\\HalExtTimers.dll", lab().test_signed(fakes::small_pe(true, 100))},
      {"\\Windows\\System32\\tool.exe", fakes::small_pe(false)},
      {"\\Windows\\System32\\config.sys", bytes_of("DEVICE=not a program\r\n")},
      {"\\Windows\\Provisioning\\Packages\\ProvAuto.ppkg", ppkg},
      {"\\Windows\\Provisioning\\Packages\\ProvAuto.cat", *lab().by_test.sign_catalog(members)},
      {"\\Windows\\INF\\vendor.cat", *lab().by_test.sign_catalog(members)}};
  for (const auto& [path, content] : files) {
    package.files.push_back(
        {.device_path = path, .source = content, .size = content.size(), .digest = sha256(content)});
  }
  return package;
}

std::string make(const fakes::TempFolder& folder) {
  const std::string cab = folder / "Contoso.Panel.Drivers.cab";
  const Status made = write_cab(cab, test_package(), {.time = fakes::test_now, .signer = &lab().by_test});
  EXPECT_TRUE(made) << to_text(made.error());
  return cab;
}

Status resign(const std::string& cab) {
  return resign_package(cab, {.time = fakes::test_now, .signer = &lab().by_retail});
}

Bytes payload(const Package& package, std::string_view leaf) {
  for (const PackageFile& file : package.files) {
    if (!file.device_path.ends_with(leaf)) continue;
    const std::string text = fakes::slurp(std::get<std::filesystem::path>(file.source));
    return bytes_of(text);
  }
  return {};
}

TEST(ResignPackage, MakesATestPackageARetailOne) {
  const fakes::TempFolder folder;
  const std::string cab = make(folder);
  const TrustPolicy production = lab().policy(lab().retail, TrustMode::production);
  EXPECT_FALSE(verify_cab(cab, production));
  EXPECT_EQ(verify_cab(cab, lab().policy(lab().test, TrustMode::production)).error().code, errc::test_signed);
  const Status done = resign(cab);
  ASSERT_TRUE(done) << to_text(done.error());
  const auto verdict = verify_cab(cab, production);
  ASSERT_TRUE(verdict) << to_text(verdict.error());
  EXPECT_FALSE(verdict->catalog.test_signed);
  EXPECT_FALSE(verdict->cabinet.test_signed);
  EXPECT_EQ(verdict->cabinet.issuer, "CN=Contoso Intermediate");
  EXPECT_EQ(verdict->package.identity.version, (Version{10, 0, 1, 2}));
  const auto judged =
      fakes::run_command({"osslsigncode", "verify", "-in", cab, "-CAfile", lab().retail.path("root.pem")});
  EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
}

TEST(ResignPackage, SignsProgramsAndLeavesTheRestAsItIs) {
  const fakes::TempFolder folder;
  const std::string cab = make(folder);
  ASSERT_TRUE(resign(cab));
  const auto package = extract_cab(cab, folder / "out");
  ASSERT_TRUE(package) << to_text(package.error());
  const auto verify = [&](std::string_view leaf, const SigningLine& line) {
    const Bytes bytes = payload(*package, leaf);
    MemoryView view{bytes};
    return verify_pe_signature(view, line.policy()).has_value();
  };
  EXPECT_TRUE(verify("Panel.SYS", lab().retail));
  EXPECT_TRUE(verify("tool.exe", lab().retail));
  EXPECT_TRUE(verify("HalExtTimers.dll", lab().test));
  const std::vector<CatalogMember> members{{"ProvAuto.ppkg", sha256(ppkg)}};
  EXPECT_TRUE(verify_member_catalog(payload(*package, "ProvAuto.cat"), members, lab().retail.policy()));
  EXPECT_TRUE(verify_member_catalog(payload(*package, "vendor.cat"), members, lab().test.policy()));
  EXPECT_EQ(payload(*package, "config.sys"), bytes_of("DEVICE=not a program\r\n"));
  EXPECT_EQ(payload(*package, "ProvAuto.ppkg"), ppkg);
}

TEST(ResignPackage, IsReproducibleAndLeavesNothingBehind) {
  const fakes::TempFolder folder;
  const std::string cab = make(folder);
  ASSERT_TRUE(resign(cab));
  const std::string once = fakes::slurp(cab);
  ASSERT_TRUE(resign(cab));
  EXPECT_EQ(fakes::slurp(cab), once);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{folder.path()}, {}), 1);
}

TEST(ResignPackage, LeavesADamagedPackageAsItIs) {
  const fakes::TempFolder folder;
  const std::string cab = make(folder);
  std::string damaged = fakes::slurp(cab);
  damaged[damaged.size() / 3] = static_cast<char>(damaged[damaged.size() / 3] ^ 1);
  fakes::write_text(cab, damaged);
  EXPECT_FALSE(resign(cab));
  EXPECT_EQ(fakes::slurp(cab), damaged);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator{folder.path()}, {}), 1);
}

}  // namespace
}  // namespace flashline::imaging
