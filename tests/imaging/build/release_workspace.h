#pragma once
// A workspace as small as one can be, for a Windows board: a layout, a package with a driver and a tool, one that a
// vendor delivers, and Microsoft's kit with a few features. What a test turns about is who signed what.

#include <functional>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <vector>

#include "imaging/build/build_image.h"
#include "imaging/catalog/member_catalog.h"
#include "imaging/package/cab.h"
#include "tests/fakes/command.h"
#include "tests/fakes/package_files.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {

/// A root and who signs below it.
struct Line {
  fakes::Identity root, own;
  fakes::TempFolder folder{"/tmp"};
  PackageSigner signer;

  explicit Line(const std::string& root_name, fakes::CertificateForm form = {})
      : root{fakes::make_identity(fakes::authority_form(root_name))},
        own{fakes::make_identity(form, &root)},
        signer{load(), fakes::test_now} {}

  TrustAnchor anchor(bool test = false) const {
    return {.pem = fakes::pem_of(root.certificate.get()), .name = "root.pem", .test = test};
  }

 private:
  Signer load() const {
    const auto key = fakes::write_text(folder / "key.pem", fakes::pem_of(own.key.get()));
    const auto certificate = fakes::write_text(folder / "own.pem", fakes::pem_of(own.certificate.get()));
    return std::move(*Signer::load({.key = key, .certificate = certificate}));
  }
};

/// Whose keys there are. Made once: keys take their time.
struct Lines {
  Line retail{"GlobalSign Root CA"};  ///< a root that a kernel binary's chain may end in
  Line own{"Line Root"};              ///< trusted, but not for the kernel
  Line test{"Windows OEM Root (TEST ONLY)"};
  Line stranger{"Somebody"};  ///< nobody trusts them
  Line expired{"Old Root", {.not_after = fakes::test_now - 1}};

  static const Lines& get() {
    static const Lines lines;
    return lines;
  }
};

/// What a test changes. nullptr: nobody signs.
struct Scene {
  BuildConfig config = BuildConfig::retail;
  const Line* builder = &Lines::get().retail;  ///< packages that are built
  const Line* driver = &Lines::get().retail;   ///< driver.sys
  const Line* tool = &Lines::get().retail;     ///< tool.exe
  const Line* catalog = nullptr;               ///< driver.cat; nullptr: there is none
  const Line* vendor = &Lines::get().retail;   ///< the package that is delivered
  Package vendor_package = vendors_own();
  std::function<void(const std::filesystem::path&)> spoil_driver{}, spoil_vendor{};
  std::vector<std::string> features{};  ///< of Microsoft's
  std::string board_manifest = R"(%BLD_DIR%\MergedFMs\BoardFM.xml)";
  std::string more_manifests{}, package_files{};
  std::string manifest_release = "Production";
  bool vendor_by_kit = false;  ///< Microsoft's manifest names the vendor's package, not the board's
  std::string product = "Windows 10 IoT Core";
  std::string style = "gpt";

  static Package vendors_own() {
    Package package;
    package.identity = {.owner = "Vendor",
                        .component = "Board",
                        .sub_component = "Firmware",
                        .culture = {},
                        .resolution = {},
                        .version = {10, 0, 0, 1},
                        .cpu = CpuType::amd64,
                        .name = "Vendor.Board.Firmware"};
    package.registry = {{R"(HKEY_LOCAL_MACHINE\SOFTWARE\Vendor)", {}}};
    return package;
  }
};

class ReleaseWorkspace {
 public:
  std::filesystem::path root() const { return folder_ / "ws"; }
  const fakes::TempFolder& folder() const { return folder_; }

  ImageBuildOptions options(const Scene& scene) const {
    ImageBuildOptions options;
    options.workspace = root();
    options.product = "Panel";
    options.config = scene.config;
    options.out = folder_ / "panel.ffu";
    options.time = fakes::test_now;
    options.fixed_time = true;
    options.signer = scene.builder != nullptr ? &scene.builder->signer : nullptr;
    const Lines& lines = Lines::get();
    options.trust.anchors = {lines.retail.anchor(), lines.own.anchor(), lines.test.anchor(true),
                             lines.expired.anchor()};
    options.trust.clock.at = fakes::test_now;
    return options;
  }

