// Promise 6: nothing that is not meant is ever opened for writing.
#include "transport/block/inspect_target.h"

#include <atomic>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <optional>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "imaging/core/errors/target.h"
#include "tests/fakes/fake_machine.h"
#include "transport/block/detail/mounts.h"

namespace flashline::transport {
namespace {

namespace fs = std::filesystem;
using fakes::FakeMachine;
using fakes::TempFolder;

/// One machine with a system disk (sda) and a card (sdb with sdb1, sdb2); a row changes it and says what comes of it.
struct Row {
  const char* name;
  void (*change)(FakeMachine& machine);
  const char* target;
  std::optional<Errc> refused;
};

void nothing(FakeMachine&) {}

class FakeDisks : public ::testing::TestWithParam<Row> {};

TEST_P(FakeDisks, are_judged) {
  FakeMachine machine;
  machine.disk("sda", 0, 8_GiB);
  machine.partition("sda", "sda1", 1);
  machine.partition("sda", "sda2", 2);
  machine.mount(1, "/");
  machine.mount(2, "/srv/station");
  machine.disk("sdb", 16, 1_GiB);
  machine.partition("sdb", "sdb1", 17);
  machine.partition("sdb", "sdb2", 18);
  GetParam().change(machine);
  if (!machine.has_nodes()) GTEST_SKIP() << "device nodes need root";

  const TargetNeeds needs{.at_least = ByteCount{512_MiB}, .station_folders = {"/srv/station/state"}};
  const auto found = inspect_target(machine.folder() / GetParam().target, needs, machine.machine());
  if (!GetParam().refused) {
    ASSERT_TRUE(found) << to_text(found.error());
    EXPECT_EQ(found->kind, InspectedTarget::Kind::block_device);
    EXPECT_EQ(found->size.value, 1_GiB);
    EXPECT_EQ(found->disk_seq, 116U);
    return;
  }
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, *GetParam().refused) << to_text(found.error());
  EXPECT_EQ(exit_code_of(found.error().code), 5);
  EXPECT_NE(found.error().detail.find(GetParam().target), std::string::npos) << found.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Promise6, FakeDisks,
    ::testing::Values(
        Row{"a_free_card", nothing, "sdb", {}},  //
        Row{"a_card_by_a_link",
            [](FakeMachine& m) { fs::create_symlink(m.folder() / "sdb", m.folder() / "by-path-usb"); },
            "by-path-usb",
            {}},
        Row{"the_system_disk", nothing, "sda", errc::target_system_disk},
        Row{"the_systems_partition", nothing, "sda1", errc::target_system_disk},
        Row{"the_system_disk_by_a_harmless_name",
            [](FakeMachine& m) { fs::create_symlink(m.folder() / "sda", m.folder() / "slot-3"); }, "slot-3",
            errc::target_system_disk},
        Row{"the_disk_of_the_stations_state",
            [](FakeMachine& m) {
              m.disk("sdc", 32, 1_GiB);
              m.mount(32, "/srv/station/state");
            },
            "sdc", errc::target_system_disk},
        Row{"the_disk_under_boot", [](FakeMachine& m) { m.mount(17, "/boot"); }, "sdb", errc::target_system_disk},
        Row{"the_disk_under_usr", [](FakeMachine& m) { m.mount(18, "/usr"); }, "sdb", errc::target_system_disk},
        Row{"a_disk_of_the_systems_volume_group",
            [](FakeMachine& m) {
              m.disk("dm-0", 60, 1_GiB);
              m.stack("dm-0", "sdb/sdb2");
              m.mount(60, "/var");
            },
            "sdb", errc::target_system_disk},
        Row{"another_volume_on_the_system_disk",
            [](FakeMachine& m) {
              m.disk("dm-1", 61, 1_GiB);
              m.stack("dm-1", "sda/sda2");
            },
            "dm-1", errc::target_system_disk},
        Row{"a_system_on_btrfs", [](FakeMachine& m) { m.mount_as("0:40", "/home", "/dev/sdb2"); }, "sdb",
            errc::target_system_disk},
        Row{"a_system_on_a_named_mapping",
            [](FakeMachine& m) {
              m.disk("dm-0", 60, 1_GiB);
              m.set("dm-0", "dm/name", "vg-home");
              m.stack("dm-0", "sdb/sdb2");
              m.mount_as("0:41", "/home", "/dev/mapper/vg-home");
            },
            "sdb", errc::target_system_disk},
        Row{"a_partition", nothing, "sdb1", errc::target_is_partition},
        Row{"mounted_as_a_whole", [](FakeMachine& m) { m.mount(16, "/media/card"); }, "sdb", errc::target_in_use},
        Row{"a_partition_mounted", [](FakeMachine& m) { m.mount(18, "/media/my\\040card"); }, "sdb",
            errc::target_in_use},
        Row{"swapped_to", [](FakeMachine& m) { m.swap((m.folder() / "sdb2").string()); }, "sdb", errc::target_in_use},
        Row{"held_by_an_array",
            [](FakeMachine& m) {
              m.disk("md0", 70, 1_GiB);
              m.stack("md0", "sdb/sdb1");
            },
            "sdb", errc::target_in_use},
        Row{"held_two_levels_up_and_mounted",
            [](FakeMachine& m) {
              m.disk("md0", 70, 1_GiB);
              m.stack("md0", "sdb/sdb1");
              m.disk("dm-0", 60, 1_GiB);
              m.stack("dm-0", "md0");
              m.mount(60, "/media/array");
            },
            "sdb", errc::target_in_use},
        Row{"shown_by_a_loop_device",
            [](FakeMachine& m) {
              m.disk("loop0", 80, 1_GiB);
              m.set("loop0", "loop/backing_file", "/dev/sdb");
            },
            "sdb", errc::target_in_use},
        Row{"read_only", [](FakeMachine& m) { m.set("sdb", "ro", "1"); }, "sdb", errc::target_read_only},
        Row{"an_empty_reader", [](FakeMachine& m) { m.set("sdb", "size", "0"); }, "sdb", errc::target_no_medium},
        Row{"too_small", [](FakeMachine& m) { m.set("sdb", "size", "1048575"); }, "sdb", errc::target_too_small},
        Row{"no_longer_known", [](FakeMachine& m) { fs::remove(m.folder() / "sys/dev/block/259:16"); }, "sdb",
            errc::target_open}),
    [](const auto& row) { return row.param.name; });

TEST(FakeDisk, a_partition_is_taken_when_it_is_meant) {
  FakeMachine machine;
  machine.disk("sdb", 16, 1_GiB);
  const auto node = machine.partition("sdb", "sdb1", 17);
  machine.partition("sdb", "sdb2", 18);
  if (!machine.has_nodes()) GTEST_SKIP() << "device nodes need root";
  const TargetNeeds needs{.allow_partition = true};
  EXPECT_TRUE(inspect_target(node, needs, machine.machine()));
  machine.mount(18, "/media/neighbour");
  EXPECT_TRUE(inspect_target(node, needs, machine.machine())) << "a mounted neighbour is none of its business";
  machine.mount(16, "/media/whole");
  EXPECT_EQ(inspect_target(node, needs, machine.machine()).error().code, errc::target_in_use);
}

TEST(FakeDisk, sector_and_expected_size_are_held_against_it) {
  FakeMachine machine;
  const auto node = machine.disk("sdb", 16, 1_GiB);
  if (!machine.has_nodes()) GTEST_SKIP() << "device nodes need root";
  const auto judge = [&](TargetNeeds needs) {
    const auto found = inspect_target(node, needs, machine.machine());
    return found ? std::string_view{"taken"} : code_of(found.error().code);
  };
  EXPECT_EQ(judge({.sector_size = 512}), "taken");
  EXPECT_EQ(judge({.sector_size = 4096}), code_of(errc::target_sector_size));
  EXPECT_EQ(judge({.expected_size = ByteCount{1_GiB}}), "taken");
  EXPECT_EQ(judge({.expected_size = ByteCount{1_GiB - 512}}), code_of(errc::target_unexpected_size));
}

class Files : public ::testing::Test {
 protected:
  std::string judge(const fs::path& path, TargetNeeds needs = {}) {
    needs.station_folders.push_back(folder / "state");
    needs.source_files.push_back(image);
    const auto found = inspect_target(path, needs);
    return found ? "taken" : std::string{code_of(found.error().code)};
  }
  static std::string refused(Errc code) { return std::string{code_of(code)}; }

