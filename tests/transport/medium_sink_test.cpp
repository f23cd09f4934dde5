// What the kernel answers, as the station's codes: descriptors that fail for real stand in for broken devices.
#include "transport/block/detail/medium_sink.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "imaging/core/errors/device.h"
#include "tests/fakes/awaited.h"

namespace flashline::transport::detail {
namespace {

using tests::awaited;

struct Case {
  const char* name;
  int (*open)();
  bool is_device;
  const char* call;
  Errc code;
};

int memory_file(unsigned size) {
  const int fd = ::memfd_create("medium", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  EXPECT_EQ(::ftruncate(fd, size), 0);
  return fd;
}

int full() { return ::open("/dev/full", O_RDWR | O_CLOEXEC); }
int read_only() { return ::open("/dev/zero", O_RDONLY | O_CLOEXEC); }
int folder() { return ::open("/tmp", O_RDONLY | O_CLOEXEC); }
// Reading an address that nothing is mapped at is the one EIO that every machine has.
int unreadable() { return ::open("/proc/self/mem", O_RDWR | O_CLOEXEC); }
int shrunk() { return memory_file(512); }
int pipe_end() {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ::close(ends[0]);
  return ends[1];
}
int no_zeros() {
  const int fd = memory_file(8192);
  ::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
  return fd;
}

class Broken : public ::testing::TestWithParam<std::tuple<Case, bool>> {
 protected:
  asio::io_context context;
  std::unique_ptr<IoRing> ring =
      IoRing::create(context.get_executor(), {2, 65536, std::get<1>(GetParam())}).value_or(nullptr);
};

OpenedMedium medium_of(FileDescriptor fd, bool is_device) {
  OpenedMedium medium;
  medium.direct = std::move(fd);
  medium.alignment = 512;
  medium.is_device = is_device;
  medium.sys_path = "/sys/no/such/device";
  medium.facts.capacity = ByteCount{1_MiB};
  medium.facts.can_discard = true;
  return medium;
}

TEST_P(Broken, gives_its_code) {
  const auto& [row, threads] = GetParam();
  MediumSink sink{*ring, medium_of(FileDescriptor{row.open()}, row.is_device)};
  const std::string call = row.call;
  const ByteOffset at{4096};
  const auto buffer = ring->buffer(0).part(0, 4096);
  Status status;
  if (call == "write") status = awaited(context, sink.write(at, buffer));
  if (call == "read") status = awaited(context, sink.read(at, buffer));
  if (call == "flush") status = awaited(context, sink.flush());
  if (call == "zero") status = awaited(context, sink.zero(at, ByteCount{4096}));
  if (call == "discard") status = awaited(context, sink.discard(at, ByteCount{4096}));
  ASSERT_FALSE(status);
  EXPECT_EQ(code_of(status.error().code), code_of(row.code)) << status.error().detail;
  EXPECT_NE(status.error().detail.find("errno"), std::string::npos) << status.error().detail;
  if (call != "flush") EXPECT_NE(status.error().detail.find("offset 4096"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Device, Broken,
    ::testing::Combine(::testing::Values(Case{"full", full, false, "write", errc::device_full},
                                         Case{"not_writable", read_only, false, "write", errc::device_write},
                                         Case{"not_readable", folder, false, "read", errc::device_read},
                                         Case{"input_output_error", unreadable, false, "read", errc::device_read},
                                         Case{"pulled_out_reading", unreadable, true, "read", errc::device_gone},
                                         Case{"pulled_out_writing", unreadable, true, "write", errc::device_gone},
                                         Case{"ends_early", shrunk, false, "read", errc::device_read},
                                         Case{"cannot_flush", pipe_end, false, "flush", errc::device_flush},
                                         Case{"cannot_zero", no_zeros, false, "zero", errc::device_write},
                                         Case{"cannot_discard", no_zeros, false, "discard", errc::device_write}),
                       ::testing::Bool()),
    [](const auto& row) {
      return std::string{std::get<0>(row.param).name} + (std::get<1>(row.param) ? "_by_threads" : "_by_io_uring");
    });

class Sink : public ::testing::TestWithParam<bool> {
 protected:
  asio::io_context context;
  std::unique_ptr<IoRing> ring = IoRing::create(context.get_executor(), {2, 1_MiB, GetParam()}).value_or(nullptr);
};

// The kernel reports lost writes once, to whoever flushes next. A second flush must not sound better.
TEST_P(Sink, a_flush_that_failed_stays_failed) {
  const int fd = pipe_end();
  MediumSink sink{*ring, medium_of(FileDescriptor{fd}, false)};
  EXPECT_EQ(awaited(context, sink.flush()).error().code, errc::device_flush);
  const int good = memory_file(4096);
  ASSERT_EQ(::dup2(good, fd), fd);
  ::close(good);
  EXPECT_EQ(awaited(context, sink.flush()).error().code, errc::device_flush);
}

// A limit on the size of files makes the kernel write less than asked: the rest is tried, and says why it cannot.
TEST_P(Sink, a_short_write_is_continued) {
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  char path[] = "/var/tmp/flashline-short-XXXXXX";
  const int fd = ::mkstemp(path);
  ::unlink(path);
  auto medium = medium_of(FileDescriptor{}, false);
  medium.buffered = FileDescriptor{fd};
  MediumSink sink{*ring, std::move(medium)};
  std::ranges::fill(ring->buffer(0).bytes, std::byte{7});
  const rlimit limit{300000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto status = awaited(context, sink.write(ByteOffset{0}, ring->buffer(0)));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, errc::device_full);
  EXPECT_NE(status.error().detail.find("at offset 300000"), std::string::npos) << status.error().detail;
}

TEST_P(Sink, zeros_are_written_where_nothing_better_is_to_be_had) {
  // A memory file behind an odd "device": BLKZEROOUT does not exist for it.
  const int fd = memory_file(1_MiB);
  auto medium = medium_of(FileDescriptor{fd}, true);
  medium.facts.sector_size = 512;
  MediumSink sink{*ring, std::move(medium)};
  std::ranges::fill(ring->buffer(0).bytes, std::byte{7});
  ASSERT_TRUE(awaited(context, sink.write(ByteOffset{0}, ring->buffer(0))));
  EXPECT_TRUE(awaited(context, sink.discard(ByteOffset{0}, ByteCount{4096}))) << "promises nothing";
  ASSERT_TRUE(awaited(context, sink.zero(ByteOffset{512}, ByteCount{1_MiB - 1024})));
  ASSERT_TRUE(awaited(context, sink.read(ByteOffset{0}, ring->buffer(1))));
  const auto bytes = ring->buffer(1).bytes;
  EXPECT_TRUE(std::ranges::all_of(bytes.subspan(512, 1_MiB - 1024), [](std::byte b) { return b == std::byte{0}; }));
  EXPECT_EQ(bytes[511], std::byte{7});
  EXPECT_EQ(bytes[1_MiB - 512], std::byte{7});
}

INSTANTIATE_TEST_SUITE_P(By, Sink, ::testing::Bool(),
                         [](const auto& row) { return row.param ? "threads" : "io_uring"; });

}  // namespace
}  // namespace flashline::transport::detail