  void write(const Scene& scene) const {
    folder_.file(
        "ws/IoTWorkspace.xml",
        "<IoTWorkspace><CurrentEnv>x64</CurrentEnv><Config><OemName>Contoso</OemName></Config></IoTWorkspace>");
    write_kit(scene);
    write_board(scene);
    write_packages(scene);
    write_product(scene);
  }

  Result<ImageBuild> build(const Scene& scene) const {
    write(scene);
    return build_image(options(scene));
  }

 private:
  static std::string manifest(const std::string& inside) {
    return "<FeatureManifest xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\">" + inside +
           "</FeatureManifest>";
  }

  static std::string entry(const char* name, const char* more) {
    return fmt::format(R"(<PackageFile Path="%PKGBLD_DIR%" Name="{}.cab" {}/>)", name, more);
  }
  static std::string vendors_entry() { return entry("Vendor.Board.Firmware", ""); }

  void write_kit(const Scene& scene) const {
    Package package = Scene::vendors_own();
    package.identity.owner = "Microsoft";
    package.identity.name = "Microsoft.Features";
    const auto cab = folder_.file("ws/Kit/MSPackages/Retail/amd64/fre/Microsoft.Features.cab", "");
    std::filesystem::remove(cab);
    write_package(cab, package, &Lines::get().retail);
    std::string ids;
    for (const char* id : {"IOT_ENABLE_TESTSIGNING", "IOT_SSH", "IOT_NETCMD", "IOT_EFIESP_BCD", "IOT_EFIESP_BCD_MBR"}) {
      ids += fmt::format("<FeatureID>{}</FeatureID>", id);
    }
    folder_.file("ws/Kit/FMFiles/amd64/IoTUAPFM.xml",
                 manifest((scene.vendor_by_kit ? "<BasePackages>" + vendors_entry() + "</BasePackages>" : "") +
                          "<Features><Microsoft><PackageFile Path=\"%MSPKG_DIR%\" Name=\"Microsoft.Features.cab\">"
                          "<FeatureIDs>" +
                          ids + "</FeatureIDs></PackageFile></Microsoft></Features>"));
    folder_.file("ws/Kit/FMFiles/amd64/IoTUAPNonProductionPartnerShareFM.xml", manifest("<BasePackages />"));
  }

