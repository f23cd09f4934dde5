// Board support packages from outside: what has to be there, what may not be, and that nothing lands elsewhere.

#include "imaging/build/import_bsp.h"

#include <archive.h>
#include <archive_entry.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

#include "imaging/core/errors/build.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"

namespace flashline::imaging {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

const fs::path data{FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace"};

std::string text_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// Files below a folder, relative.
std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> names;
  if (!fs::exists(folder)) return names;
  for (const auto& entry : fs::recursive_directory_iterator{folder}) {
    if (!entry.is_directory()) names.push_back(entry.path().lexically_relative(folder).generic_string());
  }
  std::ranges::sort(names);
  return names;
}

std::string list_xml(std::string_view cpu = "ARM", std::string_view path = "$(FMDirectory)\\BoardFM.xml") {
  return "<FMCollectionManifest><FMs><FM ID=\"B\" Path=\"" + std::string{path} + "\" CPUType=\"" + std::string{cpu} +
         "\"/></FMs></FMCollectionManifest>";
}
constexpr std::string_view manifest =
    "<FeatureManifest "
    "xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\"><BasePackages/></FeatureManifest>";

using Files = std::map<std::string, std::string>;

/// The smallest BSP.
Files board() {
  return {{"Packages/BoardFM.xml", std::string{manifest}},
          {"Packages/BoardFMFileList.xml", list_xml()},
          {"OEMInputSamples/TestOEMInput.xml", "<OEMInput/>"}};
}

struct Member {
  std::string name;
  std::string text;
  int type = AE_IFREG;
};

/// A zip as a stranger would make it: any names, links too.
fs::path zip_of(const fakes::TempFolder& folder, const std::vector<Member>& members) {
  const fs::path path = folder / "bsp.zip";
  archive* const writer = archive_write_new();
  archive_write_set_format_zip(writer);
  archive_write_open_filename(writer, path.c_str());
  for (const Member& member : members) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_filetype(entry, static_cast<unsigned>(member.type));
    archive_entry_set_perm(entry, 0644);
    if (member.type == AE_IFLNK) archive_entry_set_symlink(entry, member.text.c_str());
    if (member.type == AE_IFREG) archive_entry_set_size(entry, static_cast<la_int64_t>(member.text.size()));
    archive_write_header(writer, entry);
    if (member.type == AE_IFREG) archive_write_data(writer, member.text.data(), member.text.size());
    archive_entry_free(entry);
  }
  archive_write_free(writer);
  return path;
}
fs::path zip_of(const fakes::TempFolder& folder, const Files& files, const std::vector<Member>& more = {}) {
  std::vector<Member> members;
  for (const auto& [name, text] : files) members.push_back({name, text});
  members.insert(members.end(), more.begin(), more.end());
  return zip_of(folder, members);
}

fs::path folder_of(const fakes::TempFolder& folder, const Files& files) {
  for (const auto& [name, text] : files) folder.file(fs::path{"from"} / name, text);
  return folder / "from";
}

class ImportBsp : public ::testing::Test {
 protected:
  Result<ImportedBsp> run(const fs::path& source, CpuType cpu = CpuType::arm, std::string_view name = "Board") {
    return import_bsp(source, workspace(), cpu, name);
  }
  fs::path workspace() const { return folder_ / "ws"; }
  /// Everything in the workspace.
  std::vector<std::string> landed() const { return files_below(workspace()); }

  /// Refused with this code; nothing is left.
  void refuse(const fs::path& source, Errc code, std::string_view detail, CpuType cpu = CpuType::arm,
              std::string_view name = "Board") {
    const auto imported = run(source, cpu, name);
    ASSERT_FALSE(imported);
    EXPECT_EQ(code_of(imported.error().code), code_of(code)) << imported.error().detail;
    EXPECT_THAT(imported.error().detail, HasSubstr(detail));
    EXPECT_THAT(landed(), IsEmpty());
    const fs::path bsps = workspace() / "Source-arm/BSP";
    if (fs::exists(bsps)) EXPECT_TRUE(fs::is_empty(bsps)) << "a folder was left";
  }

  fakes::TempFolder folder_;
};

TEST_F(ImportBsp, ReadsWhatTheFirmwareWillRead) {
  auto files = board();
  files["OEMInputSamples/SMBIOS.CFG"] = "CFG:01.01\nnonsense\n";
  refuse(folder_of(folder_, files), errc::smbios_config, "SMBIOS.CFG:2:");
}

