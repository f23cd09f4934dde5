#pragma once
// A station's line on scripted boards, driven by the test's own thread.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>

#include "flasher/record/verify.h"
#include "flasher/slot/line.h"
#include "tests/fakes/scripted_writer.h"
#include "tests/fakes/state_folder.h"

namespace flashline::line::test {

class LineRig {
 public:
  explicit LineRig(unsigned slots) {
    station.name = "line-1";
    station.mode = config::Mode::test;
    station.paths.state = folder.path() / "state";
    station.paths.logs = folder.path() / "logs";
    station.paths.images = folder.path();
    for (unsigned i = 1; i <= slots; ++i) {
      config::Slot slot;
      slot.name = std::to_string(i);
      slot.column = i;
      slot.target.path = folder.path() / ("board-" + slot.name + ".img");
      station.slots.push_back(slot);
      writer.boards[slot.name].medium = "card-" + slot.name;
    }
  }
  ~LineRig() {
    if (line) stop();
  }

  void start() {
    auto opened = RecordThread::open({.folder = station.paths.state, .clock = clock, .on_record = {}, .at_step = {}});
    ASSERT_TRUE(opened) << to_text(opened.error());
    records = std::move(*opened);
    LineOptions options;
    options.station = station;
    options.version = "0.1.0";
    options.clock = clock;
    options.look_every = std::chrono::milliseconds{5};
    line = std::make_unique<Line>(options, writer, *records);
    line->observe([this](const LineEvent& event) { events.push_back(event); });
    const auto started = await(line->start());
    ASSERT_TRUE(started) << to_text(started.error());
  }

  void stop() {
    await_void(line->stop());
    line.reset();
    records.reset();
    io.restart();
    io.poll();
  }

  /// Runs the event loop until `done` says so; fails the test after ten seconds.
  void until(const std::function<bool()>& done, const char* what) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
    while (!done()) {
      io.restart();
      io.run_one_for(std::chrono::milliseconds{20});
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
    }
  }

  template <class T>
  T await(asio::awaitable<T> work) {
    std::optional<T> answer;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr bug, T value) {
      if (bug) std::rethrow_exception(bug);
      answer = std::move(value);
    });
    until([&] { return answer.has_value(); }, "an answer");
    return std::move(*answer);
  }
  void await_void(asio::awaitable<void> work) {
    bool over = false;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr bug) {
      if (bug) std::rethrow_exception(bug);
      over = true;
    });
    until([&] { return over; }, "an end");
  }

  std::string state(const std::string& slot) const { return line->slot(slot)->state; }
  void until_state(const std::string& slot, const std::string& wanted) {
    until([&] { return state(slot) == wanted; }, ("slot " + slot + " " + wanted).c_str());
  }
  void until_batch(BatchState wanted) {
    until([&] { return line->batch() && line->batch()->row.state == wanted; }, "the batch's state");
  }

  std::vector<UnitRow> units() {
    return *await(records->run([](Store& store) { return store.read().units(); }));
  }
  UnitRow unit(const std::string& serial) {
    return **await(records->run([serial](Store& store) { return store.read().unit(serial); }));
  }
  std::vector<AttemptRow> attempts(const std::string& serial) {
    return *await(records->run([serial](Store& store) { return store.read().attempts(serial); }));
  }

  /// A recipe whose overlay tells which unit a board got.
  std::filesystem::path recipe(const std::string& text = "${serial} ") {
    const auto file = folder.path() / "recipe.xml";
    std::ofstream{file} << "<recipe name=\"panel\"><identity><serial pattern=\"FL-{n:6}\" first=\"1\"/>"
                           "<mac first=\"02:00:5E:10:00:00\" last=\"02:00:5E:10:FF:FF\" count=\"2\"/>"
                           "<hostname pattern=\"panel-${unit}\"/></identity><overlay><file partition=\"ESP\" "
                           "path=\"/id\">"
                        << text << "</file></overlay></recipe>";
    return file;
  }
  std::filesystem::path csv(const std::string& text) {
    const auto file = folder.path() / "units.csv";
    std::ofstream{file} << text;
    return file;
  }
  WorkOrder order(std::optional<std::uint64_t> quantity) {
    WorkOrder work;
    work.name = "panels";
    work.operator_name = "Ada";
    work.image = "image.ffu";
    work.recipe = recipe();
    work.quantity = quantity;
    return work;
  }
  BatchView create(const WorkOrder& work) {
    auto created = await(line->create_batch(work));
    EXPECT_TRUE(created) << (created ? "" : to_text(created.error()));
    return created ? *created : BatchView{};
  }

  /// After the station stopped.
  void expect_good_records() {
    const auto report = verify_records(station.paths.state);
    ASSERT_TRUE(report) << to_text(report.error());
    EXPECT_TRUE(report->ok()) << report->findings[0].text;
  }

  MemoryFolder folder;
  config::Station station;
  Clock clock = ticking_clock();
  asio::io_context io;
  ScriptedWriter writer{io};
  std::unique_ptr<RecordThread> records;
  std::unique_ptr<Line> line;
  std::vector<LineEvent> events;
};

}  // namespace flashline::line::test
