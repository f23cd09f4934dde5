// The same promises on real block devices: what the kernel says of them, not what a fake does.
#include "tests/fakes/loop_device.h"

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysmacros.h>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/target.h"
#include "imaging/core/errors/usage.h"
#include "tests/fakes/awaited.h"
#include "tests/fakes/temp_folder.h"
#include "transport/block/open_sink.h"

namespace flashline::transport {
namespace {

namespace fs = std::filesystem;
using fakes::LoopDevice;
using fakes::TempFolder;
using tests::awaited;

int run(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()); }

#define NEED_LOOP(loop) \
  if ((loop).path().empty()) GTEST_SKIP() << "loop devices need root"

/// Unmounted with the test, whatever it found.
class Mounted {
 public:
  Mounted(const fs::path& device, const fs::path& at, const char* type, const char* data = nullptr) : at_{at} {
    fs::create_directories(at);
    error_ = ::mount(device.c_str(), at.c_str(), type, 0, data) == 0 ? 0 : errno;
  }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted() { unmount(); }

  int error() const { return error_; }
  void unmount() {
    if (error_ == 0) EXPECT_EQ(::umount(at_.c_str()), 0);
    error_ = -1;
  }

 private:
  fs::path at_;
  int error_ = -1;
};

class Loop : public ::testing::TestWithParam<bool> {
 protected:
  Result<std::unique_ptr<BlockSink>> open(const fs::path& path, TargetNeeds needs = {}) {
    return awaited(context, open_target(*ring, path, std::move(needs)));
  }
  Errc refusal(const fs::path& path, TargetNeeds needs = {}) {
    const auto sink = open(path, std::move(needs));
    EXPECT_FALSE(sink);
    return sink ? errc::usage : sink.error().code;
  }
  IoBuffer filled(std::size_t length) {
    const auto all = ring->buffer(0);
    for (std::size_t i = 0; i < all.bytes.size(); ++i) all.bytes[i] = static_cast<std::byte>(i * 17 + i / 241);
    return all.part(0, length);
  }
  TempFolder folder{"/var/tmp"};
  asio::io_context context;
  std::unique_ptr<IoRing> ring = IoRing::create(context.get_executor(), {2, 1_MiB, GetParam()}).value_or(nullptr);
};

TEST_P(Loop, is_written_flushed_and_read_past_the_cache) {
  const auto file = folder.sparse("disk.img", 8_MiB);
  LoopDevice loop{file};
  NEED_LOOP(loop);
  {
    const auto sink = open(loop.path());
    ASSERT_TRUE(sink) << to_text(sink.error());
    EXPECT_EQ((*sink)->facts().capacity.value, 8_MiB);
    EXPECT_EQ((*sink)->facts().access, "direct");
    EXPECT_TRUE((*sink)->facts().can_discard);
    const auto data = filled(1_MiB);
    ASSERT_TRUE(awaited(context, (*sink)->write(ByteOffset{3_MiB + 512}, data)));
    ASSERT_TRUE(awaited(context, (*sink)->flush()));
    const auto back = ring->buffer(1);
    ASSERT_TRUE(awaited(context, (*sink)->read(ByteOffset{3_MiB + 512}, back)));
    EXPECT_TRUE(std::ranges::equal(back.bytes, data.bytes));

    // What changes behind the back of a cache is seen: the bytes come from the medium.
    std::fstream{file, std::ios::in | std::ios::out | std::ios::binary}.seekp(3_MiB + 512).put('!');
    ASSERT_TRUE(awaited(context, (*sink)->read(ByteOffset{3_MiB + 512}, back)));
    EXPECT_EQ(back.bytes[0], std::byte{'!'});
  }
}

TEST_P(Loop, zero_makes_zeros_and_discard_keeps_the_rest) {
  LoopDevice loop{folder.sparse("disk.img", 8_MiB)};
  NEED_LOOP(loop);
  const auto sink = open(loop.path());
  ASSERT_TRUE(sink) << to_text(sink.error());
  const auto data = filled(1_MiB);
  const auto back = ring->buffer(1);
  ASSERT_TRUE(awaited(context, (*sink)->write(ByteOffset{1_MiB}, data)));
  ASSERT_TRUE(awaited(context, (*sink)->zero(ByteOffset{1_MiB + 4096}, ByteCount{8192})));
  ASSERT_TRUE(awaited(context, (*sink)->discard(ByteOffset{1_MiB + 65536}, ByteCount{65536})));
  ASSERT_TRUE(awaited(context, (*sink)->flush()));
  ASSERT_TRUE(awaited(context, (*sink)->read(ByteOffset{1_MiB}, back)));
  std::ranges::fill(data.bytes.subspan(4096, 8192), std::byte{0});
  EXPECT_TRUE(std::ranges::equal(back.bytes.first(65536), data.bytes.first(65536)));
  EXPECT_TRUE(std::ranges::equal(back.bytes.subspan(131072), data.bytes.subspan(131072)));
}

TEST_P(Loop, sectors_are_whole) {
  LoopDevice loop{folder.sparse("disk.img", 8_MiB), {.sector_size = 4096}};
  NEED_LOOP(loop);
  EXPECT_EQ(refusal(loop.path(), {.sector_size = 512}), errc::target_sector_size);
  const auto sink = open(loop.path(), {.sector_size = 4096});
  ASSERT_TRUE(sink) << to_text(sink.error());
  EXPECT_EQ((*sink)->facts().sector_size, 4096U);
  EXPECT_TRUE(awaited(context, (*sink)->write(ByteOffset{4096}, filled(8192))));
  EXPECT_EQ(awaited(context, (*sink)->write(ByteOffset{512}, filled(4096))).error().code, errc::device_write);
  EXPECT_EQ(awaited(context, (*sink)->write(ByteOffset{4096}, filled(512))).error().code, errc::device_write);
  EXPECT_EQ(awaited(context, (*sink)->read(ByteOffset{512}, filled(4096))).error().code, errc::device_read);
  EXPECT_EQ(awaited(context, (*sink)->write(ByteOffset{8_MiB}, filled(4096))).error().code, errc::device_full);
}

TEST_P(Loop, only_one_may_have_it_and_nobody_mounts_it_meanwhile) {
  const auto file = folder.sparse("disk.img", 8_MiB);
  ASSERT_EQ(run("mke2fs -q -t ext4 " + file.string()), 0);
  LoopDevice loop{file};
  NEED_LOOP(loop);
  auto sink = open(loop.path());
  ASSERT_TRUE(sink) << to_text(sink.error());
  EXPECT_EQ(refusal(loop.path()), errc::target_in_use);
  EXPECT_EQ(Mounted(loop.path(), folder / "mnt", "ext4").error(), EBUSY);
  sink->reset();
  EXPECT_TRUE(open(loop.path()));
}

TEST_P(Loop, a_read_only_one_is_refused) {
  LoopDevice loop{folder.sparse("disk.img", 8_MiB), {.read_only = true}};
  NEED_LOOP(loop);
  EXPECT_EQ(refusal(loop.path()), errc::target_read_only);
}

TEST_P(Loop, one_with_a_mounted_partition_is_refused) {
  const auto file = folder.sparse("disk.img", 64_MiB);
  LoopDevice loop{file};
  NEED_LOOP(loop);
  const auto partition = loop.add_partition(1_MiB, 40_MiB);
  ASSERT_FALSE(partition.empty());
  ASSERT_EQ(run("mke2fs -q -t ext4 " + partition), 0);
  EXPECT_EQ(refusal(partition), errc::target_is_partition);
  EXPECT_TRUE(open(loop.path())) << "a partition alone does no harm";

  Mounted mounted{partition, folder / "mnt", "ext4"};
  ASSERT_EQ(mounted.error(), 0);
  EXPECT_EQ(refusal(loop.path()), errc::target_in_use);
  EXPECT_EQ(refusal(partition, {.allow_partition = true}), errc::target_in_use);
  EXPECT_EQ(refusal(file), errc::target_in_use) << "nor the file behind it";
  EXPECT_EQ(refusal(loop.path(), {.station_folders = {folder / "mnt/state"}}), errc::target_system_disk);
  mounted.unmount();
  EXPECT_TRUE(open(partition, {.allow_partition = true}));
}

TEST_P(Loop, one_that_is_swapped_to_is_refused) {
  const auto file = folder.sparse("swap.img", 8_MiB);
  ASSERT_EQ(run("dd if=/dev/zero of=" + file.string() + " bs=1M count=8 conv=notrunc"), 0);
  ASSERT_EQ(run("mkswap " + file.string()), 0);
  LoopDevice loop{file};
  NEED_LOOP(loop);
  if (::swapon(loop.path().c_str(), 0) != 0) GTEST_SKIP() << "no swap here: " << std::strerror(errno);
  EXPECT_EQ(refusal(loop.path()), errc::target_in_use);
  EXPECT_EQ(::swapoff(loop.path().c_str()), 0);
}

TEST_P(Loop, a_file_attached_to_one_is_refused_until_it_is_free) {
  const auto file = folder.sparse("disk.img", 8_MiB);
  LoopDevice loop{file};
  NEED_LOOP(loop);
  EXPECT_EQ(refusal(file), errc::target_in_use);
  loop.detach();
  EXPECT_TRUE(open(file));
}

TEST_P(Loop, another_medium_in_its_place_is_noticed) {
  const auto first_file = folder.sparse("first.img", 8_MiB);
  const auto second_file = folder.sparse("second.img", 8_MiB);
  auto loop = std::make_unique<LoopDevice>(first_file);
  NEED_LOOP(*loop);
  const auto path = loop->path();
  const auto inspected = inspect_target(path, {});
  ASSERT_TRUE(inspected) << to_text(inspected.error());
  loop.reset();
  const LoopDevice second{second_file};
  if (second.path() != path) GTEST_SKIP() << "another test took the number";
  const auto sink = awaited(context, open_sink(*ring, *inspected));
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code, errc::target_changed) << to_text(sink.error());
}