TEST_F(ImportBsp, TakesAFolder) {
  auto files = board();
  files["Packages/Board.Drivers/x.wm.xml"] = "<identity/>";
  const auto imported = run(folder_of(folder_, files));
  ASSERT_TRUE(imported) << imported.error().detail;
  EXPECT_EQ(imported->folder, workspace() / "Source-arm/BSP/Board");
  EXPECT_THAT(imported->feature_manifests, ElementsAre("BoardFM.xml"));
  EXPECT_EQ(imported->files, 4U);
  EXPECT_EQ(imported->stripped, 0U);
  EXPECT_THAT(landed(), ElementsAre("Source-arm/BSP/Board/OEMInputSamples/TestOEMInput.xml",
                                    "Source-arm/BSP/Board/Packages/Board.Drivers/x.wm.xml",
                                    "Source-arm/BSP/Board/Packages/BoardFM.xml",
                                    "Source-arm/BSP/Board/Packages/BoardFMFileList.xml"));
  EXPECT_EQ(text_of(imported->folder / "Packages/BoardFM.xml"), manifest);
}

TEST_F(ImportBsp, TakesAZipWithTheBspDeepInside) {
  Files files;
  for (const auto& [name, text] : board()) files["board-1.0/bspfiles/" + name] = text;
  files["board-1.0/README.md"] = "not part of the BSP";
  const auto imported = run(zip_of(folder_, files));
  ASSERT_TRUE(imported) << imported.error().detail;
  EXPECT_THAT(landed(), ElementsAre("Source-arm/BSP/Board/OEMInputSamples/TestOEMInput.xml",
                                    "Source-arm/BSP/Board/Packages/BoardFM.xml",
                                    "Source-arm/BSP/Board/Packages/BoardFMFileList.xml"));
}

TEST_F(ImportBsp, TakesAZipOfWindowsPathsInAnyCase) {
  const auto imported = run(zip_of(folder_, Files{{"packages\\boardfm.XML", std::string{manifest}},
                                                  {"Packages\\BOARDFMFileList.xml", list_xml()},
                                                  {"oeminputSAMPLES\\testoeminput.xml", "<OEMInput/>"}}));
  ASSERT_TRUE(imported) << imported.error().detail;
  // One folder, as its first member spells it (members are in order of their bytes here).
  EXPECT_THAT(landed(), ElementsAre("Source-arm/BSP/Board/Packages/BOARDFMFileList.xml",
                                    "Source-arm/BSP/Board/Packages/boardfm.XML",
                                    "Source-arm/BSP/Board/oeminputSAMPLES/testoeminput.xml"));
  EXPECT_THAT(imported->feature_manifests, ElementsAre("boardfm.XML"));
}

TEST_F(ImportBsp, UsesTheFoldersThatAreThereInAnyCase) {
  fs::create_directories(workspace() / "source-ARM/bsp");
  const auto imported = run(folder_of(folder_, board()));
  ASSERT_TRUE(imported) << imported.error().detail;
  EXPECT_EQ(imported->folder, workspace() / "source-ARM/bsp/Board");
}

TEST_F(ImportBsp, Amd64IsX64InAWorkspace) {
  auto files = board();
  files["Packages/BoardFMFileList.xml"] = list_xml("AMD64");
  const auto imported = run(folder_of(folder_, files), CpuType::amd64);
  ASSERT_TRUE(imported) << imported.error().detail;
  EXPECT_EQ(imported->folder, workspace() / "Source-x64/BSP/Board");
}

TEST_F(ImportBsp, TakesOutWhatAMergerAdded) {
  auto files = board();
  files["Packages/BoardFM.xml"] =
      "\xEF\xBB\xBF<FeatureManifest xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\">\r\n"
      "  <BasePackages>\r\n"
      "    <PackageFile Path=\"%A%\" Name=\"Keep1.cab\" />\r\n"
      "    <PackageFile Path=\"a>b\" Name=\"Gone1.cab\" FeatureIdentifierPackage=\"true\" />\r\n"
      "    <!-- <PackageFile Name=\"Remark.cab\" FeatureIdentifierPackage=\"true\"/> -->\r\n"
      "    <packagefile Name='Gone2.cab' featureIdentifierPackage='True'>\r\n"
      "      <!-- </PackageFile> --><FeatureIDs><FeatureID>F</FeatureID></FeatureIDs>\r\n"
      "    </packagefile><PackageFile Name=\"Keep2.cab\" FeatureIdentifierPackage=\"false\"/>\r\n"
      "  </BasePackages>\r\n"
      "</FeatureManifest>\r\n";
  const auto imported = run(folder_of(folder_, files));
  ASSERT_TRUE(imported) << imported.error().detail;
  EXPECT_EQ(imported->stripped, 1U);
  EXPECT_EQ(text_of(imported->folder / "Packages/BoardFM.xml"),
            "\xEF\xBB\xBF<FeatureManifest xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\">\r\n"
            "  <BasePackages>\r\n"
            "    <PackageFile Path=\"%A%\" Name=\"Keep1.cab\" />\r\n"
            "    <!-- <PackageFile Name=\"Remark.cab\" FeatureIdentifierPackage=\"true\"/> -->\r\n"
            "    <PackageFile Name=\"Keep2.cab\" FeatureIdentifierPackage=\"false\"/>\r\n"
            "  </BasePackages>\r\n"
            "</FeatureManifest>\r\n");
}

