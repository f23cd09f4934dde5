// DeviceLayout.xml: what is read, and each thing that is refused, with its code and place.

#include "imaging/layout/device_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/layout.h"
#include "tests/imaging/layout/layout_xml.h"

namespace flashline::imaging {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string main_os(std::string_view rest = "<TotalSectors>8</TotalSectors>") {
  return partition_xml("MainOS", "0x07", rest);
}
std::string gpt_main_os(std::string_view rest = "<TotalSectors>8</TotalSectors>") {
  return partition_xml("MainOS", basic_data, rest);
}
std::string head(std::string_view text) { return layout_xml(main_os(), text); }

TEST(DeviceLayout, ReadsEveryElement) {
  const auto layout = layout_of(layout_xml(
      partition_xml("A", "{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}",
                    "<Id>{11111111-2222-3333-4444-555555555555}</Id><FileSystem>fat</FileSystem>"
                    "<TotalSectors>0x10</TotalSectors><OffsetInSectors>64</OffsetInSectors>"
                    "<ByteAlignment>4096</ByteAlignment><ClusterSize>0x200</ClusterSize><Bootable>TRUE</Bootable>"
                    "<RequiredToFlash>1</RequiredToFlash><AttachDriveLetter>false</AttachDriveLetter>"
                    "<ReadOnly>true</ReadOnly><Hidden>true</Hidden><Compressed>true</Compressed>"
                    "<PrimaryPartition>MainOS</PrimaryPartition><UpdateType>critical</UpdateType>"
                    "<PrepareFveMetadata>true</PrepareFveMetadata>") +
          gpt_main_os("<MinFreeSectors>7</MinFreeSectors><SingleSectorAlignment>true</SingleSectorAlignment>") +
          partition_xml("Data", basic_data, "<UseAllSpace>true</UseAllSpace><FileSystem>Ext4</FileSystem>"),
      "<VersionTag> IoTUAP </VersionTag><SectorSize>512</SectorSize><ChunkSize>128</ChunkSize>"
      "<DefaultPartitionByteAlignment>0x200000</DefaultPartitionByteAlignment>"));
  ASSERT_TRUE(layout) << layout.error().detail;
  EXPECT_EQ(layout->version_tag, "IoTUAP");
  EXPECT_EQ(layout->chunk_size, 128 * 1024U);
  ASSERT_EQ(layout->stores.size(), 1U);
  EXPECT_EQ(layout->stores[0].style, TableStyle::gpt);
  const auto& parts = layout->stores[0].partitions;
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(to_text(parts[0].type), "{C12A7328-F81F-11D2-BA4B-00A0C93EC93B}");
  EXPECT_EQ(to_text(*parts[0].id), "11111111-2222-3333-4444-555555555555");
  EXPECT_EQ(parts[0].file_system, FileSystemKind::fat);
  EXPECT_EQ(parts[0].sizing, LayoutPartition::Sizing::total);
  EXPECT_EQ(parts[0].sectors, 16U);
  EXPECT_EQ(parts[0].offset, 64U);
  EXPECT_EQ(parts[0].alignment, 4096U);
  EXPECT_EQ(parts[0].cluster_size, 512U);
  EXPECT_TRUE(parts[0].bootable && parts[0].required_to_flash && parts[0].read_only && parts[0].hidden &&
              parts[0].compressed && parts[0].critical_update && parts[0].prepare_fve_metadata);
  EXPECT_FALSE(parts[0].attach_drive_letter);
  EXPECT_EQ(parts[0].primary_partition, "MainOS");
  EXPECT_EQ(parts[1].sizing, LayoutPartition::Sizing::content_and_free);
  EXPECT_EQ(parts[1].sectors, 7U);
  EXPECT_EQ(parts[1].alignment, 512U);
  EXPECT_EQ(parts[2].sizing, LayoutPartition::Sizing::rest);
  EXPECT_EQ(parts[2].alignment, 0x200000U);
  EXPECT_EQ(parts[2].file_system, FileSystemKind::ext4);
}

TEST(DeviceLayout, DefaultsAreThoseOfTheSchema) {
  const auto layout = layout_of(head("<SectorSize>4096</SectorSize>"));
  ASSERT_TRUE(layout) << layout.error().detail;
  EXPECT_EQ(layout->sector_size, 4096U);
  EXPECT_EQ(layout->chunk_size, 256 * 1024U);
  const auto& part = layout->stores[0].partitions[0];
  EXPECT_EQ(part.alignment, 65536U);
  EXPECT_EQ(to_text(part.type), "0x07");
  EXPECT_EQ(part.file_system, FileSystemKind::none);
  EXPECT_EQ(part.cluster_size, 0U);
  EXPECT_EQ(part.primary_partition, "MainOS");
  EXPECT_TRUE(part.attach_drive_letter);
  EXPECT_FALSE(part.bootable || part.required_to_flash || part.read_only || part.hidden || part.compressed ||
               part.critical_update || part.prepare_fve_metadata || part.id || part.offset);
}

TEST(DeviceLayout, VersionTwoHasSeveralStores) {
  const std::string first =
      "<Store><Id>{11111111-2222-3333-4444-555555555555}</Id><StoreType>MainOS</StoreType>"
      "<Partitions>" +
      gpt_main_os() + "</Partitions></Store>";
  const std::string second =
      "<Store><DevicePath>VenHw(B0DFC3A0)</DevicePath><SizeInSectors>4096</SizeInSectors>"
      "<OnlyAllocateDefinedGptEntries>true</OnlyAllocateDefinedGptEntries><Partitions>" +
      partition_xml("Boot", "0x4D", "<TotalSectors>8</TotalSectors>") + "</Partitions></Store>";
  const auto layout = layout_of(layout_v2_xml("<Stores>" + first + second + "</Stores>"));
  ASSERT_TRUE(layout) << layout.error().detail;
  ASSERT_EQ(layout->stores.size(), 2U);
  EXPECT_EQ(layout->stores[0].type, "MainOS");
  EXPECT_EQ(to_text(*layout->stores[0].id), "11111111-2222-3333-4444-555555555555");
  EXPECT_FALSE(layout->stores[0].sectors || layout->stores[0].only_defined_entries);
  EXPECT_EQ(layout->stores[0].style, TableStyle::gpt);
  EXPECT_EQ(layout->stores[1].style, TableStyle::mbr);
  EXPECT_EQ(layout->stores[1].device_path, "VenHw(B0DFC3A0)");
  EXPECT_EQ(layout->stores[1].sectors, 4096U);
  EXPECT_TRUE(layout->stores[1].only_defined_entries);
}

std::string store(std::string_view inside, std::string_view partitions) {
  return "<Store>" + std::string{inside} + "<Partitions>" + std::string{partitions} + "</Partitions></Store>";
}
std::string further_store(std::string_view inside) {
  return layout_v2_xml("<Stores>" + store("", main_os()) + store(inside, partition_xml("B", "0x83", sectors_xml(8))) +
                       "</Stores>");
}
std::string many_partitions(int count) {
  std::string text = gpt_main_os();
  for (int i = 1; i < count; ++i) text += partition_xml("P" + std::to_string(i), basic_data, sectors_xml(8));
  return layout_xml(text);
}

TEST(DeviceLayout, TakesAsManyPartitionsAsATableHas) { EXPECT_TRUE(layout_of(many_partitions(128))); }

struct Refused {
  const char* name;
  std::string xml;
  Errc code;
  const char* at;      ///< the text that the place points to; it stands once in `xml`, or its first place is meant
  const char* detail;  ///< part of the message
};

class DeviceLayoutRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(DeviceLayoutRefuses, WithCodeAndPlace) {
  const Refused& row = GetParam();
  const auto layout = layout_of(row.xml);
  ASSERT_FALSE(layout);
  EXPECT_EQ(code_of(layout.error().code), code_of(row.code)) << layout.error().detail;
  const std::size_t offset = row.xml.find(row.at);
  ASSERT_NE(offset, std::string::npos) << row.at;
  // One line, so the column is the offset.
  EXPECT_THAT(layout.error().detail, StartsWith("L.xml:1:" + std::to_string(offset + 1) + ": "));
  EXPECT_THAT(layout.error().detail, HasSubstr(row.detail));
}

constexpr std::string_view sector = "<SectorSize>512</SectorSize>";

INSTANTIATE_TEST_SUITE_P(
    Root, DeviceLayoutRefuses,
    ::testing::Values(
        Refused{"wrong_root", "<Layout xmlns=\"" + std::string{v1_space} + "\"/>", errc::layout_namespace, "Layout",
                "<Layout>"},
        Refused{"wrong_namespace", "<DeviceLayout xmlns=\"urn:other\"/>", errc::layout_namespace, "DeviceLayout",
                "urn:other"},
        Refused{"no_namespace", "<DeviceLayout/>", errc::layout_namespace, "DeviceLayout", "''"},
        Refused{"unknown_element", head(std::string{sector} + "<SectorSizes/>"), errc::xml_unknown, "SectorSizes",
                "did you mean"},
        Refused{"element_twice", head(std::string{sector} + "<ChunkSize>1</ChunkSize><ChunkSize >1</ChunkSize>"),
                errc::layout_repeated, "ChunkSize >1", "twice"},
        Refused{"no_sector_size", head(""), errc::xml_missing, "DeviceLayout", "SectorSize"},
        Refused{"sector_size", head("<SectorSize>1024</SectorSize>"), errc::layout_sector_size, "1024", "1024"},
        Refused{"sector_size_word", head("<SectorSize>big</SectorSize>"), errc::xml_value, "big", "big"},
        Refused{"chunk_size", head(std::string{sector} + "<ChunkSize>100</ChunkSize>"), errc::layout_number, "100",
                "power of two"},
        Refused{"chunk_size_huge", head(std::string{sector} + "<ChunkSize>0x40000000</ChunkSize>"), errc::layout_number,
                "0x4", "power"},
        Refused{"default_alignment",
                head(std::string{sector} + "<DefaultPartitionByteAlignment>3000</DefaultPartitionByteAlignment>"),
                errc::layout_alignment, "3000", "3000"},
        Refused{"no_partitions",
                "<DeviceLayout xmlns=\"" + std::string{v1_space} + "\">" + std::string{sector} + "</DeviceLayout>",
                errc::xml_missing, "DeviceLayout", "neither"},
        Refused{"empty_partitions", layout_xml(""), errc::xml_missing, "Partitions>", "without a partition"},
        Refused{"strange_partition", layout_xml("<Part/>"), errc::xml_unknown, "Part/", "<Part>"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Partition, DeviceLayoutRefuses,
    ::testing::Values(
        Refused{"unknown_element", layout_xml(main_os("<Sectors>8</Sectors>")), errc::xml_unknown, "Sectors>8",
                "Sectors"},
        Refused{"element_twice", layout_xml(main_os("<TotalSectors>8</TotalSectors><TotalSectors >8</TotalSectors>")),
                errc::layout_repeated, "TotalSectors >8", "twice"},
        Refused{"no_name", layout_xml("<Partition><Type>0x07</Type></Partition>"), errc::xml_missing, "Partition>",
                "Name"},
        Refused{"name_long", layout_xml(partition_xml("ABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890", "0x07", sectors_xml(8))),
                errc::layout_name, "ABC", "37 characters"},
        Refused{"name_letter", layout_xml(partition_xml("Main/OS", "0x07", sectors_xml(8))), errc::layout_name,
                "Main/OS", "Main/OS"},
        Refused{"name_not_ascii", layout_xml(partition_xml("M\xC3\xA4in", "0x07", sectors_xml(8))), errc::layout_name,
                "M\xC3\xA4", "name"},
        Refused{"name_twice",
                layout_xml(main_os() + partition_xml("A", "0x07", sectors_xml(8)) +
                           partition_xml("a", "0x07", sectors_xml(8))),
                errc::layout_name_twice, "a</Name><Type>0x07</Type><TotalSectors>8</TotalSectors></Partition></",
                "'a'"},
        Refused{"no_main_os", layout_xml(partition_xml("Data", "0x07", sectors_xml(8))), errc::layout_main_os,
                "DeviceLayout", "no partition MainOS"},
        Refused{"main_os_twice", layout_xml(main_os() + partition_xml("MAINOS", "0x07", sectors_xml(8))),
                errc::layout_main_os, "MAINOS", "second"},
        Refused{"no_type", layout_xml("<Partition><Name>MainOS</Name></Partition>"), errc::xml_missing, "Partition><N",
                "Type"},
        Refused{"type_word", layout_xml(partition_xml("MainOS", "ntfs", sectors_xml(8))), errc::layout_type, "ntfs",
                "ntfs"},
        Refused{"type_decimal", layout_xml(partition_xml("MainOS", "7", sectors_xml(8))), errc::layout_type, "7<",
                "'7'"},
        Refused{"type_wide", layout_xml(partition_xml("MainOS", "0x107", sectors_xml(8))), errc::layout_type, "0x107",
                "0x107"},
        Refused{"type_empty", layout_xml(partition_xml("MainOS", "0x00", sectors_xml(8))), errc::layout_type, "0x00",
                "0x00"},
        Refused{"type_extended", layout_xml(partition_xml("MainOS", "0x0F", sectors_xml(8))), errc::layout_type, "0x0F",
                "0x0F"},
        Refused{"type_extended_by_cylinders", layout_xml(partition_xml("MainOS", "0x05", sectors_xml(8))),
                errc::layout_type, "0x05", "0x05"},
        Refused{"type_extended_of_linux", layout_xml(partition_xml("MainOS", "0x85", sectors_xml(8))),
                errc::layout_type, "0x85", "0x85"},
        Refused{"type_protective", layout_xml(partition_xml("MainOS", "0xEE", sectors_xml(8))), errc::layout_type,
                "0xEE", "0xEE"},
        Refused{"type_guid_short",
                layout_xml(partition_xml("MainOS", "{ebd0a0a2-b9e5-4433-87c0-68b6b72699c}", sectors_xml(8))),
                errc::layout_type, "{ebd", "type"},
        Refused{"type_guid_null",
                layout_xml(partition_xml("MainOS", "{00000000-0000-0000-0000-000000000000}", sectors_xml(8))),
                errc::layout_type, "{0000", "type"},
        Refused{"types_mixed", layout_xml(main_os() + partition_xml("Data", basic_data, sectors_xml(8))),
                errc::layout_style, "{ebd", "Data"},
        Refused{"id_on_mbr",
                layout_xml(main_os("<TotalSectors>8</TotalSectors><Id>{11111111-2222-3333-4444-555555555555}</Id>")),
                errc::layout_id, "{1111", "MBR"},
        Refused{"id_word", layout_xml(gpt_main_os("<TotalSectors>8</TotalSectors><Id>{1}</Id>")), errc::layout_guid,
                "{1}", "{1}"},
        Refused{
            "id_twice",
            layout_xml(gpt_main_os("<TotalSectors>8</TotalSectors><Id>{11111111-2222-3333-4444-555555555555}</Id>") +
                       partition_xml("Data", basic_data,
                                     "<TotalSectors>8</TotalSectors><Id>11111111-2222-3333-4444-555555555555</Id>")),
            errc::layout_id, "Data", "of another one"},
        Refused{"no_size", layout_xml(main_os("")), errc::layout_size_rule, "MainOS", "no rule"},
        Refused{"use_all_space_false", layout_xml(main_os("<UseAllSpace>false</UseAllSpace>")), errc::layout_size_rule,
                "MainOS", "no rule"},
        Refused{"two_sizes", layout_xml(main_os("<TotalSectors>8</TotalSectors><MinFreeSectors>8</MinFreeSectors>")),
                errc::layout_size_rule, "MainOS", "more than one"},
        Refused{"size_and_rest", layout_xml(main_os("<TotalSectors>8</TotalSectors><UseAllSpace>true</UseAllSpace>")),
                errc::layout_size_rule, "MainOS", "more than one"},
        Refused{"size_zero", layout_xml(main_os("<TotalSectors>0</TotalSectors>")), errc::layout_number, "0</Total",
                "is 0"},
        Refused{"size_negative", layout_xml(main_os("<TotalSectors>-1</TotalSectors>")), errc::xml_value, "-1", "-1"},
        Refused{"size_huge", layout_xml(main_os("<TotalSectors>0xFFFFFFFFFFFFFFFF</TotalSectors>")),
                errc::layout_number, "0xFFFF", "no disk"},
        Refused{"size_past_64_bits", layout_xml(main_os("<TotalSectors>18446744073709551616</TotalSectors>")),
                errc::xml_value, "1844", "64 bits"},
        Refused{"rest_not_last", layout_xml(main_os("<UseAllSpace>true</UseAllSpace>") + "<Partition ></Partition>"),
                errc::layout_use_all_space, "Partition >", "MainOS"},
        Refused{"alignment", layout_xml(main_os("<TotalSectors>8</TotalSectors><ByteAlignment>0x3000</ByteAlignment>")),
                errc::layout_alignment, "0x3000", "12288"},
        Refused{"alignment_zero", layout_xml(main_os("<TotalSectors>8</TotalSectors><ByteAlignment>0</ByteAlignment>")),
                errc::layout_alignment, "0</Byte", "0 bytes"},
        Refused{"alignment_of_half_a_sector",
                layout_xml(main_os("<TotalSectors>8</TotalSectors><ByteAlignment>2048</ByteAlignment>"),
                           "<SectorSize>4096</SectorSize>"),
                errc::layout_alignment, "2048", "4096"},
        Refused{"file_system", layout_xml(main_os("<TotalSectors>8</TotalSectors><FileSystem>exFAT</FileSystem>")),
                errc::layout_file_system, "exFAT", "exFAT"},
        Refused{"cluster_alone", layout_xml(main_os("<TotalSectors>8</TotalSectors><ClusterSize>4096</ClusterSize>")),
                errc::layout_cluster, "4096", "without"},
        Refused{"cluster_odd",
                layout_xml(main_os(
                    "<TotalSectors>8</TotalSectors><FileSystem>NTFS</FileSystem><ClusterSize>5000</ClusterSize>")),
                errc::layout_cluster, "5000", "NTFS"},
        Refused{"cluster_of_ntfs_too_large",
                layout_xml(main_os(
                    "<TotalSectors>8</TotalSectors><FileSystem>NTFS</FileSystem><ClusterSize>0x20000</ClusterSize>")),
                errc::layout_cluster, "0x20000", "NTFS"},
        Refused{"cluster_smaller_than_a_sector",
                layout_xml(
                    main_os("<TotalSectors>8</TotalSectors><FileSystem>FAT</FileSystem><ClusterSize>512</ClusterSize>"),
                    "<SectorSize>4096</SectorSize>"),
                errc::layout_cluster, "512<", "FAT"},
        Refused{"block_of_ext4",
                layout_xml(main_os(
                    "<TotalSectors>8</TotalSectors><FileSystem>ext4</FileSystem><ClusterSize>8192</ClusterSize>")),
                errc::layout_cluster, "8192", "Ext4"},
        Refused{"flag", layout_xml(main_os("<TotalSectors>8</TotalSectors><Bootable>yes</Bootable>")), errc::xml_value,
                "yes", "yes"},
        Refused{"update_type", layout_xml(main_os("<TotalSectors>8</TotalSectors><UpdateType>Often</UpdateType>")),
                errc::layout_update_type, "Often", "Often"},
        Refused{"too_many", many_partitions(129), errc::layout_too_many, "Partition><Name>P128", "128"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Stores, DeviceLayoutRefuses,
    ::testing::Values(
        Refused{"storage_pools", layout_v2_xml("<StoragePools/>"), errc::layout_storage_pool, "StoragePools",
                "storage"},
        Refused{"storage_pools_in_a_store", layout_v2_xml("<Stores><Store><StoragePools/></Store></Stores>"),
                errc::layout_storage_pool, "StoragePools", "storage"},
        Refused{"no_store", layout_v2_xml("<Stores/>"), errc::xml_missing, "Stores", "without a <Store>"},
        Refused{"store_without_partitions", layout_v2_xml("<Stores><Store/></Stores>"), errc::xml_missing, "Store/",
                "Partitions"},
        Refused{"both_forms", layout_v2_xml("<Partitions/><Stores/>"), errc::layout_store, "Partitions", "beside"},
        Refused{"store_id", layout_v2_xml("<Stores>" + store("<Id>7</Id>", main_os()) + "</Stores>"), errc::layout_guid,
                "7</Id", "'7'"},
        Refused{"unknown_in_a_store", layout_v2_xml("<Stores>" + store("<Spaces/>", main_os()) + "</Stores>"),
                errc::xml_unknown, "Spaces", "Spaces"},
        Refused{"no_size", further_store("<DevicePath>d</DevicePath>"), errc::layout_store, "Store><DevicePath>",
                "SizeInSectors"},
        Refused{"no_device_path", further_store("<SizeInSectors>9</SizeInSectors>"), errc::layout_store,
                "Store><SizeInSectors>", "DevicePath"},
        Refused{"device_path_long",
                further_store("<SizeInSectors>9</SizeInSectors><DevicePath>" + std::string(256, 'd') + "</DevicePath>"),
                errc::layout_store, "dddd", "255"},
        Refused{"device_path_letter",
                further_store("<SizeInSectors>9</SizeInSectors><DevicePath>\xC3\xA4</DevicePath>"), errc::layout_store,
                "\xC3\xA4", "ASCII"},
        Refused{"size_zero", further_store("<SizeInSectors>0</SizeInSectors>"), errc::layout_number, "0</Size", "is 0"},
        Refused{"device_path_twice",
                layout_v2_xml("<Stores>" + store("<DevicePath>d</DevicePath>", main_os()) +
                              store("<SizeInSectors>9</SizeInSectors><DevicePath>D</DevicePath>",
                                    partition_xml("B", "0x83", sectors_xml(8))) +
                              "</Stores>"),
                errc::layout_store, "D</DevicePath>", "two stores"},
        Refused{
            "main_os_in_a_further_store",
            layout_v2_xml("<Stores>" + store("", partition_xml("B", "0x83", sectors_xml(8))) +
                          store("<SizeInSectors>9</SizeInSectors><DevicePath>D</DevicePath>", main_os()) + "</Stores>"),
            errc::layout_main_os, "MainOS", "further"},
        Refused{"name_of_another_store",
                layout_v2_xml("<Stores>" + store("", main_os() + partition_xml("B", "0x83", sectors_xml(8))) +
                              store("<SizeInSectors>9</SizeInSectors><DevicePath>D</DevicePath>",
                                    partition_xml("b", "0x83", sectors_xml(8))) +
                              "</Stores>"),
                errc::layout_name_twice, "b</Name>", "'b'"}),
    [](const auto& row) { return row.param.name; });

TEST(DeviceLayout, RefusesWhatIsNoXml) {
  EXPECT_EQ(layout_of("<DeviceLayout").error().code, errc::xml_not_well_formed);
  EXPECT_EQ(layout_of("<!DOCTYPE x []><x/>").error().code, errc::xml_doctype);
  EXPECT_EQ(read_device_layout("/nonexistent/L.xml").error().code, errc::input_open);
}

}  // namespace
}  // namespace flashline::imaging
