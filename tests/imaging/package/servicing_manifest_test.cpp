#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/catalog/member_catalog.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/cab.h"
#include "imaging/package/package_manifest.h"
#include "tests/fakes/cab_builder.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

using ::testing::HasSubstr;

const std::string manifest_text = R"(<?xml version="1.0" encoding="utf-8"?>
<assembly manifestVersion="1.0" displayName="d" xmlns="urn:schemas-microsoft-com:asm.v3">
  <assemblyIdentity name="Microsoft.OneCore.Sample" version="10.0.17763.1" language="neutral" processorArchitecture="arm" publicKeyToken="628844477771337a" buildType="release" versionScope="nonSxS" />
  <package identifier="Microsoft.OneCore.Sample" releaseType="Feature Pack" restart="possible" targetPartition="EFIESP" binaryPartition="false">
    <customInformation>
      <phoneInformation phoneRelease="Test" phoneOwnerType="Microsoft" phoneOwner="Microsoft" phoneComponent="OneCore" phoneSubComponent="Sample" phoneGroupingKey="" />
      <file name="$(runtime.system32)\x.dll" size="5" staged="5" compressed="5" sourcePackage="" embeddedSign="" cabpath="arm_x_1\x.dll" />
      <file name="\EFI\y.efi" size="3" staged="3" compressed="3" sourcePackage="" embeddedSign="" cabpath="2_y.efi" />
    </customInformation>
    <update name="u"><component><assemblyIdentity name="c" version="10.0.17763.1" /></component></update>
  </package>
</assembly>)";

const std::string component_text = R"(<?xml version="1.0" encoding="utf-8"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v3" manifestVersion="1.0">
  <assemblyIdentity name="c" version="10.0.17763.1" processorArchitecture="arm" />
  <registryKeys>
    <registryKey keyName="HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\x">
      <registryValue name="Start" valueType="REG_DWORD" value="0x00000003" />
    </registryKey>
  </registryKeys>
</assembly>)";

Result<PackageManifest> parse(std::string_view text) {
  return parse_servicing_manifest(std::as_bytes(std::span{text}), "update.mum");
}

TEST(ServicingManifest, GivesIdentityAndFiles) {
  const auto manifest = parse(manifest_text);
  ASSERT_TRUE(manifest) << manifest.error().detail;
  const PackageIdentity& identity = manifest->package.identity;
  EXPECT_EQ(identity.name, "Microsoft.OneCore.Sample");
  EXPECT_EQ(to_text(identity.version), "10.0.17763.1");
  EXPECT_EQ(identity.owner + "/" + identity.component + "/" + identity.sub_component, "Microsoft/OneCore/Sample");
  EXPECT_EQ(identity.owner_type, OwnerType::microsoft);
  EXPECT_EQ(identity.release_type, ReleaseType::test);
  EXPECT_EQ(identity.partition, "EFIESP");
  EXPECT_EQ(identity.culture, "");
  ASSERT_EQ(manifest->package.files.size(), 2U);
  EXPECT_EQ(manifest->package.files[0].device_path, R"(\Windows\System32\x.dll)");
  EXPECT_EQ(std::get<std::filesystem::path>(manifest->package.files[0].source), R"(arm_x_1\x.dll)");
  EXPECT_EQ(manifest->package.files[1].device_path, R"(\EFI\y.efi)");
}

struct Mistake {
  const char* name;
  std::string_view from, to, what;
};
class ServicingMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(ServicingMistake, IsNamedWithItsPlace) {
  std::string text = manifest_text;
  const std::size_t at = text.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, GetParam().from.size(), GetParam().to);
  const auto manifest = parse(text);
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, errc::cab_manifest) << manifest.error().detail;
  EXPECT_THAT(manifest.error().detail, HasSubstr("update.mum:"));
  EXPECT_THAT(manifest.error().detail, HasSubstr(std::string{GetParam().what}));
}

