#include "imaging/build/skeleton.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/build/linux_skeleton.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/build.h"
#include "imaging/source/scratch_folder.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

bool is_name(std::string_view name, std::string_view also) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [&](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || also.contains(c);
  });
}

std::string text_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// Files of one skeleton: all are named before the first is written.
class Skeleton {
 public:
  void add(fs::path path, std::string text) { files_.emplace_back(std::move(path), std::move(text)); }

  Result<std::vector<fs::path>> write() const {
    std::vector<fs::path> made;
    for (const auto& [path, text] : files_) {
      FL_CHECK(write_small_file(path, std::string_view{text}));
      made.push_back(path);
    }
    return made;
  }

 private:
  std::vector<std::pair<fs::path, std::string>> files_;
};

Status refuse_existing(const fs::path& folder, const std::string& name) {
  const auto there = find_input(folder, name);
  if (there) return fail(errc::skeleton_exists, there->string());
  if (there.error().code == errc::input_missing) return {};
  return std::unexpected{there.error()};
}

/// A GUID that only depends on what it is for, so that the same command gives the same files.
std::string guid_for(std::string_view seed) {
  const std::string hex = to_hex(sha256(std::as_bytes(std::span{seed})));
  return fmt::format("{}-{}-8{}-8{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3), hex.substr(17, 3),
                     hex.substr(20, 12));
}

std::string settings_xml(const Workspace& workspace, std::string_view arch, const NewProduct& product) {
  return fmt::format(R"(<?xml version="1.0" encoding="utf-8"?>
<IoTProductSettings>
  <Name>{0}</Name>
  <Arch>{1}</Arch>
  <BSP>{2}</BSP>
  <SMBIOS>
    <Manufacturer>{3}</Manufacturer>
    <Family>{3}Family</Family>
    <ProductName>{0}</ProductName>
    <SKUNumber>{0}01</SKUNumber>
    <BaseboardManufacturer>{3}</BaseboardManufacturer>
    <BaseboardProduct>{0}_v01</BaseboardProduct>
  </SMBIOS>
  <BuildConfig Name="Test">
    <BSPPkgDir />
  </BuildConfig>
  <BuildConfig Name="Retail">
    <BSPPkgDir />
  </BuildConfig>
</IoTProductSettings>
)",
                     product.name, arch, product.bsp, workspace.oem_name);
}

std::string answers_xml(const Workspace& workspace, const NewProduct& product) {
  return fmt::format(R"(<?xml version="1.0" encoding="utf-8"?>
<WindowsCustomizations>
  <PackageConfig xmlns="urn:schemas-Microsoft-com:Windows-ICD-Package-Config.v1.0">
    <ID>{{{}}}</ID>
    <Name>{}Prov</Name>
    <Version>1.0.0.0</Version>
    <OwnerType>OEM</OwnerType>
    <Rank>0</Rank>
  </PackageConfig>
  <Settings xmlns="urn:schemas-microsoft-com:windows-provisioning">
    <Customizations>
      <Common>
        <Policies>
          <ApplicationManagement>
            <AllowAllTrustedApps>Yes</AllowAllTrustedApps>
          </ApplicationManagement>
        </Policies>
      </Common>
    </Customizations>
  </Settings>
</WindowsCustomizations>
)",
                     guid_for(workspace.oem_name + "/" + product.name), product.name);
}

std::string definition_xml(std::string_view space, std::string_view name) {
  return fmt::format(R"xml(<?xml version="1.0" encoding="utf-8"?>
<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00"
    name="{1}"
    namespace="{0}"
    owner="$(OEMNAME)"
    legacyName="$(OEMNAME).{0}.{1}">
  <onecorePackageInfo targetPartition="MainOS" releaseType="Production" ownerType="OEM" />
  <regKeys>
    <regKey keyName="$(hklm.software)\$(OEMNAME)\{0}\{1}">
      <regValue name="Installed" type="REG_DWORD" value="0x00000001" />
    </regKey>
  </regKeys>
</identity>
)xml",
                     space, name);
}

std::string feature_of(std::string name) {
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == '.' || c == '-') c = '_';
  }
  return name;
}

/// The manifest of a folder of packages: its only *FM.xml.
Result<fs::path> manifest_in(const fs::path& packages) {
  std::vector<fs::path> found;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{packages, code}) {
    if (folded(entry.path().filename().string()).ends_with("fm.xml")) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  if (found.empty()) return fail(errc::input_missing, fmt::format("{}: no *FM.xml lies there", packages.string()));
  return found.front();
}

/// "<OEM />" has no room for entries.
void open_empty_element(std::string& text) {
  for (const std::string_view empty : {"<OEM />", "<OEM/>"}) {
    if (const std::size_t at = text.find(empty); at != std::string::npos) {
      text.replace(at, empty.size(), "<OEM>\n    </OEM>");
    }
  }
}

