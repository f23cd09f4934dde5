#include "imaging/feature/merge.h"

#include <gmock/gmock.h>
#include <map>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/feature/feature_rig.h"

namespace flashline::imaging {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view sections =
    "<BasePackages><PackageFile Path='%DIR%' Name='%OEM_NAME%.A.cab' Language='*'/>\n"
    "<PackageFile Path='%DIR%' Name='Efi.cab'/><PackageFile Path='%DIR%' Name='Raw.cab'/>\n"
    "<PackageFile Path='%DIR%' Name='OtherCpu.cab' CPUType='x86'/></BasePackages>\n"
    "<DeviceLayoutPackages><PackageFile SOC='Pi-R' Path='%DIR%' Name='Layout.cab'/></DeviceLayoutPackages>\n"
    "<SOCPackages><PackageFile SOC='pi-r' Path='%DIR%' Name='Soc.cab'/></SOCPackages>\n"
    "<OEMDevicePlatformPackages><PackageFile Device='8 x' Path='%DIR%' Name='Layout.cab'/>"
    "</OEMDevicePlatformPackages>\n"
    "<Features><OEM><PackageFile Path='%DIR%' Name='F.cab'><FeatureIDs><FeatureID>ONE</FeatureID>"
    "<FeatureID>TWO</FeatureID></FeatureIDs></PackageFile>\n"
    "<PackageFile Path='%DIR%' Name='G.cab'><FeatureIDs><FeatureID>two</FeatureID></FeatureIDs></PackageFile></OEM>"
    "<OEMFeatureGroups><FeatureGroup Constraint='ZeroOrOne'><FeatureIDs><FeatureID>OEM_ONE</FeatureID></FeatureIDs>"
    "</FeatureGroup></OEMFeatureGroups></Features>\n"
    "<ReleasePackages><PackageFile ReleaseType='Test' Path='%DIR%' Name='Rel.cab'/></ReleasePackages>\n"
    "<PrereleasePackages><PackageFile Type='protected' Path='%DIR%' Name='Pre.cab'/></PrereleasePackages>\n"
    "<SVPackages><PackageFile SV='Berry' Path='%DIR%' Name='Sv.cab'/></SVPackages>\n"
    "<DeviceSpecificPackages><PackageFile Device='8 X' Path='%DIR%' Name='Dev.cab'/></DeviceSpecificPackages>";

class Merge : public ::testing::Test {
 protected:
  Merge() {
    for (const char* name : {"Contoso.A.cab", "Contoso.A_Lang_de-DE.cab", "Efi.cab", "Raw.cab", "Layout.cab", "soc.CAB",
                             "F.cab", "G.cab", "Rel.cab", "Pre.cab", "Sv.cab", "Dev.cab"}) {
      folder_.file(std::filesystem::path{"pkgs"} / name, name);
    }
    members_["Efi"].identity.partition = "EFIESP";
    members_["Raw"].identity.partition = "SBL1";
    members_["Raw"].raw_image = true;
    inputs_.percents.set("DIR", "pkgs");
    inputs_.percents.set("OEM_NAME", "Contoso");
    inputs_.oem_name = "Contoso";
    inputs_.version = {10, 0, 0, 7};
    inputs_.folder = folder_.path();
    inputs_.open = [this](const std::filesystem::path& cab) -> Result<MergeMember> {
      ++opened_;
      MergeMember member = members_[cab.stem().string()];
      member.identity.name = cab.stem().string();
      member.identity.version = {1, 2, 3, 4};
      member.digest[0] = std::byte{0xAB};
      return member;
    };
    FmListEntry entry;
    entry.id = "RPi";
    entry.owner = "OEM_NAME";
    entry.where = "List.xml:4:2";
    list_.manifests.push_back(entry);
    list_.languages = {"de-DE"};
  }
  Result<MergeResult> merge(std::string_view inside = sections) {
    return merge_features(list_, {rig::manifest(inside, "some/where/RPiFM.xml").manifest}, inputs_);
  }

