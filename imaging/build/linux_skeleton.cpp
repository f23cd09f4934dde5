#include "imaging/build/linux_skeleton.h"

#include <spdlog/fmt/fmt.h>

#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

std::string manifest(const std::string& name) {
  return fmt::format(R"(<?xml version="1.0" encoding="utf-8"?>
<FeatureManifest xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate">
  <BasePackages>
    <!-- Boot loader, kernel and firmware of the board -->
  </BasePackages>
  <DeviceLayoutPackages>
    <PackageFile SOC="{0}" Path="%PKGBLD_DIR%" Name="%OEM_NAME%.{0}.DeviceLayout.cab" />
  </DeviceLayoutPackages>
  <OEMDevicePlatformPackages>
    <PackageFile Device="{0}" Path="%PKGBLD_DIR%" Name="%OEM_NAME%.{0}.DeviceLayout.cab" />
  </OEMDevicePlatformPackages>
  <Features>
    <OEM>
    </OEM>
    <OEMFeatureGroups />
  </Features>
</FeatureManifest>
)",
                     name);
}

std::string definition(const std::string& space, const std::string& name, const std::string& files) {
  return fmt::format(R"xml(<?xml version="1.0" encoding="utf-8"?>
<identity xmlns="urn:Microsoft.CompPlat/ManifestSchema.v1.00"
    name="{1}"
    namespace="{0}"
    owner="$(OEMNAME)"
    legacyName="$(OEMNAME).{0}.{1}">
  <onecorePackageInfo targetPartition="MainOS" releaseType="Production" ownerType="OEM" />
  <files>
{2}  </files>
</identity>
)xml",
                     space, name, files);
}

std::string file_element(std::string_view source, std::string_view folder) {
  return fmt::format("    <file source=\"{}\" destinationDir=\"$(runtime.root){}\" />\n", source, folder);
}

std::string layout(bool gpt) {
  return fmt::format(R"(<?xml version="1.0" encoding="utf-8"?>
<DeviceLayout xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate">
  <Partitions>
    <!-- What the firmware reads -->
    <Partition>
      <Name>EFIESP</Name>
      <Type>{0}</Type>
      <FileSystem>FAT32</FileSystem>
      <TotalSectors>131072</TotalSectors>
{1}      <RequiredToFlash>true</RequiredToFlash>
    </Partition>
    <!-- The root file system: as large as what is in it, and so much more -->
    <Partition>
      <Name>MainOS</Name>
      <Type>{2}</Type>
      <FileSystem>Ext4</FileSystem>
      <MinFreeSectors>131072</MinFreeSectors>
    </Partition>
    <!-- What packages bring below \data -->
    <Partition>
      <Name>Data</Name>
      <Type>{2}</Type>
      <FileSystem>Ext4</FileSystem>
      <UseAllSpace>true</UseAllSpace>
    </Partition>
  </Partitions>
  <SectorSize>512</SectorSize>
  <ChunkSize>128</ChunkSize>
  <DefaultPartitionByteAlignment>0x100000</DefaultPartitionByteAlignment>
  <VersionTag>Linux</VersionTag>
</DeviceLayout>
)",
                     gpt ? "{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}" : "0x0C",
                     gpt ? "" : "      <Bootable>true</Bootable>\n",
                     gpt ? "{0fc63daf-8483-4772-8e79-3d69d8477de4}" : "0x83");
}

constexpr std::string_view platform = R"(<?xml version="1.0" encoding="utf-8"?>
<OEMDevicePlatform xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate">
  <!-- 3600 MiB: cards of 4 GB -->
  <MinSectorCount>7372800</MinSectorCount>
  <DevicePlatformIDs>
    <ID>*</ID>
  </DevicePlatformIDs>
</OEMDevicePlatform>
)";

std::string oem_input(const std::string& name, BuildConfig config, bool common) {
  return fmt::format(R"(<?xml version="1.0" encoding="utf-8"?>
<OEMInput xmlns="http://schemas.microsoft.com/embedded/2004/10/ImageUpdate">
  <Description>{0} {1}</Description>
  <SOC>{0}</SOC>
  <Device>{0}</Device>
  <ReleaseType>{2}</ReleaseType>
  <BuildType>fre</BuildType>
  <SupportedLanguages>
    <UserInterface>
      <Language>en-US</Language>
    </UserInterface>
  </SupportedLanguages>
  <BootUILanguage>en-US</BootUILanguage>
  <BootLocale>en-US</BootLocale>
  <Resolutions>
    <Resolution>1024x768</Resolution>
  </Resolutions>
  <AdditionalFMs>
    <AdditionalFM>%BLD_DIR%\MergedFMs\{0}FM.xml</AdditionalFM>
{3}  </AdditionalFMs>
  <Features>
    <OEM>
      <!-- <Feature>APP_NAME</Feature> -->
    </OEM>
  </Features>
  <Product>Linux</Product>
</OEMInput>
)",
                     name, name_of(config), config == BuildConfig::test ? "Test" : "Production",
                     common ? "    <AdditionalFM>%BLD_DIR%\\MergedFMs\\CommonFM.xml</AdditionalFM>\n" : "");
}

std::string script(const std::string& leaf) {
  return fmt::format(R"(#!/bin/busybox sh
# The app. It is made executable because of the line above.
echo "{0} runs"
exec sleep 2147483647
)",
                     leaf);
}

}  // namespace

std::vector<SkeletonFile> linux_bsp(const std::string& name, CpuType cpu, bool common) {
  const bool gpt = cpu == CpuType::amd64 || cpu == CpuType::x86;
  const std::string folder = fmt::format("Packages/{}.DeviceLayout/", name);
  const std::string files = file_element("DeviceLayout.xml", R"(\usr\share\image)") +
                            file_element("OEMDevicePlatform.xml", R"(\usr\share\image)");
  return {{fmt::format("Packages/{}FM.xml", name), manifest(name)},
          {folder + name + ".DeviceLayout.wm.xml", definition(name, "DeviceLayout", files)},
          {folder + "DeviceLayout.xml", layout(gpt)},
          {folder + "OEMDevicePlatform.xml", std::string{platform}},
          {"OEMInputSamples/TestOEMInput.xml", oem_input(name, BuildConfig::test, common)},
          {"OEMInputSamples/RetailOEMInput.xml", oem_input(name, BuildConfig::retail, common)}};
}

std::vector<SkeletonFile> linux_package(const std::string& space, const std::string& name) {
  const std::string leaf = folded(name);
  const std::string units = R"(\usr\lib\systemd\system)";
  const std::string files = file_element(leaf, R"(\usr\bin)") + file_element(leaf + ".service", units) +
                            file_element(leaf + ".conf", units + R"(\multi-user.target.d)");
  return {{fmt::format("{}.{}.wm.xml", space, name), definition(space, name, files)},
          {leaf, script(leaf)},
          {leaf + ".service", fmt::format("[Unit]\nDescription={}\n\n[Service]\nExecStart=/usr/bin/{}\n"
                                          "Restart=always\n",
                                          name, leaf)},
          {leaf + ".conf", fmt::format("[Unit]\nWants={}.service\n", leaf)}};
}

}  // namespace flashline::imaging
