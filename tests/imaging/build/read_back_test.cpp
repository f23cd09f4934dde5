// Whole images, read back by other people's tools and held against the packages: every path, every value, both ways.

#include <array>
#include <cctype>
#include <gmock/gmock.h>
#include <map>
#include <set>
#include <sstream>

#include "imaging/workspace/input_xml.h"
#include "tests/imaging/build/board_images.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// A package with all types of values, files for the Data partition and a service group that another package joins.
void add_package(const fs::path& workspace, const std::string& name, const std::string& partition,
                 const std::string& inside) {
  const fs::path folder = workspace / "Common/Packages" / ("ReadBack." + name);
  fs::create_directories(folder);
  for (const char* file : {"one.txt", "two.bin", "deep.dat"}) std::ofstream{folder / file} << name << " " << file;
  std::ofstream{folder / ("ReadBack." + name + ".wm.xml")} << fmt::format(
      R"x(<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="{0}" namespace="ReadBack" owner="$(OEMNAME)"
      legacyName="$(OEMNAME).ReadBack.{0}"><onecorePackageInfo targetPartition="{1}" releaseType="Production"
      ownerType="OEM"/>{2}</identity>)x",
      name, partition, inside);
  replace_in(
      workspace / "Common/Packages/OEMCommonFM.xml", "</BasePackages>",
      fmt::format("<PackageFile Path=\"%PKGBLD_DIR%\" Name=\"%OEM_NAME%.ReadBack.{}.cab\"/></BasePackages>", name));
}

std::string service_group(const char* service) {
  return fmt::format(R"(<serviceGroup groupName="ReadBackGroup" serviceName="{}" position="last"/>)", service);
}

void add_packages(const fs::path& workspace, const std::string& boot_device) {
  add_package(workspace, "All", "MainOS",
              R"(
    <files><file source="one.txt" destinationDir="$(runtime.windows)\ReadBack"/>
      <file source="two.bin" destinationDir="$(runtime.data)\ReadBack" attributes="hidden readonly"/>
      <file source="deep.dat" destinationDir="$(runtime.sharedData)\a folder\deeper" name="renamed.dat"/></files>
    <directories><directory path="$(runtime.data)\Empty"/></directories>
    <regKeys><regKey keyName="$(hklm.software)\ReadBack">
      <regValue name="" type="REG_SZ" value="the default, of course"/>
      <regValue name="Text" type="REG_SZ" value="50 % &amp; more | pipes"/>
      <regValue name="Expand" type="REG_EXPAND_SZ" value="$(env.system32)\x"/>
      <regValue name="Hex" type="REG_DWORD" value="10"/>
      <regValue name="Most" type="REG_DWORD" value="0xFFFFFFFF"/>
      <regValue name="Wide" type="REG_QWORD" value="0x123456789ABCDEF0"/>
      <regValue name="Bytes" type="REG_BINARY" value="00017F80FF2C25"/>
      <regValue name="List" type="REG_MULTI_SZ" value="one,two,three"/></regKey>
      <regKey keyName="$(hklm.system)\CurrentControlSet\Control\ReadBack">
      <regValue name="Set" type="REG_DWORD" value="7"/></regKey>
      <regKey keyName="$(hkuser.default)\ReadBack"><regValue name="User" type="REG_DWORD" value="1"/></regKey></regKeys>)" +
                  service_group("FirstSvc"));
  add_package(workspace, "More", "MainOS",
              R"(<files><file source="one.txt" destinationDir="$(runtime.data)\ReadBack"/></files>)" +
                  service_group("SecondSvc"));
  add_package(workspace, "Boot", "EFIESP",
              R"(<files><file source="one.txt" destinationDir="$(runtime.bootDrive)\ReadBack"/></files>
                 <bcdStore source="Boot.BCD.xml"/>)");
  std::ofstream{workspace / "Common/Packages/ReadBack.Boot/Boot.BCD.xml"} << fmt::format(
      R"(<BootConfigurationDatabase xmlns="http://schemas.microsoft.com/phone/2011/10/BootConfiguration"><Objects>
      <Object><FriendlyName>MMOS</FriendlyName><Elements>
      <Element><DataType><WellKnownType>Description</WellKnownType></DataType>
        <ValueType><StringValue>Starts MainOS</StringValue></ValueType></Element>
      <Element><DataType><WellKnownType>Boot Menu Policy</WellKnownType></DataType>
        <ValueType><IntegerValue>0x01</IntegerValue></ValueType></Element>
      <Element><DataType><WellKnownType>Detect Kernel and HAL</WellKnownType></DataType>
        <ValueType><BooleanValue>true</BooleanValue></ValueType></Element>
      <Element><DataType><WellKnownType>OS Loader Type</WellKnownType></DataType>
        <ValueType><DeviceValue>{}</DeviceValue></ValueType></Element>
      </Elements></Object></Objects></BootConfigurationDatabase>)",
      boot_device);
  for (const auto& entry : fs::recursive_directory_iterator{workspace}) {
    if (entry.path().filename() != "TestOEMInput.xml") continue;
    replace_in(entry.path(), "<Feature>CUSTOM_CMD</Feature>",
               "<Feature>CUSTOM_CMD</Feature><Feature>CUSTOM_BCD</Feature>");
  }
}

