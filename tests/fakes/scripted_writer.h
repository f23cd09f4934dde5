#pragma once
// Boards that do what a test says, behind the seam that a line stands on.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flasher/slot/board_writer.h"
#include "imaging/core/errors/device.h"
#include "imaging/provisioning/text_template.h"

namespace flashline::line::test {

/// A board's medium that is told apart by name only.
class NamedSink final : public transport::BlockSink {
 public:
  NamedSink(std::string path, std::string medium) {
    facts_.path = std::move(path);
    facts_.medium = std::move(medium);
    facts_.capacity = ByteCount{1_MiB};
  }
  const transport::SinkFacts& facts() const override { return facts_; }
  asio::awaitable<Status> write(ByteOffset, transport::IoBuffer) override { co_return Status{}; }
  asio::awaitable<Status> flush() override { co_return Status{}; }
  asio::awaitable<Status> read(ByteOffset, transport::IoBuffer) override { co_return Status{}; }
  asio::awaitable<Status> discard(ByteOffset, ByteCount) override { co_return Status{}; }
  asio::awaitable<Status> zero(ByteOffset, ByteCount) override { co_return Status{}; }

 private:
  transport::SinkFacts facts_;
};

/// The board in one slot.
struct ScriptedBoard {
  std::string medium;
  bool present = true;
  std::optional<Error> refuse;  ///< open() answers this
  std::deque<Error> failures;   ///< the next runs fail with these
  bool hold = false;            ///< runs stay at `hold_at` until this is false or they are cancelled
  RunStep hold_at = RunStep::writing;
};

class ScriptedWriter final : public BoardWriter {
 public:
  explicit ScriptedWriter(asio::io_context& io) : io_{io} {}
  ~ScriptedWriter() override { blocking_.join(); }

  std::map<std::string, ScriptedBoard> boards;              ///< by slot
  std::map<std::string, std::vector<std::string>> written;  ///< by medium: what the overlay put there, run by run
  std::optional<Error> image_error;
  std::string image_digest = std::string(64, 'd');
  std::size_t running = 0;
  std::size_t most_running = 0;

  asio::any_io_executor executor() override { return io_.get_executor(); }
  asio::any_io_executor blocking() override { return blocking_.get_executor(); }

  asio::awaitable<Result<BoardImage>> load(std::filesystem::path image) override {
    co_await asio::post(io_, asio::use_awaitable);
    if (image_error) co_return std::unexpected{*image_error};
    co_return BoardImage{"ffu-v2", image.string(), "CN=test", [digest = image_digest] { return digest; }, nullptr};
  }

  asio::awaitable<bool> present(const config::Slot& slot) override { co_return boards[slot.name].present; }

  asio::awaitable<Result<std::shared_ptr<transport::BlockSink>>> open(const config::Slot& slot,
                                                                      const BoardImage&) override {
    co_await asio::post(io_, asio::use_awaitable);
    const auto& board = boards[slot.name];
    if (board.refuse) co_return std::unexpected{*board.refuse};
    co_return std::make_shared<NamedSink>(slot.name, board.medium);
  }

  Status check(const RunRequest&) override { return {}; }

  Result<imaging::UnitOverlay> render(const BoardImage&, const transport::SinkFacts&, const config::Recipe& recipe,
                                      const imaging::UnitFields& fields) override {
    std::string all;
    for (const auto& file : recipe.overlay) {
      FL_TRY(const auto text, imaging::render_template(file.text, fields, file.path));
      all += text;
    }
    const auto bytes = std::as_bytes(std::span{all});
    return imaging::UnitOverlay{{{ByteOffset{0}, {bytes.begin(), bytes.end()}}}};
  }

  asio::awaitable<RunReport> run(RunRequest request) override {
    const auto sink = request.targets.front().sink;
    auto& board = boards[sink->facts().path];
    most_running = std::max(most_running, ++running);
    RunReport report;
    request.control->progress.write_total = 100;
    for (const RunStep step : {RunStep::preparing, RunStep::writing, RunStep::verifying, RunStep::finishing}) {
      report.reached = step;
      request.control->progress.step = step;
      co_await asio::post(io_, asio::use_awaitable);
      if (step == RunStep::writing) keep_overlay(request.targets.front());
      while (board.hold && board.hold_at == step && !request.control->cancelled()) co_await turn();
      if (request.control->cancelled()) report.error = Error{errc::cancelled, "between two writes"};
      if (report.error) break;
    }
    if (!report.error && !board.failures.empty()) {
      report.error = board.failures.front();
      board.failures.pop_front();
    }
    if (!report.error) report.reached = RunStep::done;
    StoreReport& store = report.stores.emplace_back();
    store.sink = sink->facts();
    store.written = ByteCount{100};
    store.verified = ByteCount{100};
    store.rewritten.add({8, 8});
    --running;
    co_return report;
  }

 private:
  asio::awaitable<void> turn() {
    asio::steady_timer timer{io_, std::chrono::milliseconds{1}};
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }

  void keep_overlay(const StoreTarget& target) {
    std::string text;
    for (const auto& extent : target.overlay.extents) {
      for (const auto byte : extent.bytes) text += static_cast<char>(byte);
    }
    written[target.sink->facts().medium].push_back(text);
  }

  asio::io_context& io_;
  asio::thread_pool blocking_{1};
};

}  // namespace flashline::line::test