/// The manifest's text with one more feature; the rest, comments and all, stays as it is.
Result<std::string> with_feature(const fs::path& manifest, const std::string& name) {
  FL_TRY(const XmlDocument document, read_input_xml(manifest));
  const XmlElement* features = find_child(document.root, "Features");
  const XmlElement* oem = features != nullptr ? find_child(*features, "OEM") : nullptr;
  std::string text = text_of(manifest);
  open_empty_element(text);
  const std::size_t end = text.rfind("</OEM>");
  if (oem == nullptr || end == std::string::npos) {
    return document.error(errc::xml_missing, document.root.offset, "<Features> needs <OEM> and </OEM>");
  }
  const std::size_t line = text.rfind('\n', end) == std::string::npos ? end : text.rfind('\n', end) + 1;
  text.insert(line, fmt::format("      <PackageFile Path=\"%PKGBLD_DIR%\" Name=\"%OEM_NAME%.{}.cab\">\n"
                                "        <FeatureIDs>\n          <FeatureID>{}</FeatureID>\n        </FeatureIDs>\n"
                                "      </PackageFile>\n",
                                name, feature_of(name)));
  return text;
}

std::string bsp_manifest(const std::string& name) {
  return fmt::format(R"(<?xml version="1.0" encoding="utf-8"?>
<FeatureManifest xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate">
  <BasePackages>
    <PackageFile Path="%PKGBLD_DIR%" Name="%OEM_NAME%.Device.SystemInformation.cab" />
    <!-- Firmware, mandatory drivers and customisations of the board -->
  </BasePackages>
  <DeviceLayoutPackages>
    <PackageFile SOC="{0}" Path="%PKGBLD_DIR%" Name="%OEM_NAME%.DeviceLayout.GPT4GB.cab" />
  </DeviceLayoutPackages>
  <OEMDevicePlatformPackages>
    <PackageFile Device="{0}" Path="%PKGBLD_DIR%" Name="%OEM_NAME%.DeviceLayout.GPT4GB.cab" />
  </OEMDevicePlatformPackages>
  <Features>
    <OEM>
      <!-- Optional drivers -->
    </OEM>
    <OEMFeatureGroups />
  </Features>
</FeatureManifest>
)",
                     name);
}

std::string bsp_list(const std::string& name, CpuType cpu) {
  std::string capitals{name_of(cpu)};
  for (char& c : capitals) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  std::string id = name;
  std::ranges::replace(id, '-', '_');
  return fmt::format(R"(<?xml version="1.0" encoding="utf-8"?>
<FMCollectionManifest xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate" Product="IoTUAP">
  <IsBuildFeatureEnabled>true</IsBuildFeatureEnabled>
  <FMs>
    <FM ID="{2}" Path="$(FMDirectory)\{0}FM.xml" ReleaseType="Production" OwnerName="OEM_NAME" OwnerType="OEM" CPUType="{1}" Critical="true" />
  </FMs>
  <SupportedResolutions>
    <Resolution>1024x768</Resolution>
  </SupportedResolutions>
  <SupportedLanguages>
    <Language>en-US</Language>
  </SupportedLanguages>
  <SupportedLocales>
    <Locale>en-US</Locale>
  </SupportedLocales>
</FMCollectionManifest>
)",
                     name, capitals, id);
}

std::string bsp_oem_input(const std::string& name, BuildConfig config, CpuType cpu) {
  const bool test = config == BuildConfig::test;
  const std::string test_manifest = fmt::format(
      "    <AdditionalFM>%AKROOT%\\FMFiles\\{}\\IoTUAPNonProductionPartnerShareFM.xml</AdditionalFM>\n", name_of(cpu));
  return fmt::format(R"(<?xml version="1.0" encoding="utf-8"?>
<OEMInput xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate">
  <Description>{0} {1}</Description>
  <SOC>{0}</SOC>
  <SV>SiliconVendor</SV>
  <Device>{0}</Device>
  <ReleaseType>{2}</ReleaseType>
  <BuildType>fre</BuildType>
  <SupportedLanguages>
    <UserInterface>
      <Language>en-us</Language>
    </UserInterface>
    <Keyboard>
      <Language>en-us</Language>
    </Keyboard>
    <Speech>
      <Language>en-us</Language>
    </Speech>
  </SupportedLanguages>
  <BootUILanguage>en-us</BootUILanguage>
  <BootLocale>en-us</BootLocale>
  <Resolutions>
    <Resolution>1024x768</Resolution>
  </Resolutions>
  <AdditionalFMs>
    <AdditionalFM>%BLD_DIR%\MergedFMs\{0}FM.xml</AdditionalFM>
    <AdditionalFM>%BLD_DIR%\MergedFMs\OEMCommonFM.xml</AdditionalFM>
    <AdditionalFM>%BLD_DIR%\MergedFMs\OEMFM.xml</AdditionalFM>
{3}  </AdditionalFMs>
  <Features>
    <Microsoft>
      <Feature>IOT_EFIESP</Feature>
      <Feature>IOT_EFIESP_BCD</Feature>
      <Feature>IOT_UAP_OOBE</Feature>
{4}    </Microsoft>
    <OEM>
      <Feature>CUSTOM_CMD</Feature>
      <Feature>PROV_AUTO</Feature>
    </OEM>
  </Features>
  <Product>Windows 10 IoT Core</Product>
</OEMInput>
)",
                     name, name_of(config), test ? "Test" : "Production", test ? test_manifest : "",
                     test ? "      <Feature>IOT_ENABLE_TESTSIGNING</Feature>\n" : "");
}