void place_mbr_board(const fs::path& workspace) {
  place_rpi2(workspace);
  add_packages(workspace,
               "<MBRDevice><DiskSignature>0xAE420040</DiskSignature><PartitionName>MainOS</PartitionName>"
               "</MBRDevice>");
}

void place_gpt_board(const fs::path& workspace) {
  place_minnowboard(workspace);
  add_packages(workspace,
               "<GPTDevice><DiskId>{AE420040-13DD-41F2-AE7F-0DC35854C8D7}</DiskId><Partition>"
               "<Name>MainOS</Name></Partition></GPTDevice>");
}

std::string percent_decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string ascii_of(std::span<const std::byte> data) {
  std::string text;
  for (std::size_t i = 0; i + 1 < data.size(); i += 2) text += static_cast<char>(data[i]);
  return text;
}

std::uint64_t number_of(std::span<const std::byte> data) {
  std::uint64_t number = 0;
  for (std::size_t i = data.size(); i-- > 0;) number = number << 8U | std::to_integer<std::uint64_t>(data[i]);
  return number;
}

/// As reglookup shows it, once its escapes are undone.
std::string shown(const RegistryValue& value) {
  std::string text = ascii_of(value.data);
  switch (value.type) {
    case RegistryType::sz:
    case RegistryType::expand_sz:
      while (text.ends_with('\0')) text.pop_back();
      return (value.type == RegistryType::sz ? "SZ " : "EXPAND_SZ ") + text;
    case RegistryType::multi_sz:
      while (text.ends_with('\0')) text.pop_back();
      std::ranges::replace(text, '\0', '|');
      return "MULTI_SZ " + text;
    case RegistryType::dword:
      return fmt::format("DWORD 0x{:08X}", number_of(value.data));
    case RegistryType::qword:
      return fmt::format("QWORD 0x{:016X}", number_of(value.data));
    default:
      return "BINARY " + std::string{reinterpret_cast<const char*>(value.data.data()), value.data.size()};
  }
}

std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) out += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("%{:02X}", c & 0xFF);
  return out;
}

using Values = std::map<std::string, std::string>;  // folded "key\name" -> "TYPE data"

/// All values of a hive file, by reglookup.
Values values_in(const fs::path& hive) {
  const ToolRun run = run_tool("reglookup -H " + hive.string());
  EXPECT_EQ(run.code, 0) << run.output;
  Values values;
  std::istringstream lines{run.output};
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> fields;
    std::istringstream row{line};
    for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
    if (fields.size() < 3 || fields[1] == "KEY") continue;
    std::string path = percent_decoded(fields[0]);
    std::ranges::replace(path, '/', '\\');
    values[folded(path.substr(1))] = fields[1] + " " + percent_decoded(fields[2]);
  }
  return values;
}

struct HivePath {
  const char* key;
  const char* partition;
  const char* file;
};
constexpr HivePath hives[]{
    {R"(HKEY_LOCAL_MACHINE\SYSTEM)", "MainOS", "Windows/System32/config/SYSTEM"},
    {R"(HKEY_LOCAL_MACHINE\SOFTWARE)", "MainOS", "Windows/System32/config/SOFTWARE"},
    {R"(HKEY_USERS\.DEFAULT)", "MainOS", "Windows/System32/config/DEFAULT"},
};

