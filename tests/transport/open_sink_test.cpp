#include "transport/block/open_sink.h"

#include <boost/asio/io_context.hpp>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/target.h"
#include "tests/fakes/awaited.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::transport {
namespace {

namespace fs = std::filesystem;
using fakes::TempFolder;
using tests::awaited;

struct Place {
  const char* name;
  const char* folder;
  bool threads;
};

class FileSink : public ::testing::TestWithParam<Place> {
 protected:
  void SetUp() override { ASSERT_TRUE(ring); }

  Result<std::unique_ptr<BlockSink>> open(const fs::path& path, TargetNeeds needs = {}) {
    return awaited(context, open_target(*ring, path, std::move(needs)));
  }
  std::unique_ptr<BlockSink> must_open(const fs::path& path, TargetNeeds needs = {}) {
    auto sink = open(path, std::move(needs));
    EXPECT_TRUE(sink) << sink.error().detail;
    return sink ? std::move(*sink) : nullptr;
  }
  IoBuffer filled(std::size_t length, std::size_t skip = 0) {
    const auto all = ring->buffer(0);
    for (std::size_t i = 0; i < all.bytes.size(); ++i) all.bytes[i] = static_cast<std::byte>(i * 13 + i / 251);
    return all.part(skip, length);
  }

  TempFolder folder{GetParam().folder};
  asio::io_context context;
  std::unique_ptr<IoRing> ring =
      IoRing::create(context.get_executor(), {2, 1_MiB, GetParam().threads}).value_or(nullptr);
};

std::string content_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST_P(FileSink, creates_a_missing_file_sparse_with_the_wanted_size) {
  const auto path = folder / "new.img";
  const auto sink = must_open(path, {.create_size = ByteCount{1_GiB}});
  EXPECT_EQ(sink->facts().capacity.value, 1_GiB);
  EXPECT_EQ(sink->facts().sector_size, 512U);
  struct stat found{};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(found.st_size), 1_GiB);
  EXPECT_LT(found.st_blocks, 100);
  EXPECT_EQ(found.st_mode & 0777, 0644U);
}

TEST_P(FileSink, keeps_the_size_of_a_file_that_is_there_and_fills_an_empty_one) {
  EXPECT_EQ(must_open(folder.sparse("a", 5000), {.create_size = ByteCount{9000}})->facts().capacity.value, 5000U);
  EXPECT_EQ(must_open(folder.sparse("b", 0), {.create_size = ByteCount{9000}})->facts().capacity.value, 9000U);
  EXPECT_EQ(fs::file_size(folder / "b"), 9000U);
}

TEST_P(FileSink, takes_the_sector_size_that_the_image_wants) {
  EXPECT_EQ(must_open(folder.sparse("a", 8192), {.sector_size = 4096})->facts().sector_size, 4096U);
}

struct Stretch {
  std::size_t at;
  std::size_t length;
  std::size_t memory;
};

// Odd ends do not fit direct access, nor does the memory behind an odd beginning.
TEST_P(FileSink, writes_and_reads_any_stretch_of_a_file_of_any_size) {
  constexpr std::size_t size = 1000003;
  const Stretch stretches[] = {{0, 1, 0},        {0, 512, 0},     {512, 4096, 0},    {4096, 65536, 4096},
                               {size - 3, 3, 0}, {999936, 67, 0}, {100, 70000, 512}, {0, size, 0},
                               {511, 2, 1},      {4097, 8191, 7}};
  const auto path = folder.sparse("odd", size);
  const auto sink = must_open(path);
  for (const auto& each : stretches) {
    const auto data = filled(each.length, each.memory);
    EXPECT_TRUE(awaited(context, sink->zero(ByteOffset{0}, ByteCount{size})));
    ASSERT_TRUE(awaited(context, sink->write(ByteOffset{each.at}, data))) << each.at << "+" << each.length;
    EXPECT_TRUE(awaited(context, sink->flush()));
    EXPECT_EQ(content_of(path).substr(each.at, each.length), text_of(data.bytes)) << each.at << "+" << each.length;
    EXPECT_EQ(fs::file_size(path), size);

    const auto back = ring->buffer(1).part(each.memory, each.length);
    ASSERT_TRUE(awaited(context, sink->read(ByteOffset{each.at}, back)));
    EXPECT_EQ(text_of(back.bytes), text_of(data.bytes)) << each.at << "+" << each.length;
  }
}

TEST_P(FileSink, zero_and_discard_leave_the_neighbours) {
  const auto path = folder.sparse("zero", 1_MiB);
  const auto sink = must_open(path);
  const auto data = filled(1_MiB);
  ASSERT_TRUE(awaited(context, sink->write(ByteOffset{0}, data)));
  EXPECT_TRUE(sink->facts().can_discard);
  EXPECT_TRUE(awaited(context, sink->zero(ByteOffset{1000}, ByteCount{500000})));
  EXPECT_TRUE(awaited(context, sink->discard(ByteOffset{600000}, ByteCount{1000})));
  EXPECT_TRUE(awaited(context, sink->flush()));
  auto expected = text_of(data.bytes);
  expected.replace(1000, 500000, std::string(500000, '\0'));
  auto found = content_of(path);
  EXPECT_EQ(found.substr(0, 600000), expected.substr(0, 600000));
  EXPECT_EQ(found.substr(601000), expected.substr(601000));
  EXPECT_EQ(found.size(), 1_MiB);
}

