#include "imaging/filesystem/registry/boot_configuration.h"

#include <gmock/gmock.h>
#include <set>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/filesystem.h"
#include "imaging/filesystem/registry/boot_names.h"
#include "imaging/source/gpt.h"
#include "imaging/workspace/input_xml.h"
#include "tests/imaging/filesystem/registry/hives.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view open_root =
    "<BootConfigurationDatabase xmlns=\"http://schemas.microsoft.com/phone/2011/10/BootConfiguration\">";

Result<BootConfiguration> parsed(const std::string& text) {
  const auto document = parse_input_xml(fakes::bytes_of(text), "x.BCD.xml");
  if (!document) return std::unexpected{document.error()};
  return parse_boot_configuration(*document);
}
std::string with_object(const std::string& object) {
  return std::string{open_root} + "<Objects>\n<Object>" + object + "</Object></Objects></BootConfigurationDatabase>";
}
std::string with_element(const std::string& element) {
  return with_object("<FriendlyName>MMOS</FriendlyName><Elements>\n<Element>" + element + "</Element></Elements>");
}
std::string setting(const std::string& name, const std::string& value) {
  return with_element("<DataType><WellKnownType>" + name + "</WellKnownType></DataType><ValueType>" + value +
                      "</ValueType>");
}
std::string device(const std::string& value) {
  return setting("Boot Device", "<DeviceValue>" + value + "</DeviceValue>");
}

TEST(BootNames, are_told_apart_and_settings_have_a_format) {
  std::set<std::string> names;
  for (const std::string_view name : boot_setting_names()) {
    EXPECT_TRUE(names.insert(folded(name)).second) << name;
    EXPECT_TRUE(boot_format(*find_boot_setting(name))) << name;
  }
  std::set<std::string> ids;
  for (const std::string_view name : boot_object_names()) {
    const KnownBootObject* const object = find_boot_object(name);
    ASSERT_NE(object, nullptr);
    const auto guid = guid_of(object->id);
    ASSERT_TRUE(guid) << name;
    EXPECT_EQ(object->id, "{" + folded(to_text(*guid)) + "}");
    EXPECT_TRUE(ids.insert(std::string{object->id}).second) << name;
    EXPECT_EQ(boot_object_of(object->id), object);
  }
}

/// Numbers that bcdedit's documentation names.
TEST(BootNames, have_their_documented_numbers) {
  EXPECT_EQ(find_boot_setting("device"), std::nullopt) << "that is bcdedit's word";
  EXPECT_EQ(find_boot_setting("boot device"), 0x11000001U);
  EXPECT_EQ(find_boot_setting("OS Loader Type"), 0x21000001U);
  EXPECT_EQ(find_boot_setting("Timeout Value"), 0x25000004U);
  EXPECT_EQ(find_boot_setting("WinPE Image"), 0x26000022U);
  EXPECT_EQ(find_boot_setting("Ramdisk SDI Device"), 0x31000003U);
  EXPECT_EQ(find_boot_object("windows boot manager")->type, 0x10100002U);
}