/// What `packages` say of a hive: the last one wins, lists that join grow.
Values values_for(const std::vector<ImagePackage>& packages, const std::string& root) {
  Values values;
  for (const ImagePackage& package : packages) {
    for (const RegistryKey& key : package.package.registry) {
      if (!folded(key.path).starts_with(folded(root) + "\\")) continue;
      std::string path = folded(key.path.substr(root.size() + 1));
      if (path.starts_with("currentcontrolset\\")) path = "controlset001" + path.substr(17);
      for (const RegistryValue& value : key.values) {
        std::string& kept = values[path + "\\" + folded(value.name)];
        kept = value.append && !kept.empty() ? kept + "|" + shown(value).substr(9) : shown(value);
      }
    }
  }
  return values;
}

using Files = std::map<std::string, std::string>;  // folded path from the partition's root -> digest

Files files_for(const std::vector<ImagePackage>& packages, const std::string& partition) {
  Files files;
  for (const ImagePackage& package : packages) {
    for (const PackageFile& file : package.package.files) {
      std::string path = folded(file.device_path);
      std::string place = package.package.identity.partition;
      if (same_word(place, "MainOS") && path.starts_with("\\data\\")) {
        place = "Data";
        path = path.substr(5);
      }
      std::ranges::replace(path, '\\', '/');
      if (same_word(place, partition)) files[path.substr(1)] = to_hex(file.digest);
    }
  }
  return files;
}

Files files_in(const fs::path& folder) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator{folder}) {
    if (!entry.is_regular_file()) continue;
    const std::string bytes = text_of(entry.path());
    files[folded(fs::relative(entry.path(), folder).string())] = to_hex(sha256(std::as_bytes(std::span{bytes})));
  }
  return files;
}

/// What an image holds besides its packages' files, as folders.
constexpr const char* own_places[] = {
    "windows/packages/",        "windows/system32/catroot/", "windows/system32/config/",
    "windows/imageupdate/",     "windows/servicing/",        "users/default/ntuser.dat",
    "programs/updateos/update", "efi/microsoft/boot/bcd",    "[system]/"};

bool is_own(const std::string& path) {
  return std::ranges::any_of(own_places, [&](const char* place) { return path.starts_with(place); });
}

class ReadBack : public BoardImage {
 protected:
  /// All of a partition's files below one folder, by 7-Zip.
  fs::path unpacked(std::string_view name) const {
    const fs::path out = folder_ / ("out-" + std::string{name});
    const ToolRun run = run_tool(fmt::format("7zz x -y -snld -o{} {}", out.string(), cut(partition(name)).string()));
    EXPECT_EQ(run.code, 0) << run.output;
    return out;
  }
};

TEST_P(ReadBack, each_path_of_each_partition_is_what_a_package_says) {
  for (const char* name : {"EFIESP", "MainOS", "Data"}) {
    const Files expected = files_for(built_->report.packages, name);
    const Files found = files_in(unpacked(name));
    for (const auto& [path, digest] : expected) {
      const auto there = found.find(path);
      ASSERT_NE(there, found.end()) << name << ": " << path;
      EXPECT_EQ(there->second, digest) << name << ": " << path;
    }
    for (const auto& [path, digest] : found)
      EXPECT_TRUE(expected.contains(path) || is_own(path)) << name << ": " << path;
    EXPECT_GE(expected.size(), 1U) << name;
  }
  EXPECT_EQ(files_for(built_->report.packages, "Data").size(), 3U);
  EXPECT_TRUE(fs::is_directory(folder_ / "out-Data/Empty"));
}

