#pragma once
// Manifests and OEMInputs from what a test writes of them.

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/feature/resolve.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging::rig {

inline Result<XmlDocument> document(std::string_view text, std::string file) {
  return parse_input_xml(std::as_bytes(std::span{text}), std::move(file));
}

/// `inside` a manifest's root. It stands on line 2, so that places are easy to count.
inline std::string manifest_xml(std::string_view inside, std::string_view attributes = {}) {
  return "<FeatureManifest xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\"" +
         std::string{attributes} + ">\n" + std::string{inside} + "\n</FeatureManifest>\n";
}

inline Result<FeatureManifest> read_manifest(std::string_view xml, std::string file = "FM.xml") {
  FL_TRY(const XmlDocument parsed, document(xml, std::move(file)));
  return read_feature_manifest(parsed);
}

/// A manifest that has to be good.
inline LoadedManifest manifest(std::string_view inside, std::string file = "FM.xml", bool microsoft = false) {
  auto read = read_manifest(manifest_xml(inside), std::move(file));
  if (!read) ADD_FAILURE() << read.error().detail;
  return {read ? *std::move(read) : FeatureManifest{}, microsoft};
}

/// The elements of a smallest OEMInput by name, to be changed by a test.
inline std::string input_xml(std::string_view more = {}, std::string_view release = "Test") {
  return "<OEMInput xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\">\n"
         "<SOC>Pi</SOC>\n<SV>Berry</SV>\n<Device>PiBoard</Device>\n<ReleaseType>" +
         std::string{release} +
         "</ReleaseType>\n<BuildType>fre</BuildType>\n"
         "<SupportedLanguages><UserInterface><Language>en-US</Language><Language>de-DE</Language></UserInterface>"
         "<Keyboard><Language>fr-FR</Language></Keyboard><Speech><Language>it-IT</Language></Speech>"
         "</SupportedLanguages>\n<BootUILanguage>de-de</BootUILanguage>\n<BootLocale>en-US</BootLocale>\n"
         "<Resolutions><Resolution>1024x768</Resolution></Resolutions>\n" +
         std::string{more} + "\n</OEMInput>\n";
}

inline Result<OemInput> read_input(std::string_view xml,
                                   const Variables& percents = Variables{Variables::Style::percent}) {
  FL_TRY(const XmlDocument parsed, document(xml, "In.xml"));
  return read_oem_input(parsed, percents);
}

/// An OEMInput that has to be good.
inline OemInput input(std::string_view more = {}, std::string_view release = "Test") {
  auto read = read_input(input_xml(more, release));
  if (!read) ADD_FAILURE() << read.error().detail;
  return read ? *std::move(read) : OemInput{};
}

/// Layout and platform of the board of `input()`.
inline LoadedManifest board() {
  return manifest(
      "<DeviceLayoutPackages><PackageFile SOC='pi' Path='bsp' Name='Layout.cab'/></DeviceLayoutPackages>"
      "<OEMDevicePlatformPackages><PackageFile Device='PIBOARD' Path='bsp' Name='Platform.cab'/>"
      "</OEMDevicePlatformPackages>",
      "Board.xml");
}

inline std::vector<std::string> cabs(const Resolution& resolution) {
  std::vector<std::string> names;
  for (const ResolvedPackage& package : resolution.packages) names.push_back(package.cab);
  return names;
}

}  // namespace flashline::imaging::rig
