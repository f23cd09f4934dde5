// In what packages differ, change by change; and sets of them.

#include "imaging/package/compare_packages.h"

#include <functional>
#include <gmock/gmock.h>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/cab.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

PackageFile file_of(std::string path, std::string_view text) {
  PackageFile file{.device_path = std::move(path), .source = bytes_of(text), .size = text.size()};
  file.digest = sha256(bytes_of(text));
  return file;
}

RegistryValue dword(std::string name, std::uint8_t number) {
  return {.name = std::move(name),
          .type = RegistryType::dword,
          .data = {std::byte{number}, std::byte{0}, std::byte{0}, std::byte{0}}};
}

Package panel(std::string name = "Contoso.Panel.App") {
  Package package;
  package.identity = {.owner = "Contoso",
                      .component = "Panel",
                      .sub_component = "App",
                      .culture = {},
                      .resolution = {},
                      .version = {10, 0, 0, 1},
                      .name = std::move(name)};
  package.files = {file_of(R"(\Windows\a.txt)", "one"), file_of(R"(\Windows\b.txt)", "two")};
  package.directories = {{R"(\Data\Logs)", 0}};
  package.registry = {{R"(HKEY_LOCAL_MACHINE\SOFTWARE\Contoso)", {dword("A", 1)}}};
  return package;
}

struct Row {
  const char* name;
  std::function<void(Package&)> change;
  const char* expected;  ///< a line each; empty: no difference
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }
class ComparePackages : public ::testing::TestWithParam<Row> {};

std::string line_of(const PackageChange& change) {
  const char* const how = !change.before ? "+" : !change.after ? "-" : "~";
  return fmt::format("{} {} {}\n", how, name_of(change.what), change.where);
}

INSTANTIATE_TEST_SUITE_P(
    Package, ComparePackages,
    ::testing::Values(
        Row{"nothing", [](Package&) {}, ""}, Row{"version_alone", [](Package& p) { p.identity.version.build = 9; }, ""},
        Row{"case_of_a_path", [](Package& p) { p.files[0].device_path = R"(\WINDOWS\A.txt)"; }, ""},
        Row{"order_of_files", [](Package& p) { std::swap(p.files[0], p.files[1]); }, ""},
        Row{"file_added", [](Package& p) { p.files.push_back(file_of(R"(\Windows\c.txt)", "x")); },
            "+ file \\Windows\\c.txt\n"},
        Row{"file_removed", [](Package& p) { p.files.pop_back(); }, "- file \\Windows\\b.txt\n"},
        Row{"file_changed", [](Package& p) { p.files[0] = file_of(R"(\Windows\a.txt)", "eno"); },
            "~ file \\Windows\\a.txt\n"},
        Row{"file_attributes", [](Package& p) { p.files[0].attributes = file_attribute::hidden; },
            "~ file \\Windows\\a.txt\n"},
        Row{"file_moved", [](Package& p) { p.files[0].device_path = R"(\Windows\d.txt)"; },
            "- file \\Windows\\a.txt\n+ file \\Windows\\d.txt\n"},
        Row{"folder_removed", [](Package& p) { p.directories.clear(); }, "- folder \\Data\\Logs\n"},
        Row{"value_changed", [](Package& p) { p.registry[0].values[0] = dword("a", 2); },
            "~ registry value HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\\a\n"},
        Row{"value_type", [](Package& p) { p.registry[0].values[0].type = RegistryType::binary; },
            "~ registry value HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\\A\n"},
        Row{"default_value_added", [](Package& p) { p.registry[0].values.push_back(dword("", 2)); },
            "+ registry value HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\\@\n"},
        Row{"key_removed", [](Package& p) { p.registry.clear(); },
            "- registry key HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\n"
            "- registry value HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso\\A\n"},
        Row{"empty_key_added", [](Package& p) { p.registry.push_back({R"(HKEY_LOCAL_MACHINE\SOFTWARE\Empty)", {}}); },
            "+ registry key HKEY_LOCAL_MACHINE\\SOFTWARE\\Empty\n"},
        Row{"boot_store_added", [](Package& p) { p.bcd = file_of("b.bcd.xml", "<a/>"); }, "+ file (boot store)\n"},
        Row{"raw_image_added", [](Package& p) { p.raw_image = file_of("raw", "raw"); }, "+ file (partition)\n"},
        Row{"partition", [](Package& p) { p.identity.partition = "Data"; }, "~ identity partition\n"},
        Row{"release_type", [](Package& p) { p.identity.release_type = ReleaseType::test; },
            "~ identity release type\n"},
        Row{"cpu", [](Package& p) { p.identity.cpu = CpuType::amd64; }, "~ identity cpu\n"}),
    [](const auto& row) { return row.param.name; });

