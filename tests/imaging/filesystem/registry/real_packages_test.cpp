// The registry of an image with published packages, value by value.

#include <gmock/gmock.h>

#include "imaging/filesystem/registry/offline_registry.h"
#include "imaging/package/definition.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/filesystem/registry/hives.h"

namespace flashline::imaging {
namespace {

const std::string published = FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace/";

const std::vector<std::string> definitions{
    "iot-adk-addonkit/Workspace/Common/Packages/Registry.Version/Registry.Version.wm.xml",
    "iot-adk-addonkit/Workspace/Common/Packages/Custom.Settings/Custom.Settings.wm.xml",
    "iot-adk-addonkit/Workspace/Source-arm/Packages/OEM.Sample/OEM.Sample.wm.xml",
    "rpi-iotcore/bspfiles/Packages/RPi.Customization/RPi.Customization.wm.xml",
    "iot-adk-addonkit/Workspace/Source-x64/BSP/MBMx64/Packages/MBMx64.Customization/MBMx64.Customization.wm.xml",
};

std::vector<Package> packages(const std::string& definition) {
  DefinitionInputs in;
  for (const char* name : {"OEMNAME", "PROD", "PRJDIR", "COMDIR", "BSPVER", "BSPARCH", "BUILDTIME", "BLDDIR"}) {
    in.dollars.set(name, std::string{"My"} + name);
  }
  auto read = read_definition(published + definition, in);
  EXPECT_TRUE(read) << read.error().detail;
  return read ? std::move(*read) : std::vector<Package>{};
}

TEST(OfflineRegistry, holds_what_published_packages_say) {
  const flashline::fakes::TempFolder folder;
  OfflineRegistry registry;
  for (const std::string& definition : definitions) {
    for (const Package& package : packages(definition)) {
      const Status merged = registry.merge(package.registry, package.identity.name);
      ASSERT_TRUE(merged) << merged.error().detail;
    }
  }
  const auto files = registry.build(fakes::noon);
  ASSERT_TRUE(files) << files.error().detail;
  std::string made;
  for (const auto& file : *files) {
    made += std::string{file.place.device_path} + "\n";
    for (const std::string& line : fakes::hivex_lines(folder.file("hive", fakes::as_text(file.bytes)))) {
      made += "  " + line + "\n";
    }
  }
  EXPECT_EQ(made, fakes::golden("packages.txt", made));
}

}  // namespace
}  // namespace flashline::imaging