struct Real {
  const char* name;
  const char* folder;
  CpuType cpu;
};
class ImportRealBsp : public ImportBsp, public ::testing::WithParamInterface<Real> {};

TEST_P(ImportRealBsp, ByteForByte) {
  const fs::path source = data / GetParam().folder;
  const auto imported = run(source, GetParam().cpu, GetParam().name);
  ASSERT_TRUE(imported) << imported.error().detail;
  EXPECT_EQ(files_below(imported->folder), files_below(source));
  EXPECT_EQ(imported->stripped, 0U);
  for (const std::string& file : files_below(source))
    EXPECT_EQ(text_of(imported->folder / file), text_of(source / file));
}

INSTANTIATE_TEST_SUITE_P(
    Data, ImportRealBsp,
    ::testing::Values(Real{"RPi", "rpi-iotcore/bspfiles", CpuType::arm},
                      Real{"RPi2", "iot-adk-addonkit-17134/Source-arm/BSP/Rpi2", CpuType::arm},
                      Real{"QCDB410C", "iot-adk-addonkit/Workspace/Source-arm/BSP/QCDB410C", CpuType::arm},
                      Real{"MBM", "iot-adk-addonkit/Workspace/Source-x86/BSP/MBM", CpuType::x86},
                      Real{"mbmx64", "iot-adk-addonkit/Workspace/Source-x64/BSP/MBMx64", CpuType::amd64}),
    [](const auto& row) { return row.param.name; });

TEST_F(ImportBsp, TakesARealZip) {
  const fs::path zip = folder_ / "RPi.zip";
  const ToolRun made =
      run_tool("sh -c 'cd " + (data / "rpi-iotcore").string() + " && zip -qr " + zip.string() + " bspfiles'");
  ASSERT_EQ(made.code, 0) << made.output;
  const auto imported = run(zip, CpuType::arm, "RPi");
  ASSERT_TRUE(imported) << imported.error().detail;
  EXPECT_EQ(files_below(imported->folder), files_below(data / "rpi-iotcore/bspfiles"));
}

TEST_F(ImportBsp, RefusesWhatIsIncomplete) {
  for (const auto& [missing, detail] : Files{{"Packages/BoardFM.xml", "BoardFM.xml"},
                                             {"Packages/BoardFMFileList.xml", "no BoardFMFileList.xml"},
                                             {"OEMInputSamples/TestOEMInput.xml", "OEMInputSamples"}}) {
    SCOPED_TRACE(missing);
    const fakes::TempFolder from;
    auto files = board();
    files.erase(missing);
    refuse(folder_of(from, files), errc::bsp_incomplete, detail);
  }
}

TEST_F(ImportBsp, RefusesAListThatNamesNothing) {
  auto files = board();
  files["Packages/BoardFMFileList.xml"] = "<FMCollectionManifest><FMs/></FMCollectionManifest>";
  refuse(folder_of(folder_, files), errc::bsp_incomplete, "names no manifest");
}

TEST_F(ImportBsp, RefusesAManifestElsewhere) {
  for (const char* const path :
       {"..\\BoardFM.xml", "$(FMDirectory)\\..\\BoardFM.xml", "C:\\BoardFM.xml", "$(FMDirectory)\\..", ""}) {
    SCOPED_TRACE(path);
    const fakes::TempFolder from;
    auto files = board();
    files["Packages/BoardFMFileList.xml"] = list_xml("ARM", path);
    refuse(folder_of(from, files), errc::bsp_incomplete, "BoardFMFileList.xml:1:");
  }
}

TEST_F(ImportBsp, RefusesTwoListsOfThatName) {
  auto files = board();
  files["old/BoardFMFileList.xml"] = list_xml();
  refuse(folder_of(folder_, files), errc::bsp_incomplete, "which of the two");
}

TEST_F(ImportBsp, RefusesAnotherProcessor) {
  refuse(folder_of(folder_, board()), errc::bsp_cpu, "CPUType 'ARM' where arm64 is due", CpuType::arm64);
}

TEST_F(ImportBsp, RefusesAProcessorInSmallLetters) {
  auto files = board();
  files["Packages/BoardFMFileList.xml"] = list_xml("arm");
  refuse(folder_of(folder_, files), errc::bsp_cpu, "CPUType 'arm'");
}