  fakes::TempFolder folder_;
  std::map<std::string, MergeMember> members_;
  int opened_ = 0;
  MergeInputs inputs_;
  FmList list_;
};

TEST_F(Merge, makes_an_identifier_of_every_group_and_partition) {
  const auto merged = merge();
  ASSERT_TRUE(merged) << merged.error().detail;
  std::vector<std::string> names;
  for (const Package& package : merged->identifiers) names.push_back(package.identity.name);
  EXPECT_THAT(names, ElementsAre("Contoso.Base.RPi.MainOS", "Contoso.Base.RPi.EFIESP", "Contoso.SOC_Pi-R.RPi.MainOS",
                                 "Contoso.DEVICE_8_x.RPi.MainOS", "Contoso.OEM_ONE.RPi.MainOS",
                                 "Contoso.OEM_TWO.RPi.MainOS", "Contoso.RELEASE_Test.RPi.MainOS",
                                 "Contoso.PRERELEASE_protected.RPi.MainOS", "Contoso.SV_Berry.RPi.MainOS"));
  EXPECT_EQ(opened_, 12) << "a cab is opened once, whoever names it";
}

TEST_F(Merge, an_identifier_is_a_package_of_nothing_but_its_members) {
  const auto merged = merge();
  ASSERT_TRUE(merged) << merged.error().detail;
  const Package& base = merged->identifiers[0];
  EXPECT_TRUE(base.files.empty() && base.directories.empty() && base.registry.empty());
  const std::string tail = " 1.2.3.4 ab" + std::string(62, '0');
  // The raw image's partition can hold no package, so MainOS answers for it.
  EXPECT_THAT(base.members, ElementsAre("group Base", "manifest RPi", "Contoso.A" + tail, "Contoso.A_Lang_de-DE" + tail,
                                        "Raw" + tail));
  EXPECT_THAT(merged->identifiers[5].members, ElementsAre("group OEM_TWO", "manifest RPi", "F" + tail, "G" + tail));
  EXPECT_THAT(merged->identifiers[3].members,
              ElementsAre("group DEVICE_8 x", "manifest RPi", "Layout" + tail, "Dev" + tail));
  const PackageIdentity& identity = merged->identifiers[1].identity;
  EXPECT_EQ(identity.owner + " " + identity.component + " " + identity.sub_component + " " + identity.partition,
            "Contoso Base RPi EFIESP");
  EXPECT_EQ(to_text(identity.version), "10.0.0.7");
}

TEST_F(Merge, the_merged_manifest_names_them_beside_what_was_there) {
  const auto merged = merge();
  ASSERT_TRUE(merged) << merged.error().detail;
  ASSERT_EQ(merged->manifests.size(), 1U);
  EXPECT_EQ(merged->manifests[0].name, "RPiFM.xml");
  const std::string& text = merged->manifests[0].text;
  for (const char* line :
       {"<FeatureManifest xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\" ID=\"RPi\" "
        "OwnerName=\"Contoso\" OwnerType=\"OEM\" ReleaseType=\"Production\">",
        "<PackageFile Path=\"%DIR%\" Name=\"%OEM_NAME%.A.cab\" Language=\"*\" Partition=\"MainOS\" ID=\"Contoso.A\" "
        "Version=\"1.2.3.4\" />",
        "<PackageFile Path=\"%DIR%\" Name=\"OtherCpu.cab\" CPUType=\"x86\" />",
        "<PackageFile Path=\"%PKGBLD_DIR%\" Name=\"Contoso.Base.RPi.EFIESP.cab\" Partition=\"EFIESP\" "
        "ID=\"Contoso.Base.RPi.EFIESP\" Version=\"10.0.0.7\" FeatureIdentifierPackage=\"true\" />",
        "<PackageFile SOC=\"Pi-R\" Path=\"%PKGBLD_DIR%\" Name=\"Contoso.SOC_Pi-R.RPi.MainOS.cab\"",
        "<FeatureID>two</FeatureID>"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  const auto again = rig::read_manifest(text);
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_TRUE(again->merged());
  EXPECT_EQ(again->groups.size(), 1U);
}

TEST_F(Merge, merging_again_changes_nothing) {
  const auto once = merge();
  ASSERT_TRUE(once) << once.error().detail;
  const auto read = rig::read_manifest(once->manifests[0].text, "RPiFM.xml");
  ASSERT_TRUE(read) << read.error().detail;
  const auto twice = merge_features(list_, {*read}, inputs_);
  ASSERT_TRUE(twice) << twice.error().detail;
  EXPECT_EQ(twice->manifests[0].text, once->manifests[0].text);
  EXPECT_EQ(twice->identifiers.size(), once->identifiers.size());
}

TEST_F(Merge, an_image_takes_the_identifiers_of_what_it_selects) {
  const auto merged = merge();
  ASSERT_TRUE(merged) << merged.error().detail;
  const auto read = rig::read_manifest(merged->manifests[0].text, "RPiFM.xml");
  ASSERT_TRUE(read);
  std::string xml = rig::input_xml("<Features><OEM><Feature>ONE</Feature></OEM></Features>");
  xml.replace(xml.find(">Pi<"), 4, ">Pi-R<");
  xml.replace(xml.find(">PiBoard<"), 9, ">8 x<");
  const auto input = rig::read_input(xml);
  ASSERT_TRUE(input) << input.error().detail;
  inputs_.percents.set("PKGBLD_DIR", "pkgs");
  const auto resolution = resolve(*input, {{*read, false}}, {.percents = inputs_.percents});
  ASSERT_TRUE(resolution) << resolution.error().detail;
  std::vector<std::string> identifiers;
  for (const ResolvedPackage& package : resolution->packages) {
    if (package.identifier) identifiers.push_back(package.cab);
  }
  EXPECT_THAT(identifiers,
              ElementsAre("Contoso.SOC_Pi-R.RPi.MainOS.cab", "Contoso.SV_Berry.RPi.MainOS.cab",
                          "Contoso.DEVICE_8_x.RPi.MainOS.cab", "Contoso.Base.RPi.MainOS.cab",
                          "Contoso.Base.RPi.EFIESP.cab", "Contoso.RELEASE_Test.RPi.MainOS.cab",
                          "Contoso.PRERELEASE_protected.RPi.MainOS.cab", "Contoso.OEM_ONE.RPi.MainOS.cab"));
}

TEST_F(Merge, microsofts_side_is_told_apart) {
  const auto merged = merge(
      "<Features><Microsoft><PackageFile Path='%DIR%' Name='F.cab'><FeatureIDs><FeatureID>X</FeatureID>"
      "</FeatureIDs></PackageFile></Microsoft></Features>");
  ASSERT_TRUE(merged) << merged.error().detail;
  EXPECT_EQ(merged->identifiers.at(0).identity.name, "Contoso.MS_X.RPi.MainOS");
}

TEST_F(Merge, names_every_cab_that_is_missing) {
  std::filesystem::remove(folder_ / "pkgs/Efi.cab");
  std::filesystem::remove(folder_ / "pkgs/Contoso.A_Lang_de-DE.cab");
  const auto merged = merge();
  ASSERT_FALSE(merged);
  EXPECT_EQ(code_of(merged.error().code), code_of(errc::cab_missing));
  EXPECT_THAT(
      merged.error().detail,
      AllOf(StartsWith("2 not there: "), HasSubstr("'Contoso.A_Lang_de-DE.cab' in 'pkgs' (some/where/RPiFM.xml:2:16)"),
            HasSubstr("'Efi.cab' in 'pkgs' (some/where/RPiFM.xml:3:2)")));
  const auto named = named_cabs(list_, {rig::manifest(sections, "FM.xml").manifest}, inputs_);
  ASSERT_TRUE(named);
  EXPECT_EQ(named->size(), 12U);
  EXPECT_EQ(std::ranges::count_if(*named, [](const NamedCab& cab) { return cab.file.empty(); }), 2);
}

TEST_F(Merge, a_test_package_has_no_place_in_a_production_manifest) {
  members_["G"].identity.release_type = ReleaseType::test;
  const auto refused = merge();
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_of(refused.error().code), code_of(errc::merge_release));
  EXPECT_THAT(refused.error().detail,
              AllOf(StartsWith("some/where/RPiFM.xml:9:2: 'G.cab'"), HasSubstr("List.xml:4:2")));
  list_.manifests[0].release_type = ReleaseType::test;
  const auto taken = merge();
  ASSERT_TRUE(taken) << taken.error().detail;
  EXPECT_EQ(taken->identifiers[0].identity.release_type, ReleaseType::test);
}

TEST_F(Merge, a_cab_of_another_cpu_or_name_is_refused) {
  members_["G"].identity.cpu = CpuType::x86;
  const auto cpu = merge();
  ASSERT_FALSE(cpu);
  EXPECT_EQ(code_of(cpu.error().code), code_of(errc::cab_mismatch));
}

TEST_F(Merge, ids_of_features_are_letters_digits_and_underscores) {
  const auto merged = merge(
      "<Features><OEM><PackageFile Path='%DIR%' Name='F.cab'><FeatureIDs><FeatureID>A-B</FeatureID>"
      "</FeatureIDs></PackageFile></OEM></Features>");
  ASSERT_FALSE(merged);
  EXPECT_EQ(code_of(merged.error().code), code_of(errc::merge_feature_id));
  EXPECT_THAT(merged.error().detail, StartsWith("some/where/RPiFM.xml:2:"));
}

TEST_F(Merge, two_groups_of_one_name_are_refused) {
  const auto merged = merge(
      "<SOCPackages><PackageFile SOC='a b' Path='%DIR%' Name='F.cab'/>"
      "<PackageFile SOC='a_b' Path='%DIR%' Name='G.cab'/></SOCPackages>");
  ASSERT_FALSE(merged);
  EXPECT_EQ(code_of(merged.error().code), code_of(errc::merge_names));
  EXPECT_THAT(merged.error().detail, AllOf(HasSubstr("SOC_a b"), HasSubstr("SOC_a_b")));
}

TEST_F(Merge, an_owner_cannot_leave_the_folder) {
  list_.manifests[0].owner = "..\\../x";
  const auto merged = merge("<BasePackages><PackageFile Path='%DIR%' Name='F.cab'/></BasePackages>");
  ASSERT_TRUE(merged) << merged.error().detail;
  EXPECT_EQ(merged->identifiers[0].identity.name, "______x.Base.RPi.MainOS");
}

}  // namespace
}  // namespace flashline::imaging