TEST(BootConfiguration, reads_every_kind_of_value) {
  const auto read = parsed(std::string{open_root} + R"(<Objects>
    <Object SaveKeyToRegistry="false"><FriendlyName>{9DEA862C-5CDD-4E70-ACC1-F32B344D4795}</FriendlyName></Object>
    <Object><Id>{00000000-0000-0000-0000-0000000000Ab}</Id><RawType>10200003</RawType><Elements>
      <Element><DataType><RawType>0x25000004</RawType></DataType><ValueType><IntegerValue>10</IntegerValue></ValueType></Element>
      <Element><DataType><WellKnownType>default object</WellKnownType></DataType><ValueType><ObjectValue>mmos</ObjectValue></ValueType></Element>
      <Element><DataType><WellKnownType>Custom Action List</WellKnownType></DataType>
        <ValueType><IntegerListValue><StringValues><StringValue>0x1</StringValue><StringValue>FF</StringValue></StringValues></IntegerListValue></ValueType></Element>
      <Element><DataType><WellKnownType>Boot Device</WellKnownType></DataType><ValueType><DeviceValue>
        <MBRDevice><DiskSignature>0xAE420040</DiskSignature><PartitionName>MainOS</PartitionName></MBRDevice></DeviceValue></ValueType></Element>
    </Elements></Object></Objects></BootConfigurationDatabase>)");
  ASSERT_TRUE(read) << read.error().detail;
  ASSERT_EQ(read->objects.size(), 2U);
  EXPECT_EQ(read->objects[0].id.text, "{9dea862c-5cdd-4e70-acc1-f32b344d4795}");
  EXPECT_EQ(read->objects[0].type, 0x10100002U);
  EXPECT_FALSE(read->objects[0].sets_type);
  const BootObject& own = read->objects[1];
  EXPECT_EQ(own.id.text, "{00000000-0000-0000-0000-0000000000ab}");
  EXPECT_EQ(own.type, 0x10200003U);
  EXPECT_TRUE(own.sets_type);
  ASSERT_EQ(own.elements.size(), 4U);
  EXPECT_EQ(std::get<std::uint64_t>(own.elements[0].value), 16U) << "hexadecimal, 0x or not";
  EXPECT_EQ(std::get<BootObjectId>(own.elements[1].value).text, "{a5935ff2-32ba-4617-bf36-5ac314b3f9bf}");
  EXPECT_THAT(std::get<std::vector<std::uint64_t>>(own.elements[2].value), ::testing::ElementsAre(1, 255));
  const auto& disk = std::get<BootDevice>(own.elements[3].value);
  EXPECT_EQ(disk.style, TableStyle::mbr);
  EXPECT_EQ(disk.disk_signature, 0xAE420040U);
  EXPECT_EQ(disk.partition, "MainOS");
  EXPECT_EQ(own.elements[3].where, "x.BCD.xml:8:91");
}

struct Bad {
  const char* name;
  std::string text;
  Errc code;
  std::string message;
};
class BootConfigurationRefuses : public ::testing::TestWithParam<Bad> {};

TEST_P(BootConfigurationRefuses, with_the_place) {
  const auto read = parsed(GetParam().text);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, GetParam().code);
  EXPECT_EQ(read.error().detail, GetParam().message);
}

const std::string gpt =
    "<GPTDevice><DiskId>{AE420040-13DD-41F2-AE7F-0DC35854C8D7}</DiskId><Partition><Name>MMOS</Name></Partition></"
    "GPTDevice>";

