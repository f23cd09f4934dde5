// Every wm.xml of the published workspaces: what each builds, or which file it lacks.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "imaging/core/errors/build.h"
#include "imaging/package/definition.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/package/package_text.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

const fs::path published = FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace";
const fs::path golden = FLASHLINE_SOURCE_DIR "/tests/golden/package/";

std::string content_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream{path, std::ios::binary}.rdbuf();
  return text.str();
}

/// A line of definitions.txt: definition | cpu | folder of the payload | what it lacks | how many files and keys.
struct Row {
  std::string definition;
  std::string cpu;
  std::string payload;
  std::string lacks;
  std::string holds;
};

std::string trimmed_cell(std::string cell) {
  cell.erase(0, cell.find_first_not_of(' '));
  cell.erase(cell.find_last_not_of(' ') + 1);
  return cell;
}

std::vector<Row> rows() {
  std::vector<Row> found;
  std::istringstream text{content_of(golden / "definitions.txt")};
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::vector<std::string> cells;
    std::istringstream in{line};
    for (std::string cell; std::getline(in, cell, '|');) cells.push_back(trimmed_cell(cell));
    cells.resize(5);
    found.push_back({cells[0], cells[1], cells[2], cells[3], cells[4]});
  }
  return found;
}

/// What the kit's build gives every package of a workspace.
DefinitionInputs inputs(const fs::path& root, const Row& row) {
  DefinitionInputs in;
  const std::string workspace = (root / "iot-adk-addonkit/Workspace").string();
  in.dollars.set("OEMNAME", "Contoso");
  in.dollars.set("PROD", "SampleA");
  in.dollars.set("PRJDIR", workspace + "/Source-" + (row.cpu == "amd64" ? "x64" : row.cpu));
  in.dollars.set("COMDIR", workspace + "/Common");
  in.dollars.set("BSPVER", "10.0.1.2");
  in.dollars.set("BSPARCH", row.cpu);
  in.dollars.set("BUILDTIME", "20261123-0400");
  in.dollars.set("BLDDIR", (root / "build").string());
  in.version = Version{10, 0, 1, 2};
  in.cpu = cpu_of(row.cpu).value_or(CpuType::arm);
  if (row.payload != "-") in.payload_root = root / row.payload;
  return in;
}

Result<std::vector<Package>> read(const fs::path& root, const Row& row) {
  return read_definition(root / row.definition, inputs(root, row));
}

/// The published tree with room for what a build makes, and the INFs where board packages look for them.
class Copy {
 public:
  Copy() {
    fs::copy(published, root(), fs::copy_options::recursive);
    fs::create_directories(root() / "build/ppkgs");
    const std::string sdhc = "imx-iotcore/driver/sd/imxusdhc/imxusdhc.inf";
    const std::string timers = "imx-iotcore/hals/halext/HalExtiMX6Timers/HalExtiMX6Timers.inf";
    const std::string power = "imx-iotcore/driver/power/imx6pep/sys/mx6pep.inf";
    for (const auto& [to, from] :
         {std::pair<std::string, std::string>{"imxusdhc", sdhc},
          {"USDHC", sdhc},
          {"HalExtiMX6Timers", timers},
          {"HalExtTimers", timers},
          {"HalExtiMX7Timers", "imx-iotcore/hals/halext/HalExtiMX7Timers/HalExtiMX7Timers.inf"},
          {"mx6pep", power},
          {"Power", power},
          {"rpi", "rpi-iotcore/drivers/sd/bcm2836/bcm2836sdhc/bcm2836sdhc.inf"},
          {"rpi", "rpi-iotcore/drivers/sd/bcm2836/rpisdhc/rpisdhc.inf"},
          {"release", sdhc}}) {
      fs::create_directories(root() / "out" / to);
      fs::copy(published / from, root() / "out" / to);
    }
  }

  fs::path root() const { return folder_ / "tree"; }

 private:
  fakes::TempFolder folder_;
};

/// Makes the file that an error says is not there; its path, or nothing when the error says something else.
fs::path make_missing(const Error& error) {
  const std::size_t name = error.detail.rfind(": there is no '");
  if (error.code != errc::input_missing || name == std::string::npos) return {};
  const std::size_t start = name + 15;
  const std::size_t end = error.detail.find("' in ", start);
  const std::string leaf = error.detail.substr(start, end - start);
  const fs::path folder = error.detail.substr(end + 5);
  fs::create_directories(folder);
  std::ofstream{folder / leaf} << "stand-in of " << leaf << "\n";
  return folder / leaf;
}

std::string leaf_lists(const std::vector<std::string>& names) {
  return names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, " "));
}

TEST(EveryDefinition, is_in_the_table) {
  std::vector<std::string> listed;
  for (const Row& row : rows()) listed.push_back(row.definition);
  std::vector<std::string> there;
  for (const auto& entry : fs::recursive_directory_iterator{published}) {
    const std::string path = fs::relative(entry.path(), published).string();
    if (path.ends_with(".wm.xml")) there.push_back(path);
  }
  std::ranges::sort(there);
  std::ranges::sort(listed);
  EXPECT_EQ(there, listed);
}

TEST(EveryDefinition, builds_or_names_the_first_file_that_is_missing) {
  for (const Row& row : rows()) {
    const auto packages = read(published, row);
    if (row.lacks == "nothing") {
      EXPECT_TRUE(packages) << row.definition << ": " << packages.error().detail;
      continue;
    }
    ASSERT_FALSE(packages) << row.definition;
    EXPECT_EQ(packages.error().code, errc::input_missing) << row.definition << ": " << packages.error().detail;
    const std::string first = row.lacks.substr(0, row.lacks.find(' '));
    EXPECT_TRUE(packages.error().detail.contains(first)) << row.definition << ": " << packages.error().detail;
  }
}

TEST(EveryDefinition, builds_with_stand_ins_for_what_is_missing) {
  const Copy copy;
  for (const Row& row : rows()) {
    std::vector<std::string> made;
    std::vector<fs::path> stand_ins;
    auto packages = read(copy.root(), row);
    while (!packages) {
      stand_ins.push_back(make_missing(packages.error()));
      ASSERT_FALSE(stand_ins.back().empty()) << row.definition << ": " << packages.error().detail;
      made.push_back(stand_ins.back().filename());
      packages = read(copy.root(), row);
    }
    const Package& package = packages->front();
    std::size_t values = 0;
    for (const RegistryKey& key : package.registry) values += key.values.size();
    const std::string holds = fmt::format("{} {}: {} files, {} keys, {} values{}{}", package.identity.name,
                                          package.identity.partition, package.files.size(), package.registry.size(),
                                          values, package.raw_image ? ", raw image" : "", package.bcd ? ", bcd" : "");
    EXPECT_EQ(row.holds, holds) << row.definition << " | " << row.cpu << " | " << row.payload << " | "
                                << leaf_lists(made);
    for (const std::string& name : made) EXPECT_TRUE(row.lacks.contains(name)) << row.definition << " lacks " << name;
    for (const PackageFile& file : package.files) {
      const auto& path = std::get<fs::path>(file.source);
      EXPECT_EQ(fs::file_size(path), file.size) << path;
      const std::string content = content_of(path);
      EXPECT_EQ(sha256(std::as_bytes(std::span{content})), file.digest) << path;
    }
    for (const fs::path& stand_in : stand_ins) fs::remove(stand_in);
  }
}

}  // namespace
}  // namespace flashline::imaging