TEST_P(ReadBack, each_registry_value_is_what_the_packages_say) {
  const fs::path main_os = unpacked("MainOS");
  for (const HivePath& hive : hives) {
    const Values expected = values_for(built_->report.packages, hive.key);
    const Values found = values_in(main_os / hive.file);
    for (const auto& [name, value] : expected) {
      EXPECT_TRUE(found.contains(name) && found.at(name) == value)
          << hive.key << " " << name << ": " << printable(value)
          << "\ninstead: " << (found.contains(name) ? printable(found.at(name)) : "nothing");
    }
    for (const auto& [name, value] : found) {
      EXPECT_TRUE(expected.contains(name) || name.starts_with("select\\"))
          << hive.key << " " << name << ": " << printable(value);
    }
  }
  const Values software = values_in(main_os / "Windows/System32/config/SOFTWARE");
  EXPECT_EQ(software.at(R"(readback\hex)"), "DWORD 0x00000010") << "a number without 0x is in hexadecimal";
  EXPECT_EQ(software.at(R"(microsoft\windows nt\currentversion\svchost\readbackgroup)"), "MULTI_SZ FirstSvc|SecondSvc");
  const ToolRun number =
      run_tool(fmt::format("hivexget {} '\\ControlSet001\\Control\\ReadBack' Set", (main_os / hives[0].file).string()));
  EXPECT_EQ(number.output, "7\n");
}

std::string little_endian(std::uint64_t number, std::size_t bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) out += i < 8 ? static_cast<char>(number >> (8 * i) & 0xFFU) : '\0';
  return out;
}

/// A GUID of sfdisk's as it lies in a boot store.
std::string guid_bytes(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) != 0) digits += c;
  }
  std::string out;
  constexpr std::array<std::size_t, 16> order{6, 4, 2, 0, 10, 8, 14, 12, 16, 18, 20, 22, 24, 26, 28, 30};
  for (const std::size_t at : order) {
    out += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
  }
  return out;
}

/// What follows `key=` in sfdisk's words.
std::string word_after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return {};
  const std::size_t from = text.find_first_not_of(' ', at + key.size());
  return text.substr(from, text.find_first_of(" ,\n", from) - from);
}

TEST_P(ReadBack, each_boot_setting_is_what_the_packages_and_the_table_say) {
  const Values store = values_in(unpacked("EFIESP") / "EFI/Microsoft/Boot/BCD");
  const std::string table = run_tool("sfdisk --dump " + disk_.string()).output;
  const bool gpt = word_after(table, "label:") == "gpt";
  const std::string row = table.substr(table.find(fmt::format("start={:>12}", partition("MainOS").start.value / 512)));
  const std::string id =
      gpt ? guid_bytes(word_after(row, "uuid=")) : little_endian(std::stoull(word_after(row, "start=")) * 512, 16);
  const std::string disk = gpt ? guid_bytes(word_after(table, "label-id:"))
                               : little_endian(std::stoull(word_after(table, "label-id:"), nullptr, 16), 16);
  const std::string device = std::string(16, '\0') + little_endian(6, 8) + little_endian(0x48, 8) + id +
                             little_endian(0, 4) + little_endian(gpt ? 0 : 1, 4) + disk + std::string(16, '\0');
  const std::string mmos = R"(objects\{a5935ff2-32ba-4617-bf36-5ac314b3f9bf}\)";
  const std::string manager = R"(objects\{9dea862c-5cdd-4e70-acc1-f32b344d4795}\)";
  const std::string global = R"(objects\{7ea2e1ac-2e61-4728-aaa3-896d9d0a9f0e}\)";
  const std::string yes = std::string{"BINARY "} + '\1';
  const Values expected{
      {R"(description\keyname)", "SZ BCD00000000"},
      {R"(description\system)", "DWORD 0x00000001"},
      {R"(description\treatassystem)", "DWORD 0x00000001"},
      {mmos + R"(description\type)", "DWORD 0x10200003"},
      {mmos + R"(elements\12000004\element)", "SZ Starts MainOS"},
      {mmos + R"(elements\250000c2\element)", "BINARY " + little_endian(1, 8)},
      {mmos + R"(elements\26000010\element)", yes},
      {mmos + R"(elements\21000001\element)", "BINARY " + device},
      {manager + R"(description\type)", "DWORD 0x10100002"},
      {manager + R"(elements\16000069\element)", yes},
      {manager + R"(elements\16000049\element)", yes},
      {global + R"(description\type)", "DWORD 0x20100000"},
      {global + R"(elements\16000049\element)", yes},
  };
  EXPECT_EQ(store, expected);
}

INSTANTIATE_TEST_SUITE_P(Boards, ReadBack,
                         ::testing::Values(Board{"RPi2", "arm", "SampleA", place_mbr_board},
                                           Board{"MinnowBoard", "x64", "Minnow", place_gpt_board}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::imaging
