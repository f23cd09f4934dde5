#include "imaging/filesystem/registry/boot_store.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/filesystem/registry/build_hive.h"
#include "imaging/filesystem/registry/read_hive.h"
#include "imaging/source/gpt.h"
#include "imaging/workspace/input_xml.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/filesystem/registry/hives.h"

namespace flashline::imaging {
namespace {

using fakes::lines_of;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string packages =
    FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace/iot-adk-addonkit/Workspace/Common/Packages/";

BootConfiguration read(const std::string& path) {
  const auto document = read_input_xml(path);
  return parse_boot_configuration(document.value()).value();
}

PlacedPartition partition(std::string name, std::uint64_t first, std::string_view id) {
  PlacedPartition out;
  out.name = std::move(name);
  out.place = {first, 8};
  out.id = guid_of(id).value_or(Guid{});
  return out;
}
DiskLayout disk(TableStyle style) {
  DiskLayout out;
  StoreLayout store;
  store.style = style;
  store.disk_guid = style == TableStyle::gpt ? image_disk_guid() : Guid{};
  store.disk_signature = style == TableStyle::mbr ? image_disk_signature : 0;
  store.partitions = {partition("EFIESP", 4096, "11111111-1111-1111-1111-111111111111"),
                      partition("mmos", 0x14000, "00112233-4455-6677-8899-aabbccddeeff")};
  out.stores = {store};
  return out;
}

/// The data of a setting in hexadecimal.
std::string data_of(const RegistryTree& store, const std::string& object, const std::string& setting) {
  const TreeValue* const value = store.find("Objects\\" + object + "\\Elements\\" + setting, "Element");
  return value != nullptr ? fakes::hex(value->data) : "no such element";
}
constexpr const char* mmos = "{a5935ff2-32ba-4617-bf36-5ac314b3f9bf}";

// Each field as the format has it, written by hand.
const std::string no_options(32, '0');
const std::string ramdisk_options = "e03455ae24a96c46b836758539a3ee3a";
const std::string gpt_partition =
    "06000000"
    "00000000"
    "48000000"
    "00000000"
    "33221100554477668899aabbccddeeff"
    "00000000"
    "00000000"
    "400042aedd13f241ae7f0dc35854c8d7"
    "00000000000000000000000000000000";
const std::string mbr_partition =
    "06000000"
    "00000000"
    "48000000"
    "00000000"
    "00008002000000000000000000000000"
    "00000000"
    "01000000"
    "400042ae000000000000000000000000"
    "00000000000000000000000000000000";

TEST(BootStore, custom_settings_of_the_kit_become_a_store) {
  RegistryTree store;
  const auto warnings = apply_boot_configuration(store, read(packages + "Custom.BCD/Custom.BCD.xml"),
                                                 disk(TableStyle::mbr), "Contoso.Custom.BCD");
  ASSERT_TRUE(warnings) << warnings.error().detail;
  EXPECT_THAT(*warnings, IsEmpty());
  EXPECT_THAT(lines_of(store),
              ElementsAre("", "\\Description",
                          "\\Description : KeyName = 1:4200430044003000300030003000300030003000300000"
                          "00",
                          "\\Description : System = 4:01000000", "\\Description : TreatAsSystem = 4:01000000",
                          "\\Objects", "\\Objects\\{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}",
                          "\\Objects\\{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}\\Description",
                          "\\Objects\\{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}\\Description : Type = 4:00001020",
                          "\\Objects\\{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}\\Elements",
                          "\\Objects\\{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}\\Elements\\16000049",
                          "\\Objects\\{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}\\Elements\\16000049 : Element = 3:01",
                          "\\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}",
                          "\\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Description",
                          "\\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Description : Type = 4:02001010",
                          "\\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Elements",
                          "\\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Elements\\16000049",
                          "\\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Elements\\16000049 : Element = 3:01",
                          "\\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Elements\\16000069",
                          "\\Objects\\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\\Elements\\16000069 : Element = 3:01"));
}

TEST(BootStore, recovery_of_the_kit_starts_a_wim_on_its_partition) {
  RegistryTree store;
  const auto warnings =
      apply_boot_configuration(store, read(packages + "Recovery.GPT-BCD/Recovery.BCD.xml"), disk(TableStyle::gpt), "p");
  ASSERT_TRUE(warnings) << warnings.error().detail;
  EXPECT_THAT(*warnings, IsEmpty());
  EXPECT_EQ(store.find(std::string{"Objects\\"} + mmos)->keys.find(u"ELEMENTS")->second->keys.size(), 10U);
  const std::string name = "5c00770069006e00700065002e00770069006d000000";  // \winpe.wim
  const std::string device = ramdisk_options +
                             "00000000"
                             "01000000"
                             "92000000"
                             "00000000"
                             "03000000"
                             "0000000000000000"
                             "000000000000000000000000"
                             "01000000"
                             "6a000000"
                             "05000000" +
                             gpt_partition + name;
  EXPECT_EQ(data_of(store, mmos, "11000001"), device);
  EXPECT_EQ(data_of(store, mmos, "21000001"), device);
  EXPECT_EQ(data_of(store, mmos, "250000c2"), "0100000000000000");
  EXPECT_EQ(data_of(store, mmos, "26000022"), "01");
  EXPECT_EQ(data_of(store, mmos, "22000002"), "5c00770069006e0064006f00770073000000");
  EXPECT_EQ(data_of(store, mmos, "14000006"),
            fakes::hex(fakes::wide(u"{6efb52bf-1766-41db-a6b3-0ee5eff72bd7}")) + "0000");
  EXPECT_EQ(store.find(std::string{"Objects\\"} + mmos + "\\Elements\\14000006", "Element")->type,
            RegistryType::multi_sz);
}

TEST(BootStore, is_a_hive_that_libhivex_reads) {
  const flashline::fakes::TempFolder folder;
  RegistryTree store;
  ASSERT_TRUE(apply_boot_configuration(store, read(packages + "Recovery.GPT-BCD/Recovery.BCD.xml"),
                                       disk(TableStyle::gpt), "p"));
  const auto hive = build_hive(store, "BCD", fakes::noon);
  ASSERT_TRUE(hive);
  EXPECT_EQ(fakes::difference(fakes::hivex_lines(folder.file("BCD", fakes::as_text(*hive))), lines_of(store)), "");
}

/// One object with that device as its boot device.
BootConfiguration with_device(BootDevice device) {
  BootConfiguration out;
  out.objects.push_back({{mmos}, 0x10200003, true, {{0x11000001, std::move(device), "x.xml:1:2"}}, "x.xml:1:1"});
  return out;
}
BootDevice mbr_device(std::string partition) {
  BootDevice out;
  out.style = TableStyle::mbr;
  out.disk_signature = image_disk_signature;
  out.partition = std::move(partition);
  return out;
}

TEST(BootStore, finds_partitions_of_an_mbr_by_their_first_byte) {
  RegistryTree store;
  const auto warnings = apply_boot_configuration(store, with_device(mbr_device("MMOS")), disk(TableStyle::mbr), "p");
  ASSERT_TRUE(warnings) << warnings.error().detail;
  EXPECT_THAT(*warnings, IsEmpty());
  EXPECT_EQ(data_of(store, mmos, "11000001"), no_options + mbr_partition);
}

TEST(BootStore, finds_partitions_by_id) {
  RegistryTree store;
  BootDevice device;
  device.disk = image_disk_guid();
  device.partition_id = disk(TableStyle::gpt).stores[0].partitions[1].id;
  ASSERT_TRUE(apply_boot_configuration(store, with_device(device), disk(TableStyle::gpt), "p"));
  EXPECT_EQ(data_of(store, mmos, "11000001"), no_options + gpt_partition);
}

TEST(BootStore, warns_when_the_file_is_for_the_other_kind_of_disk) {
  RegistryTree store;
  const auto warnings = apply_boot_configuration(store, with_device(mbr_device("MMOS")), disk(TableStyle::gpt), "p");
  ASSERT_TRUE(warnings) << warnings.error().detail;
  EXPECT_THAT(*warnings,
              ElementsAre("x.xml:1:2: the image has no MBR disk 0xae420040; partition mmos of its GPT disk is taken"));
  EXPECT_EQ(data_of(store, mmos, "11000001"), no_options + gpt_partition);
}

TEST(BootStore, refuses_partitions_that_nobody_laid_out) {
  RegistryTree store;
  const auto applied = apply_boot_configuration(store, with_device(mbr_device("Recovery")), disk(TableStyle::mbr), "p");
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, errc::boot_partition);
  EXPECT_EQ(applied.error().detail, "x.xml:1:2: Recovery");
}

TEST(BootStore, refuses_objects_of_unknown_type) {
  BootConfiguration configuration;
  configuration.objects.push_back({{"{00000000-0000-0000-0000-0000000000ab}"}, std::nullopt, true, {}, "x.xml:1:1"});
  RegistryTree store;
  const auto applied = apply_boot_configuration(store, configuration, {}, "p");
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, errc::boot_name);
  ASSERT_TRUE(store.merge("Objects\\{00000000-0000-0000-0000-0000000000AB}\\Description",
                          std::vector{fakes::number_value("Type", 1)}, "base"));
  EXPECT_TRUE(apply_boot_configuration(store, configuration, {}, "p")) << "an existing store knows it";
}

TEST(BootStore, keeps_the_types_and_the_description_of_an_existing_store) {
  RegistryTree store;
  ASSERT_TRUE(store.merge(std::string{"Objects\\"} + mmos + "\\Description",
                          std::vector{fakes::number_value("Type", 7)}, "base"));
  ASSERT_TRUE(store.merge("Description", std::vector{fakes::number_value("System", 9)}, "base"));
  BootConfiguration configuration = with_device(mbr_device("MMOS"));
  configuration.objects[0].sets_type = false;
  ASSERT_TRUE(apply_boot_configuration(store, configuration, disk(TableStyle::mbr), "p"));
  EXPECT_THAT(store.conflicts(), IsEmpty());
  configuration.objects[0].sets_type = true;
  ASSERT_TRUE(apply_boot_configuration(store, configuration, disk(TableStyle::mbr), "p"));
  EXPECT_EQ(store.conflicts().size(), 1U);
}

}  // namespace
}  // namespace flashline::imaging
