// What goes wrong on the way from a boot ROM to a written medium, moment by moment, and how each of it ends: one row a
// fault. docs/faults.md is made from the table; FLASHLINE_NEW_GOLDEN=1 writes it anew.

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>
#include <sstream>

#include "flasher/board/bring_up.h"
#include "tests/flasher/board/fault_table.h"
#include "tests/flasher/engine/engine_fixture.h"
#include "tests/lab/emulators/emulated_host.h"
#include "tests/lab/emulators/whole_board.h"

namespace flashline::line::tests {
namespace {

transport::PortPath port(std::uint8_t number) { return {"platform-test.0", {4, number}, {}}; }

constexpr std::chrono::seconds longest{20};  ///< what takes longer hangs

bool is_shown(std::string_view text) {
  return std::ranges::all_of(text, [](char each) { return each >= ' ' && each <= '~'; });
}

class FaultMatrix : public EngineTest, public ::testing::WithParamInterface<Cell> {
 protected:
  struct Slot {
    transport::PortPath where;
    Board board;
    std::vector<std::string> notes{};
    std::string outcome{};
    std::optional<Error> error{};
  };

  void SetUp() override {
    start({.stall = std::chrono::milliseconds{800}});
    host_ = std::make_unique<lab::EmulatedHost>(engine_->executor());
    content_ = imaging::pattern(storage_size, 5);
    auto plan = table_plan(content_);
    plan.hashes = hash_table(content_, 131072);
    image_ = load(std::move(plan), content_);
    if (!is_card()) path_ = make_path();
  }
  void TearDown() override {
    image_.reset();
    engine_.reset();
    host_.reset();
  }

  static bool is_card() { return GetParam().way == Way::card; }

  /// The shipped profile in a hurry, with boot files on the shelf.
  Path make_path() {
    Path path;
    path.profile = config::find_board(facts_of(GetParam().way).profile, folder_.path() / "boards").value();
    for (auto& stage : path.profile.stages) {
      stage.gap = std::chrono::milliseconds{300};
      stage.timeout = std::chrono::seconds{10};
    }
    path.profile.power.cycle = true;
    path.profile.power.off = std::chrono::milliseconds{0};
    path.profile.storage.segment = ByteCount{1_MiB};
    EXPECT_TRUE(lab::make_boot_files(path.profile));
    path.files = load_stage_files(path.profile).value();
    return path;
  }

  Board good_board() const {
    Board board;
    if (!is_card()) {
      auto whole = lab::whole_board(path_.profile, {.capacity = storage_size}).value();
      for (auto& each : whole.stages) board.stages.push_back(std::move(each.enter));
      board.medium = std::move(whole.storage);
    }
    if (is_card() || GetParam().way == Way::disk) medium({})(board);
    return board;
  }

  struct Handed final : transport::BlockSink {
    explicit Handed(std::shared_ptr<ScriptedSink> disk) : disk{std::move(disk)} {}
    const transport::SinkFacts& facts() const override { return disk->facts(); }
    asio::awaitable<Status> write(ByteOffset at, transport::IoBuffer data) override { return disk->write(at, data); }
    asio::awaitable<Status> flush() override { return disk->flush(); }
    asio::awaitable<Status> read(ByteOffset at, transport::IoBuffer into) override { return disk->read(at, into); }
    asio::awaitable<Status> discard(ByteOffset at, ByteCount n) override { return disk->discard(at, n); }
    asio::awaitable<Status> zero(ByteOffset at, ByteCount n) override { return disk->zero(at, n); }
    std::shared_ptr<ScriptedSink> disk;
  };

  BringUpTools tools(Slot& slot) {
    using Opened = Result<std::unique_ptr<transport::BlockSink>>;
    return {
        .usb = *host_,
        .open_disk = [&slot](transport::PortPath) -> asio::awaitable<Opened> {
          co_return std::make_unique<Handed>(slot.board.disk);
        },
        .power_cycle = [this, &slot](transport::PortPath where, std::chrono::milliseconds) -> asio::awaitable<Status> {
          host_->unplug(where);
          host_->plug(where, slot.board.after_power ? *slot.board.after_power : slot.board.stages);
          co_return Status{};
        },
        .note = [&slot](std::string text) { slot.notes.push_back(std::move(text)); }};
  }

  static asio::awaitable<RunReport> failed(Error error) {
    RunReport report;
    report.error = std::move(error);
    co_return report;
  }
  /// From the plugging in to the last byte. On the event thread.
  static asio::awaitable<RunReport> flash(FaultMatrix* self, Slot* slot) {
    std::shared_ptr<transport::BlockSink> sink = slot->board.disk;
    if (!is_card()) {
      BringUpOptions options;
      options.rpiboot.before_return_code = options.rpiboot.between_requests = std::chrono::milliseconds{0};
      self->host_->unplug(slot->where);
      self->host_->plug(slot->where, slot->board.stages);
      auto raised = co_await bring_up(self->tools(*slot), self->path_.profile, self->path_.files, slot->where, options);
      if (!raised) co_return co_await failed(raised.error());
      EXPECT_TRUE(is_shown(raised->board_serial) && is_shown(raised->sink->facts().medium)) << "what it calls itself";
      sink = std::move(raised->sink);
    }
    auto made = request(self->image_, std::move(sink), {.stale = StalePolicy::zero});
    co_return co_await self->engine_->run(std::move(made));
  }