  TempFolder folder;
  fs::path image = folder.file("image.ffu", "signed");
  fs::path board = folder.sparse("board.img", 8192);
};

TEST_F(Files, a_file_is_taken_and_a_missing_one_only_with_a_size) {
  EXPECT_EQ(judge(board), "taken");
  EXPECT_EQ(judge(folder / "new.img", {.create_size = ByteCount{8192}}), "taken");
  EXPECT_EQ(judge(folder / "new.img"), refused(errc::target_open));
  EXPECT_EQ(judge(folder / "no/such/folder.img", {.create_size = ByteCount{8192}}), refused(errc::target_open));
  EXPECT_EQ(judge(""), refused(errc::target_open));
  EXPECT_FALSE(fs::exists(folder / "new.img")) << "looking must not create";
}

TEST_F(Files, sizes_are_held_against_it) {
  EXPECT_EQ(judge(board, {.at_least = ByteCount{8192}}), "taken");
  EXPECT_EQ(judge(board, {.at_least = ByteCount{8193}}), refused(errc::target_too_small));
  EXPECT_EQ(judge(board, {.expected_size = ByteCount{8191}}), refused(errc::target_unexpected_size));
  EXPECT_EQ(judge(folder / "new.img", {.at_least = ByteCount{9000}, .create_size = ByteCount{8192}}),
            refused(errc::target_too_small));
  EXPECT_EQ(judge(folder.sparse("empty", 0)), refused(errc::target_too_small));
}

TEST_F(Files, what_is_no_disk_is_refused_by_any_name) {
  fs::create_directory(folder / "folder");
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  fs::create_symlink("/dev/null", folder / "disk");
  fs::create_symlink(folder / "nowhere", folder / "dangling");
  for (const auto* name : {"folder", "fifo", "disk"}) {
    EXPECT_EQ(judge(folder / name, {.create_size = ByteCount{8192}}), refused(errc::target_not_a_disk)) << name;
  }
  EXPECT_EQ(judge(folder / "dangling", {.create_size = ByteCount{8192}}), refused(errc::target_open));
}

TEST_F(Files, the_image_is_no_target_by_any_name) {
  fs::create_symlink(image, folder / "link");
  fs::create_hard_link(image, folder / "hard");
  EXPECT_EQ(judge(image), refused(errc::target_own_file));
  EXPECT_EQ(judge(folder / "link"), refused(errc::target_own_file));
  EXPECT_EQ(judge(folder / "hard"), refused(errc::target_own_file));
}

TEST_F(Files, the_stations_state_is_no_target) {
  folder.sparse("state/records.db", 8192);
  fs::create_directory_symlink(folder / "state", folder / "harmless");
  folder.sparse("state-of-the-art.img", 8192);
  EXPECT_EQ(judge(folder / "state/records.db"), refused(errc::target_own_file));
  EXPECT_EQ(judge(folder / "harmless/records.db"), refused(errc::target_own_file));
  EXPECT_EQ(judge(folder / "harmless/new", {.create_size = ByteCount{8192}}), refused(errc::target_own_file));
  EXPECT_EQ(judge(folder / "state-of-the-art.img"), "taken");
}

TEST_F(Files, one_that_somebody_writes_to_is_in_use) {
  const int reader = ::open(board.c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(judge(board), "taken");
  const int writer = ::open(board.c_str(), O_WRONLY | O_CLOEXEC);
  EXPECT_EQ(judge(board), refused(errc::target_in_use));
  ::close(writer);
  ::close(reader);
  EXPECT_EQ(judge(board), "taken");
}

// Somebody who opens the file during that look must not cost the station its life: the kernel tells by a signal.
TEST_F(Files, looking_survives_those_who_open_it_meanwhile) {
  std::atomic<bool> looked = false;
  std::thread writer{[&] {
    while (!looked) ::close(::open(board.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  }};
  for (int i = 0; i < 300; ++i) judge(board);
  looked = true;
  writer.join();
  EXPECT_EQ(judge(board), "taken");
}

TEST_F(Files, a_swap_file_is_in_use) {
  FakeMachine machine;
  machine.swap(board.string());
  const auto found = inspect_target(board, {}, machine.machine());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, errc::target_in_use);
}

TEST_F(Files, one_that_a_loop_device_shows_is_in_use) {
  FakeMachine machine;
  machine.disk("loop3", 83, 8192);
  machine.set("loop3", "loop/backing_file", board.string());
  const auto found = inspect_target(board, {}, machine.machine());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, errc::target_in_use);
  EXPECT_NE(found.error().detail.find("loop3"), std::string::npos);
}

TEST(Mounts, mountinfo_is_read_with_its_escapes_and_optional_fields) {
  const auto mounts = detail::parse_mounts(
      "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
      "27 1 254:3 / / rw shared:1 master:4 propagate_from:2 - ext4 /dev/vda3 rw\n"
      "28 27 8:17 / /media/a\\040b\\134c rw - vfat /dev/sdb1 rw\n"
      "nonsense\n29 27 x:y / /z rw - a b c\n");
  ASSERT_EQ(mounts.size(), 3U);
  EXPECT_EQ(mounts[1].source, "/dev/vda3");
  EXPECT_EQ(mounts[2].at, "/media/a b\\c");
  EXPECT_EQ(mounts[2].device, makedev(8, 17));
  EXPECT_EQ(detail::mount_of(mounts, "/media/a b\\c/file")->device, makedev(8, 17));
  EXPECT_EQ(detail::mount_of(mounts, "/media/a b")->device, makedev(254, 3));
}

TEST(Mounts, the_last_mount_on_a_folder_is_the_one_seen) {
  const auto mounts =
      detail::parse_mounts("1 1 8:1 / / rw - ext4 a rw\n2 1 8:2 / /x rw - ext4 b rw\n3 1 8:3 / /x rw - ext4 c rw\n");
  EXPECT_EQ(detail::mount_of(mounts, "/x/y")->source, "c");
}

}  // namespace
}  // namespace flashline::transport
