#include "imaging/filesystem/registry/offline_registry.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/filesystem/registry/build_hive.h"
#include "imaging/filesystem/registry/read_hive.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"
#include "tests/imaging/filesystem/registry/hives.h"

namespace flashline::imaging {
namespace {

using fakes::lines_of;
using fakes::noon;
using fakes::number_value;

struct Place {
  const char* name;
  std::string path;
  Hive hive;
  std::string key;
};
class HivePlaces : public ::testing::TestWithParam<Place> {};

TEST_P(HivePlaces, follow_the_root) {
  const auto& row = GetParam();
  const auto place = hive_place(row.path);
  ASSERT_TRUE(place) << place.error().detail;
  EXPECT_EQ(*place, (HivePlace{row.hive, row.key}));
}

INSTANTIATE_TEST_SUITE_P(
    OfflineRegistry, HivePlaces,
    ::testing::Values(
        Place{"system", R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Control)", Hive::system, R"(ControlSet001\Control)"},
        Place{"running_system", R"(HKEY_LOCAL_MACHINE\System\currentcontrolset\Services\x)", Hive::system,
              R"(ControlSet001\Services\x)"},
        Place{"running_system_itself", R"(HKLM\SYSTEM\CurrentControlSet)", Hive::system, "ControlSet001"},
        Place{"not_quite_running", R"(HKLM\SYSTEM\CurrentControlSet2\x)", Hive::system, R"(CurrentControlSet2\x)"},
        Place{"root_of_a_hive", R"(HKLM\SYSTEM)", Hive::system, ""},
        Place{"software", R"(hklm\software\Contoso\CurrentControlSet)", Hive::software, R"(Contoso\CurrentControlSet)"},
        Place{"classes", R"(HKEY_CLASSES_ROOT\.txt)", Hive::software, R"(Classes\.txt)"},
        Place{"classes_root", R"(HKCR)", Hive::software, "Classes"}, Place{"sam", R"(HKLM\SAM\SAM)", Hive::sam, "SAM"},
        Place{"security", R"(HKLM\SECURITY\Policy)", Hive::security, "Policy"},
        Place{"drivers", R"(HKLM\DRIVERS\DriverDatabase)", Hive::drivers, "DriverDatabase"},
        Place{"default_user", R"(HKEY_USERS\.DEFAULT\Console)", Hive::default_user, "Console"},
        Place{"default_user_short", R"(HKU\.Default\Console)", Hive::default_user, "Console"},
        Place{"new_users", R"(HKEY_CURRENT_USER\Software)", Hive::user, "Software"},
        Place{"boot", R"(HKEY_LOCAL_MACHINE\BCD\Objects)", Hive::boot, "Objects"},
        Place{"boot_numbered", R"(HKEY_LOCAL_MACHINE\BCD00000001\Objects)", Hive::boot, "Objects"}),
    [](const auto& row) { return row.param.name; });

TEST(OfflineRegistry, refuses_keys_that_no_file_holds) {
  for (const char* path : {"", "SYSTEM\\x", "HKEY_LOCAL_MACHINE", R"(HKLM\HARDWARE\x)", R"(HKLM\SOFTWAREx)",
                           R"(HKU\S-1-5-18)", R"(HKEY_CURRENT_CONFIG\x)", R"(\HKLM\SYSTEM)"}) {
    const auto place = hive_place(path);
    ASSERT_FALSE(place) << path;
    EXPECT_EQ(place.error().code, errc::hive_unknown);
    EXPECT_EQ(place.error().detail, "key '" + std::string{path} + "'");
  }
}

TEST(OfflineRegistry, puts_each_key_into_its_file) {
  OfflineRegistry registry;
  ASSERT_TRUE(registry.merge(
      std::vector<RegistryKey>{{R"(HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\kbdhid\Parameters)",
                                {number_value("CrashOnCtrlScroll", 1)}},
                               {R"(HKEY_LOCAL_MACHINE\SOFTWARE\Contoso\EmptyKey)", {}},
                               {R"(HKEY_CURRENT_USER\Software)", {}},
                               {R"(HKEY_LOCAL_MACHINE\BCD\Objects)", {}}},
      "Contoso.Settings"));
  const auto files = registry.build(noon);
  ASSERT_TRUE(files) << files.error().detail;
  fakes::Lines shown;
  for (const auto& file : *files) {
    const auto tree = read_hive(file.bytes, "x");
    ASSERT_TRUE(tree);
    shown.push_back(std::string{file.place.partition} + ":" + std::string{file.place.device_path});
    for (const std::string& line : lines_of(*tree)) shown.push_back(line);
  }
  EXPECT_THAT(
      shown,
      ::testing::ElementsAre(
          R"(MainOS:\Windows\System32\config\SYSTEM)", "", R"(\ControlSet001)", R"(\ControlSet001\Services)",
          R"(\ControlSet001\Services\kbdhid)", R"(\ControlSet001\Services\kbdhid\Parameters)",
          R"(\ControlSet001\Services\kbdhid\Parameters : CrashOnCtrlScroll = 4:01000000)", R"(\Select)",
          R"(\Select : Current = 4:01000000)", R"(\Select : Default = 4:01000000)", R"(\Select : Failed = 4:00000000)",
          R"(\Select : LastKnownGood = 4:01000000)", R"(MainOS:\Windows\System32\config\SOFTWARE)", "", R"(\Contoso)",
          R"(\Contoso\EmptyKey)", R"(MainOS:\Users\Default\NTUSER.DAT)", "", R"(\Software)",
          R"(EFIESP:\EFI\Microsoft\Boot\BCD)", "", R"(\Objects)"));
}

TEST(OfflineRegistry, hides_accounts_and_secrets_from_users) {
  const flashline::fakes::TempFolder folder;
  OfflineRegistry registry;
  ASSERT_TRUE(registry.merge(
      std::vector<RegistryKey>{{R"(HKLM\SAM\x)", {}}, {R"(HKLM\SECURITY\x)", {}}, {R"(HKLM\SOFTWARE\x)", {}}}, "p"));
  const auto files = registry.build(noon);
  ASSERT_TRUE(files);
  for (const auto& file : *files) {
    const auto list = run_tool("reglookup -s " + folder.file("hive", fakes::as_text(file.bytes)).string()).output;
    EXPECT_THAT(list, ::testing::HasSubstr("S-1-5-32-544:ALLOW"));
    EXPECT_EQ(list.contains("S-1-5-32-545:ALLOW"), file.place.name == "SOFTWARE") << file.place.name;
  }
}

TEST(OfflineRegistry, a_package_may_choose_the_control_set) {
  OfflineRegistry registry;
  ASSERT_TRUE(registry.merge(std::vector<RegistryKey>{{R"(HKLM\SYSTEM\Select)", {number_value("Default", 2)}}}, "p"));
  ASSERT_TRUE(registry.build(noon));
  EXPECT_EQ(registry.tree(Hive::system).find("Select", "Default")->data, number_value("", 2).data);
  EXPECT_EQ(registry.tree(Hive::system).find("Select", "Current")->data, number_value("", 1).data);
}

TEST(OfflineRegistry, merges_into_the_control_set_of_a_hive_that_a_package_brings) {
  RegistryTree base;
  ASSERT_TRUE(base.merge("Select", std::vector{number_value("Current", 3)}, "base"));
  OfflineRegistry registry;
  const auto hive = build_hive(base, "SYSTEM", noon);
  ASSERT_TRUE(registry.adopt(Hive::system, *hive, "Base.Hives"));
  ASSERT_TRUE(registry.merge(std::vector<RegistryKey>{{R"(HKLM\SYSTEM\CurrentControlSet\Enum)", {}}}, "p"));
  EXPECT_NE(registry.tree(Hive::system).find("ControlSet003\\Enum"), nullptr);
  const auto again = registry.adopt(Hive::system, *hive, "Other.Hives");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::hive_twice);
  EXPECT_EQ(again.error().detail, R"(Other.Hives brings \Windows\System32\config\SYSTEM)");
}

TEST(OfflineRegistry, says_who_brings_a_damaged_hive_or_a_bad_key) {
  OfflineRegistry registry;
  const auto adopted = registry.adopt(Hive::software, fakes::bytes_of("regf"), "Base.Hives");
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().detail, R"(\Windows\System32\config\SOFTWARE: Base.Hives: this is no registry hive)");
  const auto merged = registry.merge(std::vector<RegistryKey>{{R"(HKLM\HARDWARE)", {}}}, "Contoso.A");
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().detail, R"(Contoso.A: key 'HKLM\HARDWARE')");
  const auto unnamed = registry.merge(std::vector<RegistryKey>{{R"(HKLM\SOFTWARE\a\\b)", {}}}, "Contoso.A");
  ASSERT_FALSE(unnamed);
  EXPECT_EQ(unnamed.error().code, errc::registry_name);
}

}  // namespace
}  // namespace flashline::imaging
