#include "imaging/build/workspace.h"

#include <gtest/gtest.h>

#include "imaging/build/build_environment.h"
#include "imaging/build/product.h"
#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

const fs::path shared{FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace"};
const fs::path kit{shared / "iot-adk-addonkit/Workspace"};
const fs::path older_kit{shared / "iot-adk-addonkit-17134"};

TEST(Workspace, reads_the_kits_own) {
  for (const fs::path& named : {kit, kit / "IoTWorkspace.xml"}) {
    const auto workspace = read_workspace(named);
    ASSERT_TRUE(workspace) << workspace.error().detail;
    EXPECT_EQ(workspace->root, kit);
    EXPECT_EQ(workspace->current_arch, "arm");
    EXPECT_EQ(workspace->oem_name, "Contoso");
    EXPECT_EQ(workspace->environments.size(), 4U);
    EXPECT_EQ(to_text(workspace->environment("X64").version), "10.0.0.0");
  }
}

TEST(Workspace, reads_the_older_kit_without_a_file) {
  const auto workspace = read_workspace(older_kit);
  ASSERT_TRUE(workspace) << workspace.error().detail;
  EXPECT_EQ(workspace->current_arch, "arm");
  EXPECT_EQ(to_text(workspace->environment("arm").version), "10.0.0.0");
  const auto product = find_product(*workspace, "samplea");
  ASSERT_TRUE(product) << product.error().detail;
  EXPECT_EQ(product->name, "SampleA");
  EXPECT_EQ(product->bsp, "RPi2");
  EXPECT_TRUE(find_bsp(*workspace, "arm", product->bsp)) << "Rpi2 and RPi2 are one name";
}

TEST(Workspace, versioninfo_of_the_older_kit_is_the_version) {
  const fakes::TempFolder folder;
  folder.file("Source-x64/Packages/versioninfo.txt", "1.2.3.4\r\n");
  const auto workspace = read_workspace(folder.path());
  ASSERT_TRUE(workspace) << workspace.error().detail;
  EXPECT_EQ(workspace->current_arch, "x64");
  EXPECT_EQ(to_text(workspace->environment("x64").version), "1.2.3.4");
  folder.file("Source-x64/Packages/versioninfo.txt", "1.2.3\n");
  EXPECT_EQ(read_workspace(folder.path()).error().code, errc::package_version);
}

struct Mistake {
  const char* name;
  const char* xml;
  Errc code;
  const char* where;
};

class WorkspaceMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(WorkspaceMistake, is_refused_where_it_stands) {
  const fakes::TempFolder folder;
  const fs::path file = folder.file("IoTWorkspace.xml", GetParam().xml);
  const auto workspace = read_workspace(folder.path());
  ASSERT_FALSE(workspace);
  EXPECT_EQ(workspace.error().code, GetParam().code) << workspace.error().detail;
  EXPECT_NE(workspace.error().detail.find(file.string() + GetParam().where), std::string::npos)
      << workspace.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Workspace, WorkspaceMistake,
    ::testing::Values(
        Mistake{"other_root", "<Workspace/>", errc::workspace_invalid, ":1:2"},
        Mistake{"unknown_element", "<IoTWorkspace>\n <Confg/></IoTWorkspace>", errc::xml_unknown, ":2:3"},
        Mistake{"unknown_current", "<IoTWorkspace><CurrentEnv>mips</CurrentEnv></IoTWorkspace>", errc::workspace_arch,
                ":1:16"},
        Mistake{"unknown_environment", "<IoTWorkspace>\n<Env Name='sparc'/></IoTWorkspace>", errc::workspace_arch,
                ":2:2"},
        Mistake{"nameless_environment", "<IoTWorkspace><Env/></IoTWorkspace>", errc::xml_missing, ":1:16"},
        Mistake{"version", "<IoTWorkspace><Env Name='arm'>\n<BSPVersion>10.0</BSPVersion></Env></IoTWorkspace>",
                errc::package_version, ":2:13"},
        Mistake{"owner", "<IoTWorkspace><Config>\n<OemName>Con toso</OemName></Config></IoTWorkspace>",
                errc::workspace_owner, ":2:10"},
        Mistake{"not_well_formed", "<IoTWorkspace><Config></IoTWorkspace>", errc::xml_not_well_formed, ":1:"}),
    [](const auto& row) { return row.param.name; });

TEST(Workspace, a_folder_with_nothing_is_none) {
  const fakes::TempFolder folder;
  EXPECT_EQ(read_workspace(folder.path()).error().code, errc::workspace_invalid);
  EXPECT_EQ(read_workspace(folder / "no").error().code, errc::workspace_invalid);
}

TEST(Workspace, missing_environment_has_the_defaults) {
  const fakes::TempFolder folder;
  folder.file("IoTWorkspace.xml", "<IoTWorkspace><Config><OemName/></Config></IoTWorkspace>");
  const auto workspace = read_workspace(folder.path());
  ASSERT_TRUE(workspace) << workspace.error().detail;
  EXPECT_EQ(workspace->oem_name, "Contoso");
  const auto built = build_environment(*workspace, "x64", 0);
  ASSERT_TRUE(built) << built.error().detail;
  EXPECT_EQ(to_text(built->version), "10.0.0.0");
  EXPECT_EQ(built->build, folder / "Build/amd64");
  EXPECT_EQ(built->bsp_packages, folder / "Build/amd64/pkgs");
}

TEST(Workspace, lists_definitions_in_the_kits_order) {
  const auto workspace = read_workspace(kit);
  ASSERT_TRUE(workspace);
  const auto found = find_definitions(*workspace, "arm");
  ASSERT_TRUE(found) << found.error().detail;
  std::vector<std::string> names;
  for (const DefinitionFile& one : *found) names.push_back(one.owner + ":" + one.path.stem().stem().string());
  const std::vector<std::string> expected{":Appx.Certs",
                                          ":Custom.BCD",
                                          ":Custom.Settings",
                                          ":Device.SystemInformation",
                                          ":DeviceLayout.GPT4GB",
                                          ":DeviceLayout.MBR4GB",
                                          ":DeviceLayout.MBR8GB-R",
                                          ":Recovery.GPT-BCD",
                                          ":Recovery.GPT-BcdEdit",
                                          ":Registry.Version",
                                          ":Security.Bitlocker",
                                          ":Security.DeviceGuard",
                                          ":Security.RootCerts",
                                          ":Security.SecureBoot",
                                          ":Appx.IoTCoreDefaultApp",
                                          ":AzureDM.Services",
                                          ":OEM.Sample",
                                          "QCDB410C:Custom.SMBIOS",
                                          "QCDB410C:QCDB410C.DeviceLayout",
                                          "QCDB410C:QCDB410C.DeviceLayout-R",
                                          "QCDB410C:QCDB410C.DevicePlatform-R"};
  EXPECT_EQ(names, expected);
  EXPECT_EQ(found->front().room, DefinitionFile::Room::common);
  EXPECT_EQ(found->front().answer_file, kit / "Common/Packages/Appx.Certs/customizations.xml");
  EXPECT_EQ(found->back().room, DefinitionFile::Room::bsp);
  EXPECT_EQ(found->back().owner, "QCDB410C");
  const auto of_product = find_product_definitions(*workspace, "arm", "SampleA");
  ASSERT_TRUE(of_product);
  ASSERT_EQ(of_product->size(), 2U);
  EXPECT_EQ(of_product->front().room, DefinitionFile::Room::every_product);
}

TEST(Product, reads_every_sample) {
  const auto workspace = read_workspace(kit);
  ASSERT_TRUE(workspace);
  for (const WorkspaceArch& arch : workspace_archs()) {
    const auto names = product_names(*workspace, arch.name);
    ASSERT_TRUE(names);
    for (const std::string& name : *names) {
      const auto product = find_product(*workspace, name, arch.name);
      ASSERT_TRUE(product) << product.error().detail;
      EXPECT_EQ(product->arch, arch.name);
      EXPECT_FALSE(product->bsp.empty());
      EXPECT_EQ(product->smbios.front(), (std::pair<std::string, std::string>{"Manufacturer", "Contoso"}));
      EXPECT_TRUE(product->oem_input(BuildConfig::test));
      EXPECT_TRUE(product->oem_input(BuildConfig::retail));
    }
  }
}

TEST(Product, is_taken_from_the_current_architecture_first) {
  auto workspace = read_workspace(kit);
  ASSERT_TRUE(workspace);
  EXPECT_EQ(find_product(*workspace, "SAMPLEA")->arch, "arm");
  EXPECT_EQ(find_product(*workspace, "SampleA", "amd64")->arch, "x64");
  EXPECT_EQ(find_product(*workspace, "SingleLangSample")->arch, "x64") << "nobody else has one";
  workspace->current_arch = "arm64";
  EXPECT_EQ(find_product(*workspace, "SampleA").error().code, errc::product_ambiguous);
  const auto missing = find_product(*workspace, "Nonesuch");
  EXPECT_EQ(missing.error().code, errc::product_missing);
  EXPECT_NE(missing.error().detail.find("SecureSample (arm)"), std::string::npos);
  EXPECT_EQ(find_product(*workspace, "..").error().code, errc::product_missing);
  EXPECT_EQ(find_bsp(*workspace, "arm", "RPi2").error().code, errc::bsp_missing);
  EXPECT_NE(find_bsp(*workspace, "arm", "RPi2").error().detail.find("QCDB410C"), std::string::npos);
}

TEST(Product, settings_must_agree_with_the_folder) {
  const fakes::TempFolder folder;
  folder.file("IoTWorkspace.xml", "<IoTWorkspace/>");
  const auto settings = [&](const std::string& inside) {
    folder.file("Source-arm/Products/P/PSettings.xml", "<IoTProductSettings>" + inside + "</IoTProductSettings>");
    const auto workspace = read_workspace(folder.path());
    const auto product = find_product(*workspace, "P");
    return product ? std::string{"fine"} : std::string{code_of(product.error().code)};
  };
  const std::string wrong{code_of(errc::product_settings)};
  EXPECT_EQ(settings("<Name>P</Name><Arch>ARM</Arch><BSP>B</BSP>"), "fine");
  EXPECT_EQ(settings("<Name>Q</Name><Arch>arm</Arch><BSP>B</BSP>"), wrong);
  EXPECT_EQ(settings("<Name>P</Name><Arch>x64</Arch><BSP>B</BSP>"), wrong);
  EXPECT_EQ(settings("<Name>P</Name><Arch>arm</Arch><BSP/>"), wrong);
  EXPECT_EQ(settings("<BSP>B</BSP><BuildConfig Name='Debug'/>"), code_of(errc::xml_value));
  EXPECT_EQ(settings("<BSP>B</BSP><SMBIOS><Maker/></SMBIOS>"), code_of(errc::xml_unknown));
}

TEST(BuildEnvironment, has_the_variables_of_the_kit) {
  const auto workspace = read_workspace(kit);
  const auto product = find_product(*workspace, "SampleA", "x64");
  ASSERT_TRUE(product);
  const auto built = build_environment(*workspace, *product, BuildConfig::test, 1767323040);
  ASSERT_TRUE(built) << built.error().detail;
  EXPECT_EQ(built->cpu, CpuType::amd64);
  EXPECT_EQ(built->packages, kit / "Build/amd64/pkgs");
  EXPECT_EQ(built->product_packages, kit / "Build/amd64/SampleA/pkgs");
  EXPECT_EQ(built->path_of(R"(%bsppkg_dir%\a.cab)").value_or(""), kit / "Build/amd64/pkgs/a.cab");
  EXPECT_EQ(built->path_of("%MSPKG_DIR%").value_or(""), kit / "Kit/MSPackages/Retail/amd64/fre");
  EXPECT_EQ(built->path_of(R"(%SRC_DIR%\x)").value_or(""), kit / "Source-x64/x");
  EXPECT_EQ(built->path_of("%NOBODY%").error().code, errc::variable_unknown);
  EXPECT_EQ(built->macros.expand("$(OEMNAME) $(PROD) $(BSPARCH) $(BUILDTIME) $(BSPVER)").value_or(""),
            "Contoso SampleA amd64 20260102-0304 10.0.0.0");
  EXPECT_EQ(built->macros.expand(R"($(PRJDIR)\Products)").value_or(""), (kit / "Source-x64").string() + R"(\Products)");
}

TEST(BuildEnvironment, a_products_own_folder_of_bsp_packages_goes_first) {
  const fakes::TempFolder folder;
  folder.file("IoTWorkspace.xml",
              R"(<IoTWorkspace><Env Name="arm"><BSPPkgDir>%IOTWKSPACE%\env</BSPPkgDir></Env></IoTWorkspace>)");
  folder.file("Source-arm/Products/P/PSettings.xml",
              R"(<IoTProductSettings><BSP>B</BSP><BuildConfig Name="retail"><BSPPkgDir>%IOTWKSPACE%\own</BSPPkgDir>)"
              "</BuildConfig></IoTProductSettings>");
  const auto workspace = read_workspace(folder.path());
  const auto product = find_product(*workspace, "P");
  ASSERT_TRUE(product) << product.error().detail;
  EXPECT_EQ(build_environment(*workspace, *product, BuildConfig::retail, 0)->bsp_packages, folder / "own");
  EXPECT_EQ(build_environment(*workspace, *product, BuildConfig::test, 0)->bsp_packages, folder / "env");
}

}  // namespace
}  // namespace flashline::imaging