  std::future<RunReport> begin(Slot& slot) {
    return asio::co_spawn(engine_->executor(), flash(this, &slot), asio::use_future);
  }
  bool end(Slot& slot, std::future<RunReport> run) {
    if (run.wait_for(longest) != std::future_status::ready) {
      slot.outcome = "hangs";
      return false;
    }
    slot.error = run.get().error;
    slot.outcome = slot.error ? std::string{code_of(slot.error->code)} : "passes" + how(slot.notes);
    return true;
  }
  /// What the ladder had to do.
  static std::string how(const std::vector<std::string>& notes) {
    const auto says = [&](std::string_view words) {
      return std::ranges::any_of(notes, [&](const auto& note) { return note.find(words) != std::string::npos; });
    };
    if (says("power goes off")) return " after power off and on";
    if (says("port is reset")) return " after a reset of its port";
    return says("error[") ? " when it is back" : "";
  }

  static asio::awaitable<int> pipes(lab::EmulatedHost* host) { co_return host->open_pipes(); }

  void expect_good(Slot& slot, std::string_view who) {
    EXPECT_EQ(slot.outcome, "passes") << who << ": " << (slot.error ? slot.error->detail : "");
    EXPECT_TRUE(slot.board.medium() == content_) << who << ": every block";
  }

  std::unique_ptr<lab::EmulatedHost> host_;
  std::vector<std::byte> content_;
  Path path_;
};

TEST_P(FaultMatrix, ends_as_the_table_says_and_harms_nobody) {
  const Cell& cell = GetParam();
  Slot slot{.where = port(1), .board = good_board()};
  Slot neighbour{.where = port(2), .board = good_board()};
  if (cell.spoil) cell.spoil(slot.board);
  if (cell.prepare) {
    Path spoilt = path_;
    const auto prepared = cell.prepare(spoilt, folder_.path());
    ASSERT_FALSE(prepared) << "the station must say it at its start";
    slot.outcome = code_of(prepared.error().code);
    slot.error = prepared.error();
  }
  std::future<RunReport> run;
  if (!cell.prepare) run = begin(slot);
  auto beside = begin(neighbour);
  if (run.valid()) ASSERT_TRUE(end(slot, std::move(run))) << "hangs";
  ASSERT_TRUE(end(neighbour, std::move(beside)));

  EXPECT_EQ(slot.outcome, cell.expected) << (slot.error ? slot.error->detail : "") << "\n  "
                                         << ::testing::PrintToString(slot.notes);
  for (const auto& note : slot.notes) EXPECT_TRUE(is_shown(note)) << note;
  if (slot.error) {
    EXPECT_TRUE(is_shown(slot.error->detail)) << slot.error->detail;
    EXPECT_FALSE(advice_of(slot.error->code).empty());
  }
  if (!cell.prepare) {
    const auto medium = slot.board.medium();
    // What failed must not boot: its first sector is the last thing that is written.
    EXPECT_EQ(std::equal(content_.begin(), content_.begin() + 512, medium.begin()), !slot.error);
    if (!slot.error) EXPECT_TRUE(medium == content_) << "every block";
  }
  expect_good(neighbour, "its neighbour");
  EXPECT_EQ(await(pipes(host_.get())), 0) << "nobody holds a board any more";
  Slot next{.where = port(1), .board = good_board()};
  ASSERT_TRUE(end(next, begin(next)));
  expect_good(next, "the next board in the slot");
}

INSTANTIATE_TEST_SUITE_P(Cell, FaultMatrix, ::testing::ValuesIn(cells()), [](const auto& row) {
  std::string name = std::to_string(row.index) + "_";
  for (const char each : std::string{row.param.moment} + "_" + std::string{row.param.fault})
    name += std::isalnum(static_cast<unsigned char>(each)) != 0 ? each : '_';
  return name;
});

std::string end_of(const Cell& cell) {
  Errc code{};
  if (!find_errc(cell.expected, code)) return fmt::format("| {} | |", cell.expected);
  return fmt::format("| fails with {} | {} |", cell.expected, advice_of(code));
}

std::string page() {
  std::string text =
      "# What may go wrong with a board, and how it ends\n\n"
      "Made by `test_flasher`, which plays each row against the program: with FLASHLINE_NEW_GOLDEN=1 it writes this "
      "page "
      "anew.\nIn each row a second board in another slot is flashed at the same time and comes out right, block by "
      "block; the slot\nis free again, and the next board in it passes. A board that failed does not boot. The hub "
      "can switch its ports' power.\n";
  std::optional<Way> way;
  for (const Cell& cell : cells()) {
    if (way != cell.way) {
      way = cell.way;
      text += fmt::format(
          "\n## {}\n\n| when | what the board does | how it ends | what the operator is told |\n"
          "| --- | --- | --- | --- |\n",
          facts_of(cell.way).title);
    }
    text += fmt::format("| {} | {} {}\n", cell.moment, cell.fault, end_of(cell));
  }
  return text;
}

TEST(FaultMatrixPage, is_in_the_docs_and_large_enough) {
  EXPECT_GE(cells().size(), 60U);
  const std::string path = FLASHLINE_SOURCE_DIR "/docs/faults.md";
  if (std::getenv("FLASHLINE_NEW_GOLDEN") != nullptr) std::ofstream{path} << page();
  std::ostringstream kept;
  kept << std::ifstream{path}.rdbuf();
  EXPECT_EQ(kept.str(), page());
}

}  // namespace
}  // namespace flashline::line::tests