TEST_P(FileSink, refuses_what_lies_outside) {
  const auto path = folder.sparse("small", 8192);
  const auto sink = must_open(path);
  const auto data = filled(4096);
  EXPECT_EQ(awaited(context, sink->write(ByteOffset{8192}, data)).error().code, errc::device_full);
  EXPECT_EQ(awaited(context, sink->write(ByteOffset{4097}, data)).error().code, errc::device_full);
  EXPECT_EQ(awaited(context, sink->write(ByteOffset{~0ULL - 100}, data)).error().code, errc::device_full);
  EXPECT_EQ(awaited(context, sink->read(ByteOffset{8000}, data)).error().code, errc::device_full);
  EXPECT_EQ(awaited(context, sink->zero(ByteOffset{0}, ByteCount{8193})).error().code, errc::device_full);
  EXPECT_EQ(awaited(context, sink->discard(ByteOffset{8000}, ByteCount{512})).error().code, errc::device_full);
  EXPECT_EQ(fs::file_size(path), 8192U);
}

TEST_P(FileSink, a_file_that_shrinks_underneath_is_an_error_not_zeros) {
  const auto path = folder.sparse("shrinks", 1_MiB);
  const auto sink = must_open(path);
  fs::resize_file(path, 4096);
  EXPECT_EQ(awaited(context, sink->read(ByteOffset{8192}, filled(4096))).error().code, errc::device_read);
}

TEST_P(FileSink, only_one_may_have_it) {
  const auto path = folder.sparse("one", 8192);
  auto first = must_open(path);
  EXPECT_EQ(open(path).error().code, errc::target_in_use);
  first.reset();
  EXPECT_TRUE(open(path));
}

TEST_P(FileSink, a_lock_of_another_program_counts) {
  const auto path = folder.sparse("locked", 8192);
  const int other = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(other, LOCK_SH), 0);
  EXPECT_EQ(open(path).error().code, errc::target_in_use);
  ::close(other);
  EXPECT_TRUE(open(path));
}

TEST_P(FileSink, says_which_medium_it_is) {
  const auto path = folder.sparse("medium", 8192);
  const auto first = must_open(path)->facts().medium;
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(must_open(path)->facts().medium, first) << "the same file";
  fs::remove(path);
  EXPECT_NE(must_open(folder.sparse("medium", 8192))->facts().medium, first) << "another file in its place";
}

TEST_P(FileSink, a_copy_is_another_medium) {
  const auto path = folder.sparse("medium", 8192);
  const auto first = must_open(path)->facts().medium;
  const auto command = "cp --preserve=all " + path.string() + " " + (folder / "copy").string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_NE(must_open(folder / "copy")->facts().medium, first);
}

struct Change {
  const char* name;
  void (*change)(const fs::path& path);
};

// What was inspected is what is opened: a swap in between is noticed.
TEST_P(FileSink, notices_what_changed_since_it_was_inspected) {
  const Change changes[] = {
      {"another file",
       [](const fs::path& path) {
         fs::rename(path, path.string() + ".old");
         std::ofstream{path} << std::string(8192, 'x');
       }},
      {"another size", [](const fs::path& path) { fs::resize_file(path, 4096); }},
      {"a link",
       [](const fs::path& path) {
         fs::rename(path, path.string() + ".old");
         fs::create_symlink(path.string() + ".old", path);
       }},
      {"nothing", [](const fs::path& path) { fs::remove(path); }},
  };
  for (const auto& each : changes) {
    const auto path = folder.sparse(each.name, 8192);
    const auto inspected = inspect_target(path, {});
    ASSERT_TRUE(inspected) << inspected.error().detail;
    each.change(path);
    const auto sink = awaited(context, open_sink(*ring, *inspected));
    ASSERT_FALSE(sink) << each.name;
    EXPECT_EQ(sink.error().code, errc::target_changed) << each.name << ": " << sink.error().detail;
  }
}

TEST_P(FileSink, does_not_create_over_a_file_that_appeared) {
  const auto path = folder / "appears";
  const auto inspected = inspect_target(path, {.create_size = ByteCount{8192}});
  ASSERT_TRUE(inspected);
  folder.file("appears", "mine");
  EXPECT_EQ(awaited(context, open_sink(*ring, *inspected)).error().code, errc::target_changed);
  EXPECT_EQ(content_of(path), "mine");
}

INSTANTIATE_TEST_SUITE_P(On, FileSink,
                         ::testing::Values(Place{"disk_by_io_uring", "/var/tmp", false},
                                           Place{"disk_by_threads", "/var/tmp", true},
                                           Place{"tmpfs_by_io_uring", "/dev/shm", false},
                                           Place{"tmpfs_by_threads", "/dev/shm", true}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::transport