/// What the board's samples are for.
Result<bool> is_linux(const fs::path& samples) {
  FL_TRY(const fs::path sample, find_input(samples, "TestOEMInput.xml"));
  FL_TRY(const XmlDocument document, read_input_xml(sample));
  return same_word(child_text(document.root, "Product").value_or(""), "Linux");
}

}  // namespace

Result<std::vector<fs::path>> new_product(const Workspace& workspace, std::string_view arch_name,
                                          const NewProduct& product) {
  FL_TRY(const WorkspaceArch arch, workspace_arch(arch_name));
  if (!is_name(product.name, "-_")) return fail(errc::skeleton_name, fmt::format("'{}'", product.name));
  FL_TRY(const fs::path bsp, find_bsp(workspace, arch.name, product.bsp));
  FL_TRY(const fs::path samples, find_input(bsp, "OEMInputSamples"));
  const fs::path products = workspace.root / source_folder(arch.name) / "Products";
  FL_CHECK(refuse_existing(products, product.name));
  const fs::path folder = products / product.name;
  Skeleton skeleton;
  const NewProduct named{.name = product.name, .bsp = bsp.filename().string()};
  skeleton.add(folder / (product.name + "Settings.xml"), settings_xml(workspace, arch.name, named));
  for (const BuildConfig config : {BuildConfig::test, BuildConfig::retail}) {
    const auto sample = find_input(samples, fmt::format("{}OEMInput.xml", name_of(config)));
    if (!sample && config == BuildConfig::test) return std::unexpected{sample.error()};
    if (sample) skeleton.add(folder / fmt::format("{}OEMInput.xml", name_of(config)), text_of(*sample));
  }
  if (const auto smbios = find_input(samples, "SMBIOS.CFG")) skeleton.add(folder / "SMBIOS.CFG", text_of(*smbios));
  FL_TRY(const bool linux_product, is_linux(samples));
  if (!linux_product) {
    skeleton.add(folder / "prov/customizations.xml", answers_xml(workspace, named));
    skeleton.add(folder / "oemcustomization.cmd", "@echo off\r\nREM Runs at every boot of the device.\r\n");
  }
  return skeleton.write();
}

Result<std::vector<fs::path>> new_package(const Workspace& workspace, const std::string& name, const fs::path& packages,
                                          ImageProduct kind) {
  const std::size_t dot = name.find('.');
  const bool two_words = dot != std::string::npos && is_name(std::string_view{name}.substr(0, dot), "-") &&
                         is_name(std::string_view{name}.substr(dot + 1), "-");
  if (!two_words) return fail(errc::skeleton_name, fmt::format("'{}'", name));
  const fs::path folder = packages.is_absolute() ? packages : workspace.root / packages;
  FL_CHECK(refuse_existing(folder, name));
  FL_TRY(const fs::path manifest, manifest_in(folder));
  FL_TRY(std::string text, with_feature(manifest, name));
  Skeleton skeleton;
  if (kind == ImageProduct::linux_system) {
    for (auto& [path, content] : linux_package(name.substr(0, dot), name.substr(dot + 1))) {
      skeleton.add(folder / name / path, std::move(content));
    }
  } else {
    skeleton.add(folder / name / (name + ".wm.xml"), definition_xml(name.substr(0, dot), name.substr(dot + 1)));
  }
  skeleton.add(manifest, std::move(text));
  return skeleton.write();
}

Result<std::vector<fs::path>> new_bsp(const Workspace& workspace, std::string_view arch_name, const std::string& name,
                                      ImageProduct kind) {
  FL_TRY(const WorkspaceArch arch, workspace_arch(arch_name));
  if (!is_name(name, "_")) return fail(errc::skeleton_name, fmt::format("'{}'", name));
  const fs::path bsps = workspace.root / source_folder(arch.name) / "BSP";
  FL_CHECK(refuse_existing(bsps, name));
  Skeleton skeleton;
  skeleton.add(bsps / name / fmt::format("Packages/{}FMFileList.xml", name), bsp_list(name, arch.cpu));
  if (kind == ImageProduct::linux_system) {
    const bool common = fs::exists(workspace.root / "Common/Packages/CommonFM.xml");
    for (auto& [path, text] : linux_bsp(name, arch.cpu, common)) skeleton.add(bsps / name / path, std::move(text));
    return skeleton.write();
  }
  skeleton.add(bsps / name / fmt::format("Packages/{}FM.xml", name), bsp_manifest(name));
  for (const BuildConfig config : {BuildConfig::test, BuildConfig::retail}) {
    skeleton.add(bsps / name / fmt::format("OEMInputSamples/{}OEMInput.xml", name_of(config)),
                 bsp_oem_input(name, config, arch.cpu));
  }
  return skeleton.write();
}

}  // namespace flashline::imaging
