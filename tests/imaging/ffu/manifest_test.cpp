#include "imaging/ffu/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

constexpr const char* example =
    "[FullFlash]\r\n"
    "Version           = 2.0\r\n"
    "Description       = Contoso panel, line image 7\r\n"
    "DevicePlatformId0 = Contoso.Panel.P100.A\r\n"
    "OSVersion         = 10.0.0.0\r\n"
    "AntiTheftVersion  = 1.1\r\n"
    "\r\n"
    "[Store]\r\n"
    "SectorSize                    = 512\r\n"
    "MinSectorCount                = 7372800\r\n"
    "IsMainOSStore                 = True\r\n"
    "OnlyAllocateDefinedGptEntries = False\r\n"
    "\r\n"
    "[Partition]\r\n"
    "Name            = EFIESP\r\n"
    "Type            = {C12A7328-F81F-11D2-BA4B-00A0C93EC93B}\r\n"
    "FileSystem      = FAT\r\n"
    "TotalSectors    = 65536\r\n"
    "UsedSectors     = 9000\r\n"
    "RequiredToFlash = True\r\n"
    "\r\n"
    "[Partition]\r\n"
    "Name         = Data\r\n"
    "Type         = {EBD0A0A2-B9E5-4433-87C0-68B6B72699C7}\r\n"
    "TotalSectors = 2097152\r\n"
    "UsedSectors  = 2097152\r\n"
    "\r\n";

Manifest parsed(const std::string& text) {
  const auto manifest = parse_manifest(text);
  EXPECT_TRUE(manifest) << manifest.error().detail;
  return manifest.value_or(Manifest{});
}

TEST(Manifest, IsReadFieldByField) {
  const Manifest manifest = parsed(example);
  EXPECT_EQ(manifest.description, "Contoso panel, line image 7");
  EXPECT_THAT(manifest.platform_ids, testing::ElementsAre("Contoso.Panel.P100.A"));
  EXPECT_EQ(manifest.os_version, "10.0.0.0");
  ASSERT_EQ(manifest.stores.size(), 1U);
  const auto& store = manifest.stores[0];
  EXPECT_EQ(store.sector_size, 512U);
  EXPECT_EQ(store.min_sector_count, 7372800U);
  EXPECT_TRUE(store.is_main_os_store);
  ASSERT_EQ(store.partitions.size(), 2U);
  EXPECT_EQ(store.partitions[0].name, "EFIESP");
  EXPECT_TRUE(store.partitions[0].required_to_flash);
  EXPECT_EQ(store.partitions[1].total_sectors, 2097152U);
  EXPECT_FALSE(store.partitions[1].required_to_flash);
}

TEST(Manifest, IsWrittenAsMicrosoftsBuilderDoes) { EXPECT_EQ(build_manifest(parsed(example)), example); }

TEST(Manifest, EveryFieldSurvivesTheWayBack) {
  Manifest manifest;
  manifest.description = "first line\nsecond line";
  manifest.platform_ids = {"A.B.C.D", "A.B.C.E"};
  manifest.os_version = "10.0";
  manifest.anti_theft_version = "1.1";
  manifest.can_flash_to_removable_media = "1";
  manifest.rules_version = "2";
  manifest.rules_data = "a;b";
  manifest.state_separation_level = "1";
  manifest.uefi = "True";
  ManifestStore store{.sector_size = 4096,
                      .min_sector_count = 1024,
                      .store_id = "{7}",
                      .is_main_os_store = false,
                      .device_path = "VenHw(1)",
                      .only_allocate_defined_gpt_entries = true,
                      .store_type = "x",
                      .partitions = {}};
  store.partitions.push_back({.name = "P",
                              .type = "0x07",
                              .id = "{1}",
                              .primary = true,
                              .total_sectors = 1,
                              .used_sectors = 2,
                              .use_all_space = true,
                              .file_system = "NTFS",
                              .byte_alignment = 4096,
                              .cluster_size = 8192,
                              .sector_alignment = 16,
                              .bootable = true,
                              .read_only = true,
                              .hidden = true,
                              .attach_drive_letter = true,
                              .required_to_flash = true});
  manifest.stores = {store, store};
  EXPECT_EQ(parsed(build_manifest(manifest)), manifest);
}