INSTANTIATE_TEST_SUITE_P(
    ServicingManifest, ServicingMistake,
    ::testing::Values(Mistake{"namespace", "asm.v3", "asm.v2", "namespace"},
                      Mistake{"no_identity", "assemblyIdentity name=\"Microsoft", "identity name=\"Microsoft",
                              "assemblyIdentity"},
                      Mistake{"version", "version=\"10.0.17763.1\" language", "version=\"10.0\" language", "10.0"},
                      Mistake{"cpu", "processorArchitecture=\"arm\"", "processorArchitecture=\"mips\"", "mips"},
                      Mistake{"name", "name=\"Microsoft.OneCore.Sample\"", "name=\"..\"", "'..'"},
                      Mistake{"release", "phoneRelease=\"Test\"", "phoneRelease=\"Beta\"", "Beta"},
                      Mistake{"owner_type", "phoneOwnerType=\"Microsoft\"", "phoneOwnerType=\"Me\"", "'Me'"},
                      Mistake{"no_phone", "<phoneInformation", "<phone", "phoneInformation"},
                      Mistake{"macro", "$(runtime.system32)", "$(runtime.system33)", "system33"},
                      Mistake{"path", R"(\EFI\y.efi)", R"(\..\y.efi)", ".."},
                      Mistake{"size", "size=\"3\"", "size=\"three\"", "three"},
                      Mistake{"no_cabpath", "cabpath=\"2_y.efi\"", "", "cabpath"},
                      Mistake{"raw_of_two", "binaryPartition=\"false\"", "binaryPartition=\"true\"", "one file"}),
    [](const auto& row) { return row.param.name; });

std::vector<fakes::CabMember> members() {
  return {{"update.mum", manifest_text},
          {"arm_c_none.manifest", component_text},
          {R"(arm_x_1\x.dll)", "MZ..."},
          {"2_y.efi", "efi"}};
}

/// A catalog over `inside`, whose members have other names there, as the servicing stack's have.
std::string catalog_of(const std::vector<fakes::CabMember>& inside) {
  std::vector<CatalogMember> listed;
  for (const auto& member : inside) {
    const Sha256 digest = sha256(fakes::bytes_of(member.content));
    listed.push_back({to_hex(digest), digest});
  }
  const auto catalog = build_member_catalog(listed, 0);
  return {reinterpret_cast<const char*>(catalog->data()), catalog->size()};
}

std::filesystem::path write_cabinet(const fakes::TempFolder& folder, std::vector<fakes::CabMember> inside) {
  inside.push_back({"update.cat", catalog_of(members())});
  fakes::write_bytes(folder / "x.cab", fakes::make_cab(inside));
  return folder / "x.cab";
}

TEST(ServicingCab, IsReadWithTheRegistryOfItsComponents) {
  const fakes::TempFolder folder;
  const auto package = extract_cab(write_cabinet(folder, members()), folder / "out");
  ASSERT_TRUE(package) << package.error().detail;
  EXPECT_EQ(std::get<std::filesystem::path>(package->files[0].source), folder / "out/arm_x_1/x.dll");
  EXPECT_EQ(fakes::read_bytes(folder / "out/arm_x_1/x.dll"), fakes::bytes_of("MZ..."));
  ASSERT_EQ(package->registry.size(), 1U);
  EXPECT_EQ(package->registry[0].path, R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\x)");
  ASSERT_EQ(package->registry[0].values.size(), 1U);
  EXPECT_EQ(package->registry[0].values[0].type, RegistryType::dword);
}

TEST(ServicingCab, RefusesAMemberTheCatalogDoesNotVouchFor) {
  const fakes::TempFolder folder;
  auto inside = members();
  inside[2].content = "MZ..!";
  const auto package = extract_cab(write_cabinet(folder, inside), folder / "out");
  ASSERT_FALSE(package);
  EXPECT_EQ(package.error().code, errc::cab_member_digest);
  EXPECT_FALSE(std::filesystem::exists(folder / "out/arm_x_1/x.dll"));
}

}  // namespace
}  // namespace flashline::imaging
