// Media that fail below the block layer, as the kernel's own fault makers play them: what `flashline flash` says of
// each.
#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <thread>

#include "tests/fakes/command.h"
#include "tests/lab/emulators/boot_images.h"

namespace flashline::lab {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::size_t image_size = 8U << 20U;
constexpr unsigned bad_sector = 8192;  // at 4 MiB
constexpr unsigned disk_sectors = 65536;

fakes::CommandResult run(std::vector<std::string> words) {
  return fakes::run_command(words, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, 60000);
}

/// A SCSI disk in memory whose driver can be told to fail, and mappings over it that can, too.
class BadMedia : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(run({"modprobe", "-a", "dm-mod", "dm-flakey"}).exit_code, 0);
    const auto loaded = run({"modprobe", "scsi_debug", "dev_size_mb=32"});
    ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
    run({"udevadm", "settle"});
    for (const auto& host : fs::recursive_directory_iterator{"/sys/bus/pseudo/drivers/scsi_debug/adapter0/"}) {
      if (host.path().parent_path().filename() == "block") disk_ = "/dev/" + host.path().filename().string();
    }
    ASSERT_FALSE(disk_.empty());
    image_ = pattern(image_size, 9);
    std::ofstream{folder_ / "image.img", std::ios::binary}.write(reinterpret_cast<const char*>(image_.data()),
                                                                 static_cast<std::streamsize>(image_.size()));
  }
  void TearDown() override {
    drop_mapping();
    run({"udevadm", "settle"});
    EXPECT_EQ(run({"modprobe", "-r", "scsi_debug"}).exit_code, 0);
  }

  /// A disk over the disk, from such a table.
  std::string mapping(const std::string& table) {
    std::ofstream{folder_ / "table"} << table;
    const auto made = run({"dmsetup", "create", "bad", (folder_ / "table").string()});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    run({"udevadm", "settle"});
    return "/dev/mapper/bad";
  }
  /// Udev may still be looking at it: dmsetup says busy then.
  static void drop_mapping() {
    for (int left = 50; fs::exists("/dev/mapper/bad") && left > 0; --left) {
      if (run({"dmsetup", "remove", "--retry", "bad"}).exit_code != 0) std::this_thread::sleep_for(100ms);
    }
    EXPECT_FALSE(fs::exists("/dev/mapper/bad"));
  }

  fakes::CommandResult flash(const std::string& target) const {
    return run({FLASHLINE_BIN_DIR "/flashline", "flash", folder_ / "image.img", target, "--allow-unsigned"});
  }
  void expect_failed(const std::string& target, const std::string& code, const std::string& where) const {
    const auto result = flash(target);
    EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
    EXPECT_THAT(result.out + result.err, HasSubstr("[" + code + "]"));
    EXPECT_THAT(result.out + result.err, HasSubstr(where));
  }
  /// The same medium is not to blame: without its fault it takes the image.
  void expect_passed(const std::string& target) const {
    const auto result = flash(target);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    std::ifstream in{target, std::ios::binary};
    Bytes there(image_size);
    in.read(reinterpret_cast<char*>(there.data()), static_cast<std::streamsize>(there.size()));
    EXPECT_TRUE(std::ranges::equal(there, image_));
  }
  static void tell_disk(const std::string& file, unsigned value) { std::ofstream{file} << value; }

  fakes::TempFolder folder_;
  std::string disk_;
  Bytes image_;
};

TEST_F(BadMedia, a_sector_that_cannot_be_read_back) {
  tell_disk("/sys/module/scsi_debug/parameters/medium_error_start", bad_sector);
  tell_disk("/sys/module/scsi_debug/parameters/medium_error_count", 8);
  tell_disk("/sys/bus/pseudo/drivers/scsi_debug/opts", 2);
  expect_failed(disk_, "FL-DEV-002", "at offset 4194304");
  tell_disk("/sys/bus/pseudo/drivers/scsi_debug/opts", 0);
  expect_passed(disk_);
}

TEST_F(BadMedia, sectors_that_cannot_be_written) {
  const std::string behind = std::to_string(bad_sector + 8);
  expect_failed(mapping("0 " + std::to_string(bad_sector) + " linear " + disk_ + " 0\n" + std::to_string(bad_sector) +
                        " 8 error\n" + behind + " " + std::to_string(disk_sectors - bad_sector - 8) + " linear " +
                        disk_ + " " + behind + "\n"),
                "FL-DEV-001", "at offset 4194304");
  drop_mapping();
  expect_passed(disk_);
}

TEST_F(BadMedia, a_disk_that_forgets_what_it_acknowledged) {
  const std::string all = "0 " + std::to_string(disk_sectors) + " flakey " + disk_ + " 0 ";
  expect_failed(mapping(all + "0 60 1 drop_writes"), "FL-DEV-007", "do not read back as written");
  drop_mapping();
  expect_passed(mapping(all + "60 0"));
}

TEST_F(BadMedia, a_disk_that_changes_a_byte_of_what_it_writes) {
  const std::string all = "0 " + std::to_string(disk_sectors) + " flakey " + disk_ + " 0 ";
  expect_failed(mapping(all + "0 60 5 corrupt_bio_byte 32 w 1 0"), "FL-DEV-007", "do not read back as written");
  drop_mapping();
  expect_passed(disk_);
}

}  // namespace
}  // namespace flashline::lab
