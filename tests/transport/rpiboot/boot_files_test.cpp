#include "transport/rpiboot/boot_files.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/rpiboot.h"
#include "tests/fakes/tar_builder.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"

namespace flashline::transport {
namespace {

std::string text_of(const BootFiles& files, std::string_view name) {
  const auto content = files.find(name);
  return content ? std::string{reinterpret_cast<const char*>(content->data()), content->size()} : "(none)";
}

TEST(BootFiles, AreLookedUpWhereTheyAreMostSpecial) {
  const fakes::TempFolder folder;
  folder.file("boot.img", "folder's");
  folder.file("mcb.bin", "folder's");
  folder.file("config.txt", "folder's");
  folder.file("2711/mcb.bin", "chip's");
  folder.file("2712/config.txt", "other chip's");
  folder.file("bootfiles.bin", tests::tar_of({{.name = "2711/MCB.BIN", .content = "bundle's"},
                                              {.name = "2711/config.txt", .content = "bundle's"},
                                              {.name = "2712/bootsys", .content = "other chip's"},
                                              {.name = "2711/bootcode4.bin", .content = "bundle's"}}));
  auto files = load_boot_files({.folder = folder.path(), .chip_folder = "2711"});
  ASSERT_TRUE(files) << to_text(files.error());
  EXPECT_EQ(text_of(*files, "boot.img"), "folder's");
  EXPECT_EQ(text_of(*files, "MCB.bin"), "chip's");
  EXPECT_EQ(text_of(*files, "config.txt"), "bundle's");
  EXPECT_EQ(text_of(*files, "bootcode4.bin"), "bundle's");
  EXPECT_EQ(text_of(*files, "bootsys"), "(none)");

  const fakes::TempFolder slot;
  slot.file("config.txt", "slot's");
  slot.file("bootcode4.bin", "slot's");
  files = with_overlay(std::move(*files), slot.path());
  ASSERT_TRUE(files);
  EXPECT_EQ(text_of(*files, "config.txt"), "slot's");
  EXPECT_EQ(text_of(*files, "bootcode4.bin"), "bundle's");
  EXPECT_EQ(text_of(*files, "mcb.bin"), "chip's");
  EXPECT_TRUE(with_overlay(*files, slot / "nothing here"));
}

TEST(BootFiles, ComeOutOfWhatTarMakes) {
  const fakes::TempFolder folder;
  folder.file("in/2711/mcb.bin", "memory");
  folder.file("in/2711/bootcode4.bin", std::string(60'000, 'c'));
  std::filesystem::create_directory(folder / "empty");
  for (const char* format : {"gnu", "ustar", "posix", "v7"}) {
    const auto run = run_tool("tar -C " + (folder / "in").string() + " --format=" + format + " -cf " +
                              (folder / "bundle.tar").string() + " 2711");
    ASSERT_EQ(run.code, 0) << run.output;
    const auto files =
        load_boot_files({.folder = folder / "empty", .chip_folder = "2711", .bundle = folder / "bundle.tar"});
    ASSERT_TRUE(files) << format << ": " << to_text(files.error());
    EXPECT_EQ(files->find("bootcode4.bin")->size(), 60'000U);
  }
}

TEST(BootFiles, ThatCannotBeReadAreAnError) {
  const fakes::TempFolder folder;
  EXPECT_EQ(load_boot_files({.folder = folder / "nothing"}).error().code, errc::rpi_boot_files);
  EXPECT_EQ(load_boot_files({.folder = folder.path(), .bundle = folder / "nothing"}).error().code,
            errc::rpi_boot_files);
  folder.file("bootfiles.bin", tests::tar_of({{.name = "2711/../../x", .content = "out"}}));
  const auto climbing = load_boot_files({.folder = folder.path(), .chip_folder = "2711"});
  EXPECT_EQ(climbing.error().code, errc::rpi_bundle_name);
  EXPECT_NE(climbing.error().detail.find("bootfiles.bin"), std::string::npos);
}

}  // namespace
}  // namespace flashline::transport