TEST_F(ImportBsp, RefusesBrokenXml) {
  auto files = board();
  files["Packages/BoardFMFileList.xml"] = "<FMs>";
  refuse(folder_of(folder_, files), errc::xml_not_well_formed, "BoardFMFileList.xml");
}

TEST_F(ImportBsp, RefusesABrokenManifestAtTheLastStep) {
  auto files = board();
  files["Packages/BoardFM.xml"] = "<FeatureManifest>";
  refuse(folder_of(folder_, files), errc::xml_not_well_formed, "BoardFM.xml");
}

TEST_F(ImportBsp, RefusesASecondOfThatName) {
  ASSERT_TRUE(run(folder_of(folder_, board())));
  const auto before = landed();
  const auto again = run(folder_ / "from", CpuType::arm, "BOARD");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::bsp_exists);
  EXPECT_EQ(landed(), before);
}

TEST_F(ImportBsp, RefusesNamesThatAreNoNames) {
  const fs::path from = folder_of(folder_, board());
  for (const char* const name : {"", "..", ".hidden", "a/b", "a\\b", "a b", "C:"}) {
    SCOPED_TRACE(name);
    refuse(from, errc::bsp_incomplete, "cannot be the name", CpuType::arm, name);
  }
}

TEST_F(ImportBsp, RefusesSourcesThatAreNone) {
  refuse(folder_ / "missing", errc::bsp_source, "missing");
  refuse(folder_.file("text.zip", "no zip at all"), errc::bsp_source, "text.zip");
  refuse("/dev/null", errc::bsp_source, "/dev/null");
}

TEST_F(ImportBsp, RefusesATruncatedZip) {
  const fs::path zip = zip_of(folder_, board());
  fs::resize_file(zip, fs::file_size(zip) - 60);
  refuse(zip, errc::bsp_source, "bsp.zip");
}

struct Hostile {
  const char* name;
  Member member;
  const char* detail;
};
class ImportHostileZip : public ImportBsp, public ::testing::WithParamInterface<Hostile> {};

TEST_P(ImportHostileZip, IsRefusedAndLeavesNothingAnywhere) {
  refuse(zip_of(folder_, board(), {GetParam().member}), errc::bsp_member, GetParam().detail);
  for (const auto& entry : fs::directory_iterator{folder_.path()}) {
    EXPECT_TRUE(entry.path().filename() == "ws" || entry.path().filename() == "bsp.zip") << entry.path();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Members, ImportHostileZip,
    ::testing::Values(Hostile{"upwards", {"../../../../evil.txt", "x"}, "no path inside"},
                      Hostile{"upwards_in_between", {"Packages/../../evil.txt", "x"}, "no path inside"},
                      Hostile{"upwards_the_windows_way", {"Packages\\..\\..\\evil.txt", "x"}, "no path inside"},
                      Hostile{"absolute", {"/tmp/evil.txt", "x"}, "absolute"},
                      Hostile{"absolute_the_windows_way", {"\\tmp\\evil.txt", "x"}, "absolute"},
                      Hostile{"drive", {"C:/evil.txt", "x"}, "no path inside"},
                      Hostile{"stream", {"Packages/a.txt:evil", "x"}, "no path inside"},
                      Hostile{"folder_upwards", {"../evil/", "", AE_IFDIR}, "no path inside"},
                      Hostile{"link", {"Packages/link", "/etc", AE_IFLNK}, "neither a file nor a folder"},
                      Hostile{"same_name", {"packages/BOARDFM.xml", "x"}, "twice"},
                      Hostile{"file_for_a_folder", {"PACKAGES", "x"}, "twice"},
                      Hostile{"file_as_a_folder", {"Packages/BoardFM.xml/x", "x"}, "a file and a folder"}),
    [](const auto& row) { return row.param.name; });

TEST_F(ImportBsp, RefusesLinksInAFolder) {
  const fs::path from = folder_of(folder_, board());
  fs::create_symlink("/etc/passwd", from / "Packages/link.txt");
  refuse(from, errc::bsp_member, "link.txt");
  fs::remove(from / "Packages/link.txt");
  fs::create_directory_symlink("/etc", from / "Packages/etc");
  refuse(from, errc::bsp_member, "etc");
}

TEST_F(ImportBsp, RefusesNamesOfAFolderThatDifferOnlyInCase) {
  auto files = board();
  files["Packages/a.txt"] = files["Packages/A.txt"] = "x";
  refuse(folder_of(folder_, files), errc::bsp_member, "twice");
}

TEST_F(ImportBsp, RefusesAWorkspaceThatCannotBeWritten) {
  const auto imported = import_bsp(folder_of(folder_, board()), folder_.file("ws", "a file"), CpuType::arm, "Board");
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, errc::bsp_write);
}

}  // namespace
}  // namespace flashline::imaging