  void write_board(const Scene& scene) const {
    folder_.file(
        board_ + "BoardFM.xml",
        manifest("<BasePackages>" + entry("Contoso.Board.Driver", "") + (scene.vendor_by_kit ? "" : vendors_entry()) +
                 "</BasePackages><DeviceLayoutPackages>" + entry("Contoso.Board.Layout", "SOC=\"Board\" ") +
                 "</DeviceLayoutPackages><OEMDevicePlatformPackages>" +
                 entry("Contoso.Board.Layout", "Device=\"Board\" ") + "</OEMDevicePlatformPackages>"));
    folder_.file(
        board_ + "BoardFMFileList.xml",
        fmt::format(
            R"(<FMCollectionManifest xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate" Product="IoTUAP"><FMs>
  <FM ID="BOARD" Path="$(FMDirectory)\BoardFM.xml" ReleaseType="{}" OwnerName="OEM_NAME" OwnerType="OEM" CPUType="AMD64" Critical="true"/>
</FMs></FMCollectionManifest>)",
            scene.manifest_release));
  }

  void write_packages(const Scene& scene) const {
    folder_.file(board_ + "Board.Layout/Board.Layout.wm.xml",
                 definition("Layout", file("DeviceLayout.xml", R"($(runtime.windows)\ImageUpdate)") +
                                          file("OEMDevicePlatform.xml", R"($(runtime.windows)\ImageUpdate)")));
    folder_.file(board_ + "Board.Layout/DeviceLayout.xml", layout(scene.style == "gpt"));
    folder_.file(board_ + "Board.Layout/OEMDevicePlatform.xml",
                 "<OEMDevicePlatform xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\">"
                 "<MinSectorCount>262144</MinSectorCount><DevicePlatformIDs><ID>Contoso.Board</ID></DevicePlatformIDs>"
                 "</OEMDevicePlatform>");
    std::string files = file("driver.sys", "$(runtime.drivers)") + file("tool.exe", "$(runtime.system32)");
    program("driver.sys", scene.driver, scene.spoil_driver);
    program("tool.exe", scene.tool, {});
    if (scene.catalog != nullptr) {
      files += file("driver.cat", "$(runtime.drivers)");
      const std::vector<CatalogMember> members{{.name = "driver.sys", .digest = {}}};
      put("driver.cat", *scene.catalog->signer.sign_catalog(*build_member_catalog(members, fakes::test_now)));
    }
    folder_.file(board_ + "Board.Driver/Board.Driver.wm.xml", definition("Driver", files));
    const auto cab = folder_.file("ws/Build/amd64/pkgs/Vendor.Board.Firmware.cab", "");
    std::filesystem::remove(cab);
    write_package(cab, scene.vendor_package, scene.vendor);
    if (scene.spoil_vendor) scene.spoil_vendor(cab);
  }

  void write_product(const Scene& scene) const {
    const std::string product = "ws/Source-x64/Products/Panel/";
    folder_.file(product + "PanelSettings.xml",
                 "<IoTProductSettings><Name>Panel</Name><Arch>x64</Arch><BSP>Board</BSP></IoTProductSettings>");
    std::string features;
    for (const std::string& one : scene.features) features += fmt::format("<Feature>{}</Feature>", one);
    folder_.file(product + std::string{name_of(scene.config)} + "OEMInput.xml",
                 fmt::format(R"(<OEMInput xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate">
<SOC>Board</SOC><Device>Board</Device><ReleaseType>{}</ReleaseType><BuildType>fre</BuildType>
<SupportedLanguages><UserInterface><Language>en-US</Language></UserInterface></SupportedLanguages>
<BootUILanguage>en-US</BootUILanguage><BootLocale>en-US</BootLocale>
<Resolutions><Resolution>1024x768</Resolution></Resolutions>
<AdditionalFMs><AdditionalFM>{}</AdditionalFM>{}</AdditionalFMs>
<Features><Microsoft>{}</Microsoft></Features>{}<Product>{}</Product></OEMInput>)",
                             scene.config == BuildConfig::test ? "Test" : "Production", scene.board_manifest,
                             scene.more_manifests, features, scene.package_files, scene.product));
  }

  static std::string file(const char* source, const char* folder) {
    return fmt::format(R"(<file source="{}" destinationDir="{}" />)", source, folder);
  }
  static std::string definition(const char* name, const std::string& files) {
    return fmt::format(R"xml(<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00" name="{0}" namespace="Board"
  owner="$(OEMNAME)" legacyName="$(OEMNAME).Board.{0}">
<onecorePackageInfo targetPartition="MainOS" releaseType="Production" ownerType="OEM" /><files>{1}</files></identity>)xml",
                       name, files);
  }

  static std::string layout(bool gpt) {
    const auto partition = [](const char* name, const char* type, const char* size) {
      return fmt::format("<Partition><Name>{}</Name><Type>{}</Type><FileSystem>FAT</FileSystem>{}</Partition>", name,
                         type, size);
    };
    return "<DeviceLayout xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\">"
           "<SectorSize>512</SectorSize><Partitions>" +
           partition("EFIESP", gpt ? "{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}" : "0x0C",
                     "<TotalSectors>65536</TotalSectors>") +
           partition("MainOS", gpt ? "{ebd0a0a2-b9e5-4433-87c0-68b6b72699c7}" : "0x07",
                     "<TotalSectors>131072</TotalSectors>") +
           "</Partitions></DeviceLayout>";
  }

  void put(const std::string& name, const std::vector<std::byte>& bytes) const {
    folder_.file(board_ + "Board.Driver/" + name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  void program(const std::string& name, const Line* line,
               const std::function<void(const std::filesystem::path&)>& spoil) const {
    put(name, fakes::small_pe());
    const auto path = folder_ / (board_ + "Board.Driver/" + name);
    if (line != nullptr) EXPECT_TRUE(line->signer.sign_pe(path));
    if (spoil) spoil(path);
  }
  static void write_package(const std::filesystem::path& cab, const Package& package, const Line* line) {
    const auto written =
        write_cab(cab, package, {.time = fakes::test_now, .signer = line != nullptr ? &line->signer : nullptr});
    EXPECT_TRUE(written) << written.error().detail;
  }

  fakes::TempFolder folder_{"/tmp"};
  std::string board_ = "ws/Source-x64/BSP/Board/Packages/";
};

}  // namespace flashline::imaging
