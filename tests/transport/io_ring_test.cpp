#include "transport/block/io_ring.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <optional>
#include <semaphore>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tests/fakes/awaited.h"

namespace flashline::transport {
namespace {

using tests::awaited;

struct TempFile {
  TempFile() : fd{::mkstemp(path)} {}
  ~TempFile() {
    ::close(fd);
    ::unlink(path);
  }
  char path[32] = "/tmp/flashline-ring-XXXXXX";
  int fd;
};

struct Path {
  const char* name;
  IoRing::Options options;
};

class Ring : public ::testing::TestWithParam<Path> {
 protected:
  void SetUp() override {
    auto made = IoRing::create(context.get_executor(), GetParam().options);
    ASSERT_TRUE(made) << made.error().detail;
    ring = std::move(*made);
  }

  asio::io_context context;
  std::unique_ptr<IoRing> ring;
  TempFile file;
};

void fill(std::span<std::byte> bytes, unsigned seed) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>((i * 7 + seed * 31) & 0xFF);
}

TEST_P(Ring, says_which_path_was_chosen) {
  EXPECT_EQ(ring->path(), GetParam().options.force_threads ? "threads" : "io_uring") << ring->path_reason();
  EXPECT_EQ(ring->path_reason().empty(), !GetParam().options.force_threads);
}

TEST_P(Ring, buffers_are_aligned_and_apart) {
  ASSERT_EQ(ring->buffer_count(), 8U);
  for (int slot = 0; slot < 8; ++slot) {
    const auto buffer = ring->buffer(slot);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.bytes.data()) % 4096, 0U);
    EXPECT_EQ(buffer.bytes.size(), 65536U);
    EXPECT_EQ(buffer.slot, slot);
    if (slot > 0) EXPECT_GE(buffer.bytes.data(), ring->buffer(slot - 1).bytes.data() + 65536);
  }
}

TEST_P(Ring, reads_what_it_wrote_with_registered_and_other_memory) {
  alignas(4096) static std::byte own[4096];
  const auto registered = ring->buffer(3).part(4096, 4096);
  fill(registered.bytes, 1);
  EXPECT_EQ(awaited(context, ring->write(file.fd, ByteOffset{8192}, registered)).value, 4096);
  EXPECT_EQ(awaited(context, ring->read(file.fd, ByteOffset{8192}, IoBuffer{own})).value, 4096);
  EXPECT_TRUE(std::ranges::equal(own, registered.bytes));
  EXPECT_EQ(awaited(context, ring->fsync(file.fd)).value, 0);
}

// The number means something only together with the memory: a foreign buffer must not be taken for one of ours.
TEST_P(Ring, takes_foreign_memory_that_carries_a_number) {
  alignas(4096) std::byte foreign[4096];
  fill(foreign, 9);
  EXPECT_EQ(awaited(context, ring->write(file.fd, ByteOffset{0}, IoBuffer{foreign, 2})).value, 4096);
  EXPECT_EQ(awaited(context, ring->read(file.fd, ByteOffset{0}, ring->buffer(0).part(0, 4096))).value, 4096);
  EXPECT_TRUE(std::ranges::equal(foreign, ring->buffer(0).bytes.first(4096)));
}

asio::awaitable<void> write_one(IoRing& ring, int fd, std::uint64_t at, IoBuffer data, int& good) {
  const auto result = co_await ring.write(fd, ByteOffset{at}, data);
  if (result.bytes() == data.bytes.size()) ++good;
}