/// How Microsoft's reader takes what is not quite in its own form.
TEST(Manifest, ToleratesWhatItsReaderTolerates) {
  const std::string head = "[FullFlash]\nVersion = 2.0\n";
  EXPECT_EQ(parsed("  [FullFlash]  \n Version=2.0 \n").stores.size(), 0U) << "blanks and LF lines";
  EXPECT_EQ(parsed(head + "Whatever = 7\n[Common]\nVersion = 9\n[StoragePool]\nName = x\n").os_version, "");
  EXPECT_EQ(parsed(head + "version = 1.0\nDESCRIPTION = x\n").description, "") << "names are case-sensitive";
  EXPECT_EQ(parsed(head + "Description = a\n b c\n\n= d\n").description, "a\nb c\n\n= d") << "goes on";
  EXPECT_EQ(parsed(head + "OSVersion = 1\nno key here\n").description, "") << "goes on only after Description";
  EXPECT_EQ(parsed(head + "OSVersion = a = b\n").os_version, "a = b");
  EXPECT_EQ(parsed(head + "[Store]\nMinSectorCount = 5\nSectorSize = 4096\n[Partition]\n[Store]\nSectorSize = 512\n")
                .stores.size(),
            2U);
}

struct Wrong {
  const char* text;
  const char* detail;
};

TEST(Manifest, NamesTheLineThatIsWrong) {
  constexpr Wrong rows[] = {
      {"", "[FullFlash]"},
      {"[FullFlash]\nVersion = 2.1\n", "line 2"},
      {"[FullFlash]\nVersion = 2.0\nVersion = 2.0\n", "line 3"},
      {"[FullFlash]\nOSVersion = 2.0\n[Store]\nSectorSize = 512\n", "without Version"},
      {"[FullFlash]\nVersion = 2.0\n[FullFlash]\n", "line 3"},
      {"[FullFlash]\nVersion = 2.0\n[Common]\n[Common]\n", "line 4"},
      {"[FullFlash]\nVersion = 2.0\n[Store]\nSectorSize = 0\n", "line 4"},
      {"[FullFlash]\nVersion = 2.0\n[Store]\nSectorSize = -512\n", "line 4"},
      {"[FullFlash]\nVersion = 2.0\n[Store]\nSectorSize = 512x\n", "line 4"},
      {"[FullFlash]\nVersion = 2.0\n[Store]\nSectorSize = 512\nMinSectorCount =\n", "line 5"},
      {"[FullFlash]\nVersion = 2.0\n[Store]\nSectorSize = 512\nIsMainOSStore = Maybe\n", "line 5"},
      {"[FullFlash]\nVersion = 2.0\n[Store]\nSectorSize = 512\n[Partition]\nClusterSize = 3\n", "line 6"},
      {"[FullFlash]\nVersion = 2.0\n[Store]\nSectorSize = 512\n[Partition]\nTotalSectors = 18446744073709551616\n",
       "line 6"},
      {"[FullFlash]\nVersion = 2.0\n[Partition]\n", "line 3"},
      {"[FullFlash]\nVersion = 2.0\x01\n", "ASCII"},
  };
  for (const auto& row : rows) {
    const auto manifest = parse_manifest(row.text);
    ASSERT_FALSE(manifest) << row.text;
    EXPECT_EQ(manifest.error().code, errc::ffu_manifest);
    EXPECT_THAT(manifest.error().detail, testing::HasSubstr(row.detail)) << row.text;
  }
}

}  // namespace
}  // namespace flashline::imaging