INSTANTIATE_TEST_SUITE_P(
    BootConfiguration, BootConfigurationRefuses,
    ::testing::Values(
        Bad{"other_root", "<Objects/>", errc::boot_root, "x.BCD.xml:1:2: <Objects> of namespace ''"},
        Bad{"other_namespace", "<BootConfigurationDatabase xmlns='urn:x'/>", errc::boot_root,
            "x.BCD.xml:1:2: <BootConfigurationDatabase> of namespace 'urn:x'"},
        Bad{"no_objects", std::string{open_root} + "</BootConfigurationDatabase>", errc::xml_missing,
            "x.BCD.xml:1:2: <BootConfigurationDatabase> needs <Objects>"},
        Bad{"unknown_element", with_object("<FriendlyName>MMOS</FriendlyName><Element/>"), errc::xml_unknown,
            "x.BCD.xml:2:43: <Object> has no element <Element>; did you mean 'Elements'?"},
        Bad{"no_name", with_object(""), errc::xml_missing, "x.BCD.xml:2:2: <Object> needs <FriendlyName>"},
        Bad{"unknown_object", with_object("<FriendlyName>Windows Bot Manager</FriendlyName>"), errc::boot_name,
            "x.BCD.xml:2:23: no object is called 'Windows Bot Manager'; did you mean 'Windows Boot Manager'?"},
        Bad{"no_data_type", with_element("<ValueType/>"), errc::xml_missing,
            "x.BCD.xml:3:2: <Element> needs <DataType>"},
        Bad{"empty_data_type", with_element("<DataType/><ValueType/>"), errc::xml_missing,
            "x.BCD.xml:3:11: <DataType> needs one of: WellKnownType, RawType"},
        Bad{"no_value", setting("Description", ""), errc::xml_missing,
            "x.BCD.xml:3:74: <ValueType> needs one of: DeviceValue, StringValue, ObjectValue, ObjectListValue, "
            "IntegerValue, "
            "BooleanValue, IntegerListValue"},
        Bad{"two_values", setting("Description", "<StringValue/><StringValue/>"), errc::xml_missing,
            "x.BCD.xml:3:74: <ValueType> needs one of: DeviceValue, StringValue, ObjectValue, ObjectListValue, "
            "IntegerValue, "
            "BooleanValue, IntegerListValue"},
        Bad{"unknown_setting", setting("Bot Device", "<StringValue/>"), errc::boot_name,
            "x.BCD.xml:3:35: no setting is called 'Bot Device'; did you mean 'Boot Device'?"},
        Bad{"raw_setting", with_element("<DataType><RawType>0x18000001</RawType></DataType><ValueType/>"),
            errc::boot_name, "x.BCD.xml:3:29: no setting has number 0x18000001"},
        Bad{"raw_setting_too_large", with_element("<DataType><RawType>111000001</RawType></DataType><ValueType/>"),
            errc::boot_value, "x.BCD.xml:3:29: '111000001' is no hexadecimal number up to 0xffffffff"},
        Bad{"other_kind", setting("Description", "<BooleanValue>true</BooleanValue>"), errc::boot_value,
            "x.BCD.xml:3:85: this setting takes <StringValue>, not <BooleanValue>"},
        Bad{"no_boolean", setting("WinPE Image", "<BooleanValue>yes</BooleanValue>"), errc::xml_value,
            "x.BCD.xml:3:98: 'yes' is neither true nor false"},
        Bad{"no_number", setting("PAE Policy", "<IntegerValue>0xG</IntegerValue>"), errc::boot_value,
            "x.BCD.xml:3:97: '0xG' is no hexadecimal number up to 0xffffffffffffffff"},
        Bad{"number_too_large", setting("PAE Policy", "<IntegerValue>10000000000000000</IntegerValue>"),
            errc::boot_value, "x.BCD.xml:3:97: '10000000000000000' is no hexadecimal number up to 0xffffffffffffffff"},
        Bad{"unknown_object_in_list",
            setting(
                "Inherit",
                "<ObjectListValue><StringValues><StringValue>Nobody</StringValue></StringValues></ObjectListValue>"),
            errc::boot_name, "x.BCD.xml:3:124: no object is called 'Nobody'"},
        Bad{"no_disk_id", device("<GPTDevice><DiskId>1</DiskId></GPTDevice>"), errc::boot_value,
            "x.BCD.xml:3:116: '1' is no GUID"},
        Bad{"no_partition", device("<MBRDevice><DiskSignature>1</DiskSignature></MBRDevice>"), errc::xml_missing,
            "x.BCD.xml:3:98: <MBRDevice> needs <PartitionName>"},
        Bad{"empty_partition",
            device("<MBRDevice><DiskSignature>1</DiskSignature><PartitionName> </PartitionName></MBRDevice>"),
            errc::boot_value, "x.BCD.xml:3:141: a partition without a name"},
        Bad{"signature_too_large", device("<MBRDevice><DiskSignature>1AE420040</DiskSignature></MBRDevice>"),
            errc::boot_value, "x.BCD.xml:3:123: '1AE420040' is no hexadecimal number up to 0xffffffff"},
        Bad{"ramdisk_on_ramdisk",
            device("<RamdiskDevice><ParentDevice><RamdiskDevice/></ParentDevice></RamdiskDevice>"), errc::xml_unknown,
            "x.BCD.xml:3:127: <ParentDevice> has no element <RamdiskDevice>"},
        Bad{"ramdisk_without_path", device("<RamdiskDevice><ParentDevice>" + gpt + "</ParentDevice></RamdiskDevice>"),
            errc::xml_missing, "x.BCD.xml:3:98: <RamdiskDevice> needs <FilePath>"},
        Bad{"ramdisk_path",
            device("<RamdiskDevice><ParentDevice>" + gpt + "</ParentDevice><FilePath>a.wim</FilePath></RamdiskDevice>"),
            errc::boot_value, "x.BCD.xml:3:269: 'a.wim' is no path that begins with a backslash"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::imaging