// More than the submission queue (256) and the completion queue (1024) hold.
TEST_P(Ring, runs_more_operations_than_its_queues_hold) {
  constexpr int count = 3000;
  int good = 0;
  for (int slot = 0; slot < 8; ++slot) fill(ring->buffer(slot).bytes, static_cast<unsigned>(slot));
  for (int i = 0; i < count; ++i) {
    const auto data = ring->buffer(i % 8).part(0, 512);
    asio::co_spawn(context, write_one(*ring, file.fd, static_cast<std::uint64_t>(i) * 512, data, good), asio::detached);
  }
  context.run();
  EXPECT_EQ(good, count);
  std::vector<std::byte> all(std::size_t{count} * 512);
  ASSERT_EQ(::pread(file.fd, all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(std::equal(all.begin() + static_cast<std::ptrdiff_t>(i * 512),
                           all.begin() + static_cast<std::ptrdiff_t>(i * 512 + 512),
                           ring->buffer(static_cast<int>(i % 8)).bytes.begin()))
        << i;
  }
}

TEST_P(Ring, an_idle_ring_lets_run_return) {
  EXPECT_EQ(awaited(context, ring->fsync(file.fd)).value, 0);
  context.restart();
  context.run();
}

struct Failure {
  const char* name;
  const char* path;
  int flags;
  bool write;
  int error;
};

TEST_P(Ring, gives_the_kernels_errors) {
  const Failure failures[] = {{"full", "/dev/full", O_RDWR, true, ENOSPC},
                              {"not for writing", "/dev/zero", O_RDONLY, true, EBADF},
                              {"a folder", "/tmp", O_RDONLY, false, EISDIR}};
  for (const auto& each : failures) {
    const int fd = ::open(each.path, each.flags | O_CLOEXEC);
    const auto buffer = ring->buffer(0).part(0, 512);
    auto work = each.write ? ring->write(fd, ByteOffset{0}, buffer) : ring->read(fd, ByteOffset{0}, buffer);
    EXPECT_EQ(awaited(context, std::move(work)).error(), each.error) << each.name;
    ::close(fd);
  }
}

TEST_P(Ring, a_read_at_the_end_is_short) {
  ASSERT_EQ(::ftruncate(file.fd, 1000), 0);
  EXPECT_EQ(awaited(context, ring->read(file.fd, ByteOffset{512}, ring->buffer(0).part(0, 4096))).value, 488);
  EXPECT_EQ(awaited(context, ring->read(file.fd, ByteOffset{4096}, ring->buffer(0).part(0, 4096))).value, 0);
}

TEST_P(Ring, calls_run_on_another_thread) {
  std::thread::id ran_on;
  const auto result = awaited(context, ring->call([&] {
    ran_on = std::this_thread::get_id();
    return std::int64_t{42};
  }));
  EXPECT_EQ(result.value, 42);
  EXPECT_NE(ran_on, std::this_thread::get_id());
  EXPECT_EQ(awaited(context, ring->call([] { return std::int64_t{-EIO}; })).error(), EIO);
}

// A device that stalls must not take the threads that another one needs.
TEST_P(Ring, blocked_calls_do_not_hold_up_others) {
  std::counting_semaphore<> stalled{0};
  int ended = 0;
  for (int i = 0; i < 40; ++i) {
    asio::co_spawn(context, ring->call([&stalled] {
      stalled.acquire();
      return std::int64_t{0};
    }),
                   [&ended](std::exception_ptr, IoResult) { ++ended; });
  }
  EXPECT_EQ(awaited(context, ring->call([] { return std::int64_t{1}; })).value, 1);
  EXPECT_EQ(awaited(context, ring->write(file.fd, ByteOffset{0}, ring->buffer(0).part(0, 512))).value, 512);
  EXPECT_EQ(ended, 0);
  stalled.release(40);
  context.restart();
  context.run();
  EXPECT_EQ(ended, 40);
}

TEST_P(Ring, destroying_it_waits_for_the_kernel_and_then_tells_everyone) {
  std::binary_semaphore started{0};
  std::binary_semaphore go_on{0};
  std::vector<std::int64_t> results;
  auto note = [&results](std::exception_ptr, IoResult result) { results.push_back(result.value); };
  asio::co_spawn(context, ring->call([&] {
    started.release();
    go_on.acquire();
    return std::int64_t{7};
  }),
                 note);
  context.poll();
  started.acquire();
  // Started but not submitted yet: the loop does not turn between this and the end.
  asio::co_spawn(context, ring->write(file.fd, ByteOffset{0}, ring->buffer(0).part(0, 512)), note);
  context.poll_one();
  std::thread late{[&] { go_on.release(); }};
  ring.reset();
  late.join();
  EXPECT_TRUE(results.empty());
  context.restart();
  context.run();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_TRUE(std::ranges::count(results, 7) == 1);
}

TEST_P(Ring, a_handler_may_destroy_it) {
  int ended = 0;
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(context, ring->write(file.fd, ByteOffset{0}, ring->buffer(0).part(0, 512)),
                   [&](std::exception_ptr, IoResult) {
                     ++ended;
                     ring.reset();
                   });
  }
  context.run();
  EXPECT_EQ(ended, 20);
}