TEST_P(Loop, its_identity_is_the_mediums_not_the_names) {
  const auto first_file = folder.sparse("first.img", 8_MiB);
  const auto second_file = folder.sparse("second.img", 8_MiB);
  const auto medium_of = [&](const fs::path& file) {
    const LoopDevice loop{file};
    const auto sink = open(loop.path());
    return sink ? (*sink)->facts().medium : std::string{};
  };
  const auto first = medium_of(first_file);
  if (first.empty()) GTEST_SKIP() << "loop devices need root";
  EXPECT_EQ(medium_of(first_file), first);
  EXPECT_NE(medium_of(second_file), first);
}

// A file system that runs full under a loop device makes it a card of fake capacity: it promised more than it has.
TEST_P(Loop, one_that_ends_early_fails_and_does_not_lie) {
  const Mounted small{"tmpfs", folder / "small", "tmpfs", "size=2m"};
  if (small.error() != 0) GTEST_SKIP() << "mounting needs root";
  LoopDevice loop{folder.sparse("small/disk.img", 64_MiB)};
  NEED_LOOP(loop);
  const auto sink = open(loop.path());
  ASSERT_TRUE(sink) << to_text(sink.error());
  Status status;
  for (std::uint64_t at = 0; status && at < 64_MiB; at += 1_MiB) {
    status = awaited(context, (*sink)->write(ByteOffset{at}, filled(1_MiB)));
  }
  if (status) status = awaited(context, (*sink)->flush());
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().code == errc::device_full || status.error().code == errc::device_write)
      << to_text(status.error());
  EXPECT_NE(status.error().detail.find("at offset"), std::string::npos);
}

TEST_P(Loop, the_disk_under_the_root_is_refused) {
  struct stat found{};
  ASSERT_EQ(::stat("/", &found), 0);
  std::error_code none;  // in a container the root may lie on no block device
  const auto name = fs::canonical(
      "/sys/dev/block/" + std::to_string(major(found.st_dev)) + ":" + std::to_string(minor(found.st_dev)), none);
  if (name.empty()) GTEST_SKIP() << "the root has no disk here";
  EXPECT_EQ(refusal("/dev/" + name.filename().string()), errc::target_system_disk);
}

INSTANTIATE_TEST_SUITE_P(By, Loop, ::testing::Values(false, true),
                         [](const auto& row) { return row.param ? "threads" : "io_uring"; });

}  // namespace
}  // namespace flashline::transport
