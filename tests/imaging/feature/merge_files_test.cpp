#include "imaging/feature/merge_files.h"

#include <fstream>
#include <gmock/gmock.h>
#include <iterator>

#include "imaging/core/errors/feature.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/feature/feature_rig.h"

namespace flashline::imaging {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

class MergeFiles : public ::testing::Test {
 protected:
  MergeFiles() {
    write_package("Contoso.Driver", "MainOS");
    write_package("Contoso.Boot", "EFIESP");
    folder_.file(
        "list/InputFMs/BoardFM.xml",
        rig::manifest_xml("<BasePackages><PackageFile Path='%PKGBLD_DIR%' Name='%OEM_NAME%.Boot.cab'/></BasePackages>"
                          "<Features><OEM><PackageFile Path='%PKGBLD_DIR%' Name='Contoso.Driver.cab'><FeatureIDs>"
                          "<FeatureID>DRIVERS</FeatureID></FeatureIDs></PackageFile></OEM></Features>"));
    folder_.file("list/BoardFMFileList.xml",
                 "<FMCollectionManifest xmlns='http://schemas.microsoft.com/embedded/2004/10/ImageUpdate'><FMs>"
                 "<FM ID='Board' Path='$(FMDirectory)\\boardfm.xml' ReleaseType='Production' OwnerName='OEM_NAME' "
                 "OwnerType='OEM' CPUType='ARM'/></FMs></FMCollectionManifest>");
    inputs_.percents.set("PKGBLD_DIR", (folder_ / "cabs").string());
    inputs_.percents.set("OEM_NAME", "Contoso");
    inputs_.oem_name = "Contoso";
    inputs_.version = {10, 0, 0, 1};
  }
  void write_package(const std::string& name, const std::string& partition) {
    Package package;
    package.identity.owner = "Contoso";
    package.identity.component = name.substr(name.find('.') + 1);
    package.identity.name = name;
    package.identity.partition = partition;
    package.identity.version = {1, 2, 3, 4};
    PackageFile file;
    file.device_path = "\\a.txt";
    file.source = std::vector<std::byte>(3, std::byte{65});
    file.size = 3;
    file.digest = sha256(std::get<std::vector<std::byte>>(file.source));
    package.files.push_back(file);
    std::filesystem::create_directories(folder_ / "cabs");
    const auto status = write_cab(folder_ / "cabs" / (name + ".cab"), package, {.time = 1'700'000'000});
    ASSERT_TRUE(status) << status.error().detail;
  }
  Result<MergeResult> merge(const std::string& out) {
    return merge_files(folder_ / "list/BoardFMFileList.xml",
                       {{folder_ / "list/InputFMs"}, folder_ / out, folder_ / out / "MergedFMs"}, inputs_,
                       {.time = 1'700'000'000});
  }

  fakes::TempFolder folder_;
  MergeInputs inputs_;
};

TEST_F(MergeFiles, writes_identifier_packages_and_merged_manifests) {
  const auto merged = merge("out");
  ASSERT_TRUE(merged) << merged.error().detail;
  EXPECT_EQ(merged->identifiers.size(), 2U);
  TrustPolicy policy;
  policy.allow_unsigned = true;
  const auto verified = verify_cab(folder_ / "out/Contoso.Base.Board.EFIESP.cab", policy);
  ASSERT_TRUE(verified) << verified.error().detail;
  const Package* const base = &verified->package;
  EXPECT_EQ(base->identity.partition, "EFIESP");
  EXPECT_EQ(to_text(base->identity.version), "10.0.0.1");
  EXPECT_TRUE(base->files.empty());
  const std::string cab = bytes_of(folder_ / "cabs/Contoso.Boot.cab");
  const std::string digest = to_hex(sha256(std::as_bytes(std::span{cab})));
  EXPECT_THAT(base->members, ElementsAre("group Base", "manifest Board", "Contoso.Boot 1.2.3.4 " + digest));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out/Contoso.OEM_DRIVERS.Board.MainOS.cab"));
  const std::string text = bytes_of(folder_ / "out/MergedFMs/BoardFM.xml");
  EXPECT_THAT(text, HasSubstr("Name=\"Contoso.OEM_DRIVERS.Board.MainOS.cab\""));
  EXPECT_EQ(text, merged->manifests[0].text);
}

TEST_F(MergeFiles, the_same_twice_is_the_same_byte_for_byte) {
  ASSERT_TRUE(merge("a"));
  ASSERT_TRUE(merge("b"));
  for (const char* name :
       {"Contoso.Base.Board.EFIESP.cab", "Contoso.OEM_DRIVERS.Board.MainOS.cab", "MergedFMs/BoardFM.xml"}) {
    EXPECT_EQ(bytes_of(folder_ / "a" / name), bytes_of(folder_ / "b" / name)) << name;
    EXPECT_FALSE(bytes_of(folder_ / "a" / name).empty());
  }
}

TEST_F(MergeFiles, what_is_missing_leaves_nothing_behind) {
  std::filesystem::remove(folder_ / "cabs/Contoso.Boot.cab");
  const auto merged = merge("out");
  ASSERT_FALSE(merged);
  EXPECT_EQ(code_of(merged.error().code), code_of(errc::cab_missing));
  EXPECT_THAT(merged.error().detail, StartsWith("1 not there: 'Contoso.Boot.cab'"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

}  // namespace
}  // namespace flashline::imaging