TEST_P(Ring, an_awaitable_may_outlive_it) {
  auto work = ring->write(file.fd, ByteOffset{0}, ring->buffer(0).part(0, 512));
  ring.reset();
  EXPECT_EQ(awaited(context, std::move(work)).error(), ECANCELED);
}

TEST_P(Ring, unfinished_work_may_die_with_its_context) {
  std::binary_semaphore go_on{0};
  auto lone = std::make_unique<asio::io_context>();
  auto its_ring = IoRing::create(lone->get_executor(), GetParam().options);
  ASSERT_TRUE(its_ring);
  auto held = std::make_shared<int>(5);
  asio::co_spawn(*lone, (*its_ring)->call([&go_on] {
    go_on.acquire();
    return std::int64_t{0};
  }),
                 [held](std::exception_ptr, IoResult) { FAIL(); });
  lone->poll();
  go_on.release();
  its_ring->reset();
  lone.reset();
  EXPECT_EQ(held.use_count(), 1);
}

INSTANTIATE_TEST_SUITE_P(Paths, Ring,
                         ::testing::Values(Path{"io_uring", {8, 65536, false}}, Path{"threads", {8, 65536, true}}),
                         [](const auto& row) { return row.param.name; });

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
  ~Pipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  int ends[2] = {-1, -1};
};

// A pipe that nobody writes to stands for a device that does not answer.
class HungDevice : public ::testing::Test {
 protected:
  asio::io_context context;
  std::unique_ptr<IoRing> ring = *IoRing::create(context.get_executor(), {8, 65536, false});
  Pipe pipe;
  std::optional<IoResult> result;

  void start_read(asio::cancellation_slot slot = {}) {
    asio::co_spawn(context, ring->read(pipe.ends[0], ByteOffset{0}, ring->buffer(0)),
                   asio::bind_cancellation_slot(slot, [this](std::exception_ptr, IoResult r) { result = r; }));
  }
};

TEST_F(HungDevice, a_submitted_operation_can_be_cancelled) {
  asio::cancellation_signal signal;
  start_read(signal.slot());
  context.poll();
  EXPECT_FALSE(result);
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  EXPECT_EQ(result->error(), ECANCELED);
}

TEST_F(HungDevice, an_operation_can_be_cancelled_before_it_is_submitted) {
  asio::cancellation_signal signal;
  start_read(signal.slot());
  context.poll_one();
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_FALSE(result) << "called back from within emit()";
  context.restart();
  context.run();
  EXPECT_EQ(result->error(), ECANCELED);
}

TEST_F(HungDevice, destroying_the_ring_cancels) {
  start_read();
  context.poll();
  ring.reset();
  context.restart();
  context.run();
  EXPECT_EQ(result->error(), ECANCELED);
}

// A station without io_uring or with little locked memory, made for real in a child process.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int write_by_path(std::string_view expected_path) {
  asio::io_context context;
  TempFile file;
  auto ring = IoRing::create(context.get_executor(), {4, 1_MiB, false});
  if (!ring) return 10;
  if ((*ring)->path() != expected_path) return 11;
  if ((*ring)->path_reason().empty()) return 12;
  return awaited(context, (*ring)->write(file.fd, ByteOffset{0}, (*ring)->buffer(1))).value == 1_MiB ? 0 : 13;
}

class Blocked : public ::testing::TestWithParam<int> {};

TEST_P(Blocked, io_uring_falls_back_to_threads) {
  const auto refuse_with = static_cast<unsigned>(GetParam());
  EXPECT_EQ(in_child([=] {
              sock_filter filter[] = {
                  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_io_uring_setup, 0, 1),
                  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | refuse_with),
                  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
              };
              const sock_fprog program{4, filter};
              ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
              if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 1;
              return write_by_path("threads");
            }),
            0);
}

INSTANTIATE_TEST_SUITE_P(By, Blocked, ::testing::Values(EPERM, ENOSYS));

TEST(LockedMemory, too_little_of_it_keeps_io_uring_without_registered_buffers) {
  EXPECT_EQ(in_child([] {
              __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
              __user_cap_data_struct none[2]{};
              if (::syscall(SYS_capset, &header, none) != 0) return 1;
              const rlimit little{65536, 65536};
              if (::setrlimit(RLIMIT_MEMLOCK, &little) != 0) return 2;
              return write_by_path("io_uring without registered buffers");
            }),
            0);
}

}  // namespace
}  // namespace flashline::transport
