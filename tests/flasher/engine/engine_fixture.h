#pragma once
// Images made by hand, boards made of memory, and an engine to bring them together.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "flasher/engine/detail/signal.h"
#include "flasher/engine/engine.h"
#include "imaging/core/digest.h"
#include "tests/fakes/memory_disk.h"
#include "tests/fakes/scripted_sink.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line::tests {

using flashline::tests::ScriptedSink;
using flashline::tests::SinkCall;
using flashline::tests::SinkFault;
using flashline::tests::SinkScript;
using imaging::BlockPlan;
using imaging::content_run;
using imaging::Phase;
using imaging::zero_run;

/// A board whose writes wait while its gate is shut. Event thread, but for open().
class GatedSink final : public transport::BlockSink {
 public:
  explicit GatedSink(ByteCount capacity, std::size_t free_writes = 0) : board{capacity}, free_{free_writes} {}

  const transport::SinkFacts& facts() const override { return board.facts(); }
  asio::awaitable<Status> write(ByteOffset at, transport::IoBuffer data) override {
    ++asked;
    while (!is_open_ && asked > free_) co_await opened_.wait();
    co_return co_await board.write(at, data);
  }
  asio::awaitable<Status> flush() override { return board.flush(); }
  asio::awaitable<Status> read(ByteOffset at, transport::IoBuffer into) override { return board.read(at, into); }
  asio::awaitable<Status> discard(ByteOffset at, ByteCount length) override { return board.discard(at, length); }
  asio::awaitable<Status> zero(ByteOffset at, ByteCount length) override { return board.zero(at, length); }

  void open(const asio::any_io_executor& executor) {
    asio::post(executor, [this] {
      is_open_ = true;
      opened_.notify();
    });
  }

  ScriptedSink board;
  std::size_t asked = 0;

 private:
  std::size_t free_;
  bool is_open_ = false;
  detail::Signal opened_;
};

class EngineTest : public ::testing::Test {
 protected:
  void start(EngineOptions options = {}) {
    if (options.spool_folder.empty()) options.spool_folder = folder_.path() / "cache";
    auto engine = Engine::create(std::move(options));
    ASSERT_TRUE(engine) << engine.error().detail;
    engine_ = std::move(*engine);
  }
  void TearDown() override {
    image_.reset();
    engine_.reset();
  }

  template <class T>
  T await(asio::awaitable<T> work) {
    return asio::co_spawn(engine_->executor(), std::move(work), asio::use_future).get();
  }
  std::future<RunReport> start_run(RunRequest request) {
    return asio::co_spawn(engine_->executor(), engine_->run(std::move(request)), asio::use_future);
  }
  /// All at the same moment of the event thread.
  std::vector<std::future<RunReport>> start_together(std::vector<RunRequest> requests) {
    return await(start_all(this, std::move(requests)));
  }
  static asio::awaitable<std::vector<std::future<RunReport>>> start_all(EngineTest* test,
                                                                        std::vector<RunRequest> requests) {
    std::vector<std::future<RunReport>> runs;
    for (auto& request : requests) runs.push_back(test->start_run(std::move(request)));
    co_return runs;
  }
  RunReport run(RunRequest request) { return start_run(std::move(request)).get(); }

  /// Content in a file, which tests may damage later.
  std::filesystem::path content_path() const { return folder_.path() / "content"; }
  void write_content(std::span<const std::byte> content) {
    std::ofstream{content_path(), std::ios::binary | std::ios::trunc}.write(
        reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }
  void damage(std::uint64_t at) {
    const imaging::FileHandle file{::open(content_path().c_str(), O_RDWR)};
    char byte = 0;
    ASSERT_EQ(::pread(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
    byte = static_cast<char>(byte ^ 1);
    ASSERT_EQ(::pwrite(file.get(), &byte, 1, static_cast<off_t>(at)), 1);
  }

  /// An image of one store whose content is `content`.
  std::shared_ptr<LoadedImage> load(BlockPlan plan, const std::vector<std::byte>& content) {
    write_content(content);
    std::vector<imaging::StorePlan> stores;
    stores.push_back({"", std::move(plan)});
    return load(std::move(stores), content.size());
  }
  std::shared_ptr<LoadedImage> load(std::vector<imaging::StorePlan> stores, std::uint64_t size) {
    imaging::OpenedImage opened;
    opened.stores = std::move(stores);
    opened.content.file = imaging::FileHandle{::open(content_path().c_str(), O_RDONLY)};
    opened.content.size = ByteCount{size};
    auto loaded = await(engine_->load(std::move(opened), content_path()));
    EXPECT_TRUE(loaded) << loaded.error().detail;
    return loaded ? *loaded : nullptr;
  }

  static RunRequest request(std::shared_ptr<LoadedImage> image, std::shared_ptr<transport::BlockSink> sink,
                            WriteOptions options = {}) {
    RunRequest made;
    made.image = std::move(image);
    made.targets.push_back({"", std::move(sink), {}});
    made.options = std::move(options);
    made.control = std::make_shared<RunControl>();
    return made;
  }

  fakes::TempFolder folder_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<LoadedImage> image_;
};

/// SHA-256 of each `unit` of `content`.
inline imaging::HashTable hash_table(const std::vector<std::byte>& content, std::uint32_t unit) {
  auto digests = std::make_shared<std::vector<Sha256>>();
  for (std::size_t at = 0; at < content.size(); at += unit) {
    digests->push_back(sha256(std::span{content}.subspan(at, std::min<std::size_t>(unit, content.size() - at))));
  }
  return {.unit = unit, .origin = {}, .digests = std::move(digests)};
}

/// All of `content` in one data phase, at the same place on the target.
inline BlockPlan plain_plan(const std::vector<std::byte>& content, std::uint32_t unit = 0) {
  BlockPlan plan;
  plan.phases = {{Phase::Kind::data, {content_run(0, content.size(), 0)}}};
  plan.needs.min_size = ByteCount{content.size()};
  if (unit != 0) plan.hashes = hash_table(content, unit);
  return plan;
}

/// As plan_disk makes it: tables wiped, data, tables last. `content` is the whole disk.
inline BlockPlan table_plan(const std::vector<std::byte>& content, std::uint64_t area = 128_KiB) {
  const std::uint64_t size = content.size();
  BlockPlan plan;
  plan.phases = {{Phase::Kind::initial_table, {zero_run(size - area, area), zero_run(0, area)}},
                 {Phase::Kind::data, {content_run(area, size - 2 * area, area)}},
                 {Phase::Kind::final_table, {content_run(0, area, 0), content_run(size - area, area, size - area)}}};
  plan.needs.min_size = ByteCount{size};
  plan.needs.gpt_size = ByteCount{size};
  return plan;
}

inline std::string_view code(const RunReport& report) { return report.error ? code_of(report.error->code) : "none"; }

}  // namespace flashline::line::tests