TEST_P(ComparePackages, tells_each_change) {
  const Package before = panel();
  Package after = before;
  GetParam().change(after);
  std::string lines;
  for (const PackageChange& change : compare_packages(before, after)) lines += line_of(change);
  EXPECT_EQ(lines, GetParam().expected);
  EXPECT_EQ(content_digest(before) == content_digest(after), lines.empty());
}

TEST(ComparePackages, a_feature_identifier_is_its_list_of_names) {
  Package before = panel();
  before.members = {"group BASE", "Contoso.A 10.0.0.1 " + std::string(64, '0')};
  Package after = before;
  after.members[1] = "Contoso.A 10.0.0.2 " + std::string(64, '1');
  EXPECT_THAT(compare_packages(before, after), IsEmpty());
  after.members.push_back("Contoso.B 10.0.0.2 " + std::string(64, '2'));
  const auto changes = compare_packages(before, after);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].where, "Contoso.B");
}

TEST(ComparePackages, values_are_told_in_words) {
  Package after = panel();
  after.registry[0].values[0].data[0] = std::byte{0x10};
  const auto changes = compare_packages(panel(), after);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(*changes[0].before, "type 4 01000000");
  EXPECT_EQ(*changes[0].after, "type 4 10000000");
}

class CompareSets : public ::testing::Test {
 protected:
  void put(const char* folder, const Package& package, std::time_t time = 0) const {
    fs::create_directories(folder_ / folder);
    const auto written = write_cab(folder_ / folder / (package.identity.name + ".cab"), package, {.time = time});
    ASSERT_TRUE(written) << written.error().detail;
  }
  std::vector<PackageDifference> compare() const {
    const auto before = read_package_set(folder_ / "old");
    const auto after = read_package_set(folder_ / "new");
    EXPECT_TRUE(before && after);
    return compare_sets(*before, *after);
  }
  fakes::TempFolder folder_{"/tmp"};
};

TEST_F(CompareSets, finds_what_came_went_and_changed) {
  put("old", panel("A.Same"));
  put("old", panel("A.Gone"));
  put("old", panel("A.Changed"));
  put("old", panel("A.Raised"));
  put("new", panel("A.Same"), 1'000'000'000);  // made at another time: not another package
  put("new", panel("A.New"));
  Package changed = panel("A.Changed");
  changed.identity.version.build = 2;
  changed.files.pop_back();
  put("new", changed);
  Package raised = panel("A.Raised");
  raised.identity.version.build = 2;
  put("new", raised);
  const auto differences = compare();
  ASSERT_EQ(differences.size(), 4U);
  EXPECT_EQ(differences[0].name, "A.Changed");
  EXPECT_EQ(differences[0].changes.size(), 1U);
  EXPECT_FALSE(differences[1].after) << differences[1].name;
  EXPECT_FALSE(differences[2].before) << differences[2].name;
  EXPECT_THAT(differences[3].changes, IsEmpty());
  EXPECT_TRUE(require_raised(differences));
}

TEST_F(CompareSets, a_changed_package_needs_a_higher_version) {
  put("old", panel("A.Same"));
  Package back = panel("A.Back");
  back.identity.version.build = 7;
  put("old", back);
  Package changed = panel("A.Same");
  changed.files.pop_back();
  put("new", changed);
  Package lower = panel("A.Back");
  lower.files.pop_back();
  put("new", lower);
  const Status status = require_raised(compare());
  ASSERT_FALSE(status);
  EXPECT_EQ(code_of(status.error().code), code_of(errc::package_not_raised));
  EXPECT_THAT(status.error().detail, HasSubstr("A.Back went back from 10.0.0.7 to 10.0.0.1"));
  EXPECT_THAT(status.error().detail, HasSubstr("A.Same is still 10.0.0.1"));
}

TEST_F(CompareSets, takes_a_package_by_itself_and_refuses_what_is_no_set) {
  put("old", panel("A.Same"));
  EXPECT_EQ(read_package_set(folder_ / "old/A.Same.cab")->size(), 1U);
  fs::create_directory(folder_ / "empty");
  EXPECT_EQ(read_package_set(folder_ / "empty").error().code, errc::package_set);
  fs::copy(folder_ / "old/A.Same.cab", folder_ / "old/copy.cab");
  const auto twice = read_package_set(folder_ / "old");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, errc::package_set);
  EXPECT_THAT(twice.error().detail, HasSubstr("copy.cab"));
}

}  // namespace
}  // namespace flashline::imaging
