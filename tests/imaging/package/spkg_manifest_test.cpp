#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/manifest_values.h"
#include "imaging/package/package_manifest.h"
#include "tests/fakes/cab_builder.h"

namespace flashline::imaging {
namespace {

using fakes::describe;
using ::testing::HasSubstr;

PackageFile member(std::string device_path, std::string_view content, const char* name) {
  PackageFile file = fakes::memory_file(std::move(device_path), content);
  file.source = std::filesystem::path{name};
  return file;
}

PackageManifest sample() {
  PackageManifest manifest;
  manifest.package.identity = {.owner = "Contoso",
                               .component = "Display",
                               .sub_component = "Panel",
                               .culture = "en-US",
                               .resolution = "1024x768",
                               .version = {10, 0, 17763, 65535},
                               .cpu = CpuType::amd64,
                               .owner_type = OwnerType::silicon_vendor,
                               .release_type = ReleaseType::test,
                               .partition = "EFIESP",
                               .name = "Contoso.Display.Panel_Lang_en-US"};
  manifest.registry_parts = {member(R"(\Windows\Packages\RegistryFiles\x.reg)", "reg", "1_x.reg")};
  manifest.package.files = {member(R"(\Windows\a & b.sys)", "abc", R"(2_a & b.sys)")};
  manifest.package.files[0].attributes = file_attribute::readonly | file_attribute::compressed;
  manifest.package.directories = {{.device_path = R"(\Data\Logs)", .attributes = file_attribute::hidden}};
  manifest.package.bcd = member("", "<x/>", "3_BCD.xml");
  manifest.package.members = {"Contoso.Display.A ~ <1>", "Contoso.Display.B"};
  return manifest;
}

std::string golden() {
  std::ifstream in{FLASHLINE_SOURCE_DIR "/tests/golden/package/man.dsm.xml"};
  return {std::istreambuf_iterator<char>{in}, {}};
}

Result<PackageManifest> parse(std::string_view text) {
  return parse_spkg_manifest(std::as_bytes(std::span{text}), "man.dsm.xml");
}

TEST(SpkgManifest, IsTheGoldenFile) { EXPECT_EQ(build_spkg_manifest(sample()), golden()); }

TEST(SpkgManifest, IsReadBack) {
  const auto manifest = parse(golden());
  ASSERT_TRUE(manifest) << manifest.error().detail;
  EXPECT_EQ(describe(manifest->package), describe(sample().package));
  ASSERT_EQ(manifest->registry_parts.size(), 1U);
  EXPECT_EQ(describe(manifest->registry_parts[0]), describe(sample().registry_parts[0]));
  EXPECT_EQ(std::get<std::filesystem::path>(manifest->package.files[0].source), R"(2_a & b.sys)");
}

/// As other tools write it: other case, no digests, elements of their own, the name made of the identity.
TEST(SpkgManifest, TakesThatOfAnotherTool) {
  const auto manifest = parse(R"(<?xml version="1.0" encoding="utf-8"?>
<Package xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate">
  <Identity><Owner>Microsoft</Owner><Component>Base</Component><SubComponent>Core</SubComponent>
    <Version Major="8" Minor="0" QFE="9903" Build="0" /></Identity>
  <ReleaseType>Production</ReleaseType><OwnerType>Microsoft</OwnerType><BuildType>Retail</BuildType><CpuType>ARM</CpuType>
  <Culture>de-DE</Culture><Partition>MainOS</Partition><GroupingKey /><IsRemoval>false</IsRemoval><Tool>x</Tool>
  <Files>
    <FileEntry><FileType>Manifest</FileType><DevicePath>\x</DevicePath><CabPath>man.dsm.xml</CabPath></FileEntry>
    <FileEntry><FileType>Regular</FileType><DevicePath>\Windows\x.dll</DevicePath><CabPath>1_x.dll</CabPath>
      <Attributes>Archive, Hidden</Attributes><FileSize>12</FileSize></FileEntry>
    <FileEntry><FileType>SecurityPolicy</FileType><DevicePath>\p.xml</DevicePath><CabPath>2_p.xml</CabPath>
      <Attributes></Attributes><FileSize>1</FileSize></FileEntry>
  </Files>
</Package>)");
  ASSERT_TRUE(manifest) << manifest.error().detail;
  const PackageIdentity& identity = manifest->package.identity;
  EXPECT_EQ(identity.name, "Microsoft.Base.Core_Lang_de-DE");
  EXPECT_EQ(identity.cpu, CpuType::arm);
  EXPECT_EQ(identity.owner_type, OwnerType::microsoft);
  ASSERT_EQ(manifest->package.files.size(), 2U);
  EXPECT_EQ(manifest->package.files[0].attributes, file_attribute::archive | file_attribute::hidden);
  EXPECT_EQ(manifest->package.files[0].digest, Sha256{});
}

struct Mistake {
  const char* name;
  std::string_view from, to;
  std::string_view where;  ///< file:line:column, or the beginning of it
  std::string_view what;
};
class SpkgMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(SpkgMistake, IsNamedWithItsPlace) {
  std::string text = golden();
  const std::size_t at = text.find(GetParam().from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, GetParam().from.size(), GetParam().to);
  const auto manifest = parse(text);
  ASSERT_FALSE(manifest);
  EXPECT_EQ(manifest.error().code, errc::cab_manifest);
  EXPECT_THAT(manifest.error().detail, HasSubstr(std::string{GetParam().where}));
  EXPECT_THAT(manifest.error().detail, HasSubstr(std::string{GetParam().what}));
}

INSTANTIATE_TEST_SUITE_P(
    SpkgManifest, SpkgMistake,
    ::testing::Values(
        Mistake{"namespace", "ImageUpdate\"", "ImageUpdate2\"", "man.dsm.xml:2:", "namespace"},
        Mistake{"no_identity", "<Identity>", "<Identity></Identity><Identity>", "man.dsm.xml:3:", "Version"},
        Mistake{"no_version", "Version Major", "Versio Major", "man.dsm.xml:3:", "Version"},
        Mistake{"version_text", "QFE=\"17763\"", "QFE=\"x\"", "man.dsm.xml:7:", ""},
        Mistake{"version_large", "Build=\"65535\"", "Build=\"65536\"", "man.dsm.xml:7:", "65535"},
        Mistake{"release_type", ">Test<", ">Tes<", "man.dsm.xml:10:", "'Tes'"},
        Mistake{"owner_type", ">SiliconVendor<", ">Silicon<", "man.dsm.xml:11:", "'Silicon'"},
        Mistake{"cpu", ">amd64<", ">amd65<", "man.dsm.xml:13:", "'amd65'"},
        Mistake{"removal", ">false<", ">true<", "man.dsm.xml:", "removes"},
        Mistake{"name", ">Contoso.Display.Panel_Lang_en-US<", ">a/b<", "man.dsm.xml:", "'a/b'"},
        Mistake{"file_type", ">Regular<", ">Irregular<", "man.dsm.xml:", "'Irregular'"},
        Mistake{"file_list", "<FileEntry>", "<Entry></Entry><FileEntry>", "man.dsm.xml:22:", "'Entry'"},
        Mistake{"no_cab_path", ">1_x.reg<", "><", "man.dsm.xml:", "CabPath"},
        Mistake{"no_device_path", R"(>\Windows\a &amp; b.sys<)", "><", "man.dsm.xml:", "DevicePath"},
        Mistake{"path_escapes", R"(>\Windows\a &amp;)", R"(>\..\a &amp;)", "man.dsm.xml:", ".."},
        Mistake{"attributes", ">ReadOnly Compressed<", ">ReadOnly Compresst<", "man.dsm.xml:", "Compresst"},
        Mistake{"size", "<FileSize>3<", "<FileSize>three<", "man.dsm.xml:", ""},
        Mistake{"hash", "<Hash>ba", "<Hash>xx", "man.dsm.xml:", "Hash"},
        Mistake{"second_bcd", ">Regular<", ">BCDStore<", "man.dsm.xml:", "second"},
        Mistake{"raw_and_files", ">BCDStore<", ">BinaryPartition<", "man.dsm.xml:2:", "besides"},
        Mistake{"directory", R"(>\Data\Logs<)", R"(>C:\Data<)", "man.dsm.xml:", "C:"}),
    [](const auto& row) { return row.param.name; });

TEST(ManifestValues, WordsOfAttributesGoBothWays) {
  EXPECT_EQ(attribute_words(0x21), "ReadOnly Archive");
  EXPECT_EQ(attribute_words(0), "");
  EXPECT_EQ(attributes_of("archive,READONLY"), 0x21U);
  EXPECT_EQ(attributes_of("  "), 0U);
  EXPECT_EQ(attributes_of("Archiv"), std::nullopt);
}

TEST(ManifestValues, DigestsAreHexOfAnyCase) {
  const std::string text(64, 'F');
  EXPECT_EQ(digest_of_hex(text)->front(), std::byte{0xFF});
  EXPECT_EQ(digest_of_hex(text + "F"), std::nullopt);
  EXPECT_EQ(digest_of_hex("G" + text.substr(1)), std::nullopt);
}

}  // namespace
}  // namespace flashline::imaging
