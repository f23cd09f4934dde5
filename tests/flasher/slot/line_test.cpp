#include "flasher/slot/line.h"

#include <array>
#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/record.h"
#include "imaging/core/errors/target.h"
#include "imaging/core/errors/unit.h"
#include "tests/fakes/command.h"
#include "tests/fakes/line_rig.h"

namespace flashline::line {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Error write_error{errc::device_write, "at 4096"};

std::vector<std::string> serials_of(const std::vector<UnitRow>& units, UnitState state) {
  std::vector<std::string> serials;
  for (const auto& unit : units) {
    if (unit.state == state) serials.push_back(unit.serial);
  }
  return serials;
}

TEST(Line, eight_boards_get_eight_identities_at_once) {
  LineRig rig{8};
  rig.start();
  rig.create(rig.order(8));
  rig.until_batch(BatchState::done);
  std::set<std::string> serials;
  std::set<std::string> macs;
  for (const auto& unit : rig.units()) {
    EXPECT_EQ(unit.state, UnitState::committed);
    serials.insert(unit.serial);
    macs.insert(unit.macs.begin(), unit.macs.end());
    EXPECT_EQ(rig.writer.written[unit.medium], std::vector{unit.serial + " "}) << "the board has what the record says";
    EXPECT_EQ(unit.hostname, "panel-" + std::to_string(unit.number));
  }
  EXPECT_EQ(serials.size(), 8U);
  EXPECT_EQ(macs.size(), 16U);
  EXPECT_GT(rig.writer.most_running, 1U);
  EXPECT_EQ(rig.line->batch()->counts, (BatchCounts{8, 0, 0, 0}));
  for (const auto& slot : rig.line->slots()) EXPECT_EQ(slot.state, "passed");
  rig.stop();
  rig.expect_good_records();
}

TEST(Line, a_record_is_complete) {
  LineRig rig{1};
  rig.start();
  rig.create(rig.order(1));
  rig.until_batch(BatchState::done);
  const auto attempt = rig.attempts("FL-000001").front();
  EXPECT_EQ(attempt.state, AttemptState::passed);
  EXPECT_EQ(attempt.phase, "done");
  EXPECT_EQ(attempt.operator_name, "Ada");
  EXPECT_EQ(attempt.station, "line-1");
  EXPECT_EQ(attempt.medium, "card-1");
  EXPECT_EQ(attempt.image_digest, std::string(64, 'd'));
  EXPECT_EQ(attempt.recipe_digest.size(), 64U);
  EXPECT_EQ(attempt.overlay_digest.size(), 64U);
  EXPECT_EQ(attempt.bytes_written, 100U);
  EXPECT_EQ(attempt.bytes_verified, 100U);
  EXPECT_THAT(attempt.retried_lbas, ElementsAre(8U));
  EXPECT_EQ(attempt.log, "FL-000001-attempt-1.log");
  EXPECT_FALSE(attempt.started_at.empty());
  EXPECT_LT(attempt.started_at, attempt.ended_at);
  const auto log = rig.station.paths.logs / attempt.log;
  rig.until([&] { return std::filesystem::exists(log) && std::filesystem::file_size(log) > 100; }, "the log");
}

TEST(Line, complaint_49_a_failed_attempt_is_repeated_with_the_same_identity_on_the_same_board) {
  LineRig rig{1};
  rig.writer.boards["1"].failures = {write_error};
  rig.start();
  rig.create(rig.order(1));
  rig.until_batch(BatchState::done);
  const auto attempts = rig.attempts("FL-000001");
  ASSERT_EQ(attempts.size(), 2U);
  EXPECT_EQ(attempts[0].state, AttemptState::failed);
  EXPECT_EQ(attempts[0].error_code, "FL-DEV-001");
  EXPECT_EQ(attempts[1].state, AttemptState::passed);
  EXPECT_EQ(rig.units().size(), 1U);
  rig.stop();
  rig.expect_good_records();
}

TEST(Line, after_its_last_attempt_a_unit_is_voided_and_the_board_gets_a_fresh_identity_on_retry) {
  LineRig rig{1};
  rig.writer.boards["1"].failures = {write_error, write_error};
  rig.start();
  rig.create(rig.order(1));
  rig.until_state("1", "failed");
  EXPECT_EQ(rig.line->slot("1")->error->code, errc::device_write);
  EXPECT_EQ(rig.unit("FL-000001").state, UnitState::voided);
  EXPECT_THAT(rig.unit("FL-000001").reason, HasSubstr("2 of 2 attempts failed"));
  EXPECT_THAT(rig.unit("FL-000001").reason, HasSubstr("FL-DEV-001"));
  EXPECT_EQ(rig.line->batch()->counts, (BatchCounts{0, 1, 0, 2}));
  ASSERT_TRUE(rig.await(rig.line->retry("1", "Ada")));
  rig.until_batch(BatchState::done);
  EXPECT_EQ(rig.unit("FL-000002").state, UnitState::committed);
  EXPECT_EQ(rig.line->batch()->counts, (BatchCounts{1, 1, 0, 2}));
}

TEST(Line, a_medium_that_cannot_be_told_keeps_no_identity) {
  LineRig rig{1};
  rig.writer.boards["1"].medium = "";
  rig.writer.boards["1"].failures = {write_error};
  rig.start();
  rig.create(rig.order(1));
  rig.until_state("1", "failed");
  EXPECT_EQ(rig.unit("FL-000001").state, UnitState::voided);
  EXPECT_THAT(rig.unit("FL-000001").reason, HasSubstr("does not tell which one it is"));
}

TEST(Line, an_unplugged_board_goes_on_with_its_identity_and_another_one_gets_a_fresh_one) {
  for (const bool same : {true, false}) {
    LineRig rig{1};
    rig.writer.boards["1"].failures = {Error{errc::device_gone, "unplugged"}};
    rig.writer.boards["1"].hold = true;
    rig.start();
    rig.create(rig.order(1));
    rig.until_state("1", "writing");
    rig.writer.boards["1"].refuse = Error{errc::target_open, "no such device"};
    rig.writer.boards["1"].hold = false;
    rig.until_state("1", "failed");
    EXPECT_EQ(rig.unit("FL-000001").state, UnitState::reserved);
    rig.writer.boards["1"].refuse.reset();
    if (!same) rig.writer.boards["1"].medium = "card-other";
    ASSERT_TRUE(rig.await(rig.line->retry("1", "Ada")));
    rig.until_batch(BatchState::done);
    const auto expected = same ? ElementsAre("FL-000001") : ElementsAre("FL-000002");
    EXPECT_THAT(serials_of(rig.units(), UnitState::committed), expected);
    if (!same) EXPECT_EQ(rig.unit("FL-000001").reason, "another board is in the slot");
    rig.stop();
    rig.expect_good_records();
  }
}

TEST(Line, promise_3_a_slot_that_hangs_keeps_nobody_waiting) {
  LineRig rig{4};
  rig.writer.boards["1"].hold = true;
  rig.start();
  rig.create(rig.order(4));
  rig.until([&] { return rig.line->batch()->counts.passed == 3; }, "the neighbours");
  rig.until_state("1", "writing");
  EXPECT_EQ(rig.line->batch()->counts.reserved, 1U);
}

TEST(Line, more_units_than_slots_are_made_board_by_board) {
  LineRig rig{2};
  rig.start();
  rig.create(rig.order(5));
  for (int made = 2; made < 5; ++made) {
    const std::string slot = made % 2 == 0 ? "1" : "2";
    rig.until_state(slot, "passed");
    rig.writer.boards[slot].medium = "card-" + std::to_string(made + 1);
    ASSERT_TRUE(rig.await(rig.line->next(slot, "Ada")));
  }
  rig.until_batch(BatchState::done);
  EXPECT_EQ(serials_of(rig.units(), UnitState::committed).size(), 5U);
  EXPECT_EQ(rig.writer.written.size(), 5U);
}

TEST(Line, next_gives_the_failed_unit_up) {
  LineRig rig{1};
  rig.station.attempts = 3;
  rig.writer.boards["1"].failures = {Error{errc::device_gone, "unplugged"}};
  rig.writer.boards["1"].hold = true;
  rig.start();
  rig.create(rig.order(1));
  rig.until_state("1", "writing");
  rig.writer.boards["1"].refuse = Error{errc::target_open, "no such device"};
  rig.writer.boards["1"].hold = false;
  rig.until_state("1", "failed");
  rig.writer.boards["1"].refuse.reset();
  ASSERT_TRUE(rig.await(rig.line->next("1", "Ada")));
  rig.until_batch(BatchState::done);
  EXPECT_EQ(rig.unit("FL-000001").reason, "another board was put into the slot");
  EXPECT_EQ(rig.unit("FL-000002").state, UnitState::committed);
}

TEST(Line, operators_wishes_that_make_no_sense_are_refused) {
  LineRig rig{1};
  rig.writer.boards["1"].hold = true;
  rig.start();
  EXPECT_EQ(rig.await(rig.line->retry("9", "")).error().code, errc::no_such_slot);
  EXPECT_EQ(rig.await(rig.line->retry("1", "")).error().code, errc::slot_busy);
  rig.create(rig.order(1));
  rig.until_state("1", "writing");
  EXPECT_EQ(rig.await(rig.line->next("1", "")).error().code, errc::slot_busy);
  EXPECT_EQ(rig.await(rig.line->create_batch(rig.order(1))).error().code, errc::batch_open);
  EXPECT_EQ(rig.await(rig.line->pause_batch(7, "")).error().code, errc::no_such_batch);
}

TEST(Line, a_paused_batch_begins_nothing_but_finishes_what_it_began) {
  LineRig rig{2};
  rig.writer.boards["1"].hold = true;
  rig.writer.boards["2"].present = false;
  rig.start();
  const auto batch = rig.create(rig.order(2));
  rig.until_state("1", "writing");
  ASSERT_TRUE(rig.await(rig.line->pause_batch(batch.row.id, "lunch")));
  rig.writer.boards["2"].present = true;
  rig.writer.boards["1"].hold = false;
  rig.until_state("1", "passed");
  rig.until_state("2", "paused");
  EXPECT_EQ(rig.units().size(), 1U);
  ASSERT_TRUE(rig.await(rig.line->resume_batch(batch.row.id)));
  rig.until_batch(BatchState::done);
  EXPECT_EQ(rig.units().size(), 2U);
}

TEST(Line, a_closed_batch_voids_what_waits_and_finishes_what_runs) {
  LineRig rig{2};
  rig.writer.boards["1"].hold = true;
  rig.writer.boards["2"].failures = {Error{errc::device_gone, "unplugged"}};
  rig.writer.boards["2"].hold = true;
  rig.start();
  const auto batch = rig.create(rig.order(5));
  rig.until_state("1", "writing");
  rig.until_state("2", "writing");
  rig.writer.boards["2"].refuse = Error{errc::target_open, "no such device"};
  rig.writer.boards["2"].hold = false;
  rig.until_state("2", "failed");
  ASSERT_TRUE(rig.await(rig.line->close_batch(batch.row.id, "end of shift")));
  rig.writer.boards["1"].hold = false;
  rig.until_state("1", "passed");
  const auto units = rig.units();
  EXPECT_EQ(serials_of(units, UnitState::committed).size(), 1U);
  EXPECT_EQ(serials_of(units, UnitState::voided).size(), 1U);
  EXPECT_EQ(rig.line->batch()->row.state, BatchState::closed);
  rig.create(rig.order(1));
}

TEST(Line, a_stopped_station_parks_its_boards_and_goes_on_with_them) {
  for (const bool same : {true, false}) {
    LineRig rig{1};
    rig.writer.boards["1"].hold = true;
    rig.start();
    rig.create(rig.order(1));
    rig.until_state("1", "writing");
    rig.stop();
    rig.expect_good_records();
    rig.writer.boards["1"].hold = false;
    if (!same) rig.writer.boards["1"].medium = "card-other";
    rig.start();
    rig.until_batch(BatchState::done);
    const auto attempts = rig.attempts("FL-000001");
    EXPECT_EQ(attempts[0].state, AttemptState::interrupted);
    EXPECT_EQ(attempts[0].error_text, "station stopped");
    EXPECT_EQ(attempts.size(), same ? 2U : 1U);
    EXPECT_EQ(rig.unit("FL-000001").state, same ? UnitState::committed : UnitState::voided);
    EXPECT_EQ(rig.units().size(), same ? 1U : 2U);
  }
}

TEST(Line, complaint_9_an_attempt_that_a_crash_ended_is_never_taken_for_done) {
  LineRig rig{2};
  rig.start();
  rig.writer.boards["1"].hold = true;
  rig.writer.boards["2"].hold = true;
  rig.create(rig.order(2));
  rig.until_state("1", "writing");
  rig.until_state("2", "writing");
  // The crash: a copy of the state folder as it lies there now.
  std::filesystem::copy(rig.station.paths.state, rig.folder.path() / "after", std::filesystem::copy_options::recursive);
  LineRig after{1};
  after.station.paths.state = rig.folder.path() / "after";
  after.start();
  after.until_batch(BatchState::running);
  after.until_state("1", "passed");
  EXPECT_EQ(after.attempts("FL-000001").front().state, AttemptState::interrupted);
  EXPECT_EQ(after.attempts("FL-000001").front().error_code, code_of(errc::attempt_interrupted));
  EXPECT_EQ(after.unit("FL-000001").state, UnitState::committed) << "the same card is in the slot";
  EXPECT_EQ(after.unit("FL-000002").reason, "slot 2 is no longer there");
  after.stop();
  after.expect_good_records();
}

TEST(Line, complaint_51_a_finished_board_is_not_written_again) {
  LineRig rig{1};
  rig.station.slots[0].target.kind = config::Target::Kind::block;
  rig.start();
  rig.create(rig.order(2));
  rig.until_state("1", "passed");
  ASSERT_TRUE(rig.await(rig.line->next("1", "Ada")));
  rig.until_state("1", "failed");
  EXPECT_EQ(rig.line->slot("1")->error->code, errc::board_finished);
  rig.writer.boards["1"].present = false;
  rig.until_state("1", "empty");
  rig.writer.boards["1"] = {.medium = "card-2", .refuse = {}, .failures = {}};
  rig.until_batch(BatchState::done);
  EXPECT_EQ(rig.writer.written["card-1"].size(), 1U);
  EXPECT_EQ(rig.units().size(), 2U) << "the refusal cost no identity";
}

TEST(Line, a_file_with_a_finished_unit_is_not_written_again_after_a_restart) {
  LineRig rig{2};
  rig.start();
  rig.writer.boards["2"].hold = true;
  rig.create(rig.order(2));
  rig.until_state("1", "passed");
  rig.until_state("2", "writing");
  std::filesystem::copy(rig.station.paths.state, rig.folder.path() / "after", std::filesystem::copy_options::recursive);
  LineRig after{1};  // the unit of slot 2 is voided, and its number is to be made again
  after.station.paths.state = rig.folder.path() / "after";
  after.start();
  after.until_batch(BatchState::running);
  after.until_state("1", "failed");
  EXPECT_EQ(after.line->slot("1")->error->code, errc::board_finished);
  EXPECT_TRUE(after.writer.written["card-1"].empty());
  ASSERT_TRUE(after.await(after.line->next("1", "Ada")));
  after.until_batch(BatchState::done);
  EXPECT_EQ(after.writer.written["card-1"].size(), 1U);
  after.stop();
  after.expect_good_records();
}

TEST(Line, units_come_from_a_list_and_secrets_stay_out_of_records_and_logs) {
  LineRig rig{2};
  rig.start();
  auto order = rig.order({});
  order.recipe = rig.recipe("${serial} ${colour} ${secret.key} ");
  order.units_csv =
      rig.csv("serial,mac,colour,secret.key\nA-1,02:00:00:00:00:01,red,hush1\nA-2,02:00:00:00:00:02,blue,hush2\n");
  EXPECT_EQ(rig.create(order).left, 2U);
  std::filesystem::remove(order.units_csv);  // the station has its own copy
  rig.until_batch(BatchState::done);
  EXPECT_EQ(rig.writer.written[rig.unit("A-1").medium].front(), "A-1 red hush1 ");
  EXPECT_EQ(rig.unit("A-2").fields, (std::map<std::string, std::string>{{"colour", "blue"}}));
  EXPECT_THAT(rig.unit("A-2").macs, ElementsAre("02:00:00:00:00:02"));
  std::string all;
  std::ignore = rig.await(rig.records->run([&](Store& store) {
    return store.read().each_record({}, 0, [&](const StoredRecord& record) -> Status {
      all += record.body;
      return {};
    });
  }));
  for (const char* name : {"A-1-attempt-1.log", "A-2-attempt-1.log"}) {
    std::stringstream text;
    text << std::ifstream{rig.station.paths.logs / name}.rdbuf();
    all += text.str();
  }
  EXPECT_THAT(all, HasSubstr("blue"));
  EXPECT_THAT(all, ::testing::Not(HasSubstr("hush")));
}

TEST(Line, a_list_with_units_that_were_made_before_is_refused_and_nothing_changes) {
  LineRig rig{1};
  rig.start();
  auto order = rig.order({});
  order.units_csv = rig.csv("serial\nA-1\n");
  rig.create(order);
  rig.until_batch(BatchState::done);
  order.units_csv = rig.csv("serial\nA-2\nA-1\n");
  const auto refused = rig.await(rig.line->create_batch(order));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::identity_used);
  EXPECT_EQ(refused.error().detail, "line 3: A-1 was given out as A-1 in batch 1 (committed)");
  EXPECT_EQ(rig.line->batch()->row.id, 1);
}

TEST(Line, a_batch_whose_image_changed_while_the_station_was_down_is_paused) {
  LineRig rig{1};
  rig.writer.boards["1"].hold = true;
  rig.start();
  rig.create(rig.order(1));
  rig.until_state("1", "writing");
  rig.stop();
  rig.writer.image_digest = std::string(64, 'e');
  rig.writer.boards["1"].hold = false;
  rig.start();
  rig.until_batch(BatchState::paused);
  EXPECT_THAT(rig.line->batch()->row.reason, HasSubstr("the image"));
  EXPECT_EQ(rig.line->warnings().size(), 1U);
  EXPECT_EQ(rig.await(rig.line->resume_batch(1)).error().code, errc::batch_input);
  rig.writer.image_digest = std::string(64, 'd');
  ASSERT_TRUE(rig.await(rig.line->resume_batch(1)));
  rig.until_batch(BatchState::done);
  EXPECT_EQ(rig.unit("FL-000001").state, UnitState::committed);
}

TEST(Line, a_template_that_names_no_field_is_refused_before_the_first_unit) {
  LineRig rig{1};
  rig.start();
  auto order = rig.order(1);
  order.recipe = rig.recipe("${colour}");
  EXPECT_EQ(rig.await(rig.line->create_batch(order)).error().code, errc::template_field);
  EXPECT_FALSE(rig.line->batch());
  EXPECT_TRUE(rig.units().empty());
}

TEST(Line, observers_are_told_every_state_and_record_and_progress_at_most_five_times_a_second) {
  LineRig rig{1};
  rig.writer.boards["1"].hold = true;
  rig.start();
  rig.create(rig.order(1));
  rig.until_state("1", "writing");
  const auto before = rig.events.size();
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{500};
  rig.until([&] { return std::chrono::steady_clock::now() > end; }, "half a second");
  EXPECT_LE(rig.events.size() - before, 3U);
  rig.writer.boards["1"].hold = false;
  rig.until_batch(BatchState::done);
  rig.until(
      [&] {
        return std::ranges::any_of(rig.events, [](const LineEvent& event) {
          const auto* record = std::get_if<RecordAppended>(&event);
          return record != nullptr && record->kind == "batch_done";
        });
      },
      "the last record");
  std::vector<std::string> states;
  std::vector<std::string> kinds;
  for (const auto& event : rig.events) {
    if (const auto* slot = std::get_if<SlotChanged>(&event)) {
      if (states.empty() || states.back() != slot->slot.state) states.push_back(slot->slot.state);
    } else if (const auto* record = std::get_if<RecordAppended>(&event)) {
      kinds.push_back(record->kind);
    }
  }
  EXPECT_THAT(states, ElementsAre("ready", "preparing", "writing", "verifying", "passed"));
  EXPECT_THAT(kinds, ElementsAre("station_started", "batch_created", "unit_reserved", "attempt_started",
                                 "attempt_ended", "unit_committed", "batch_done"));
}

TEST(Line, three_boards_that_fail_one_after_the_other_condemn_the_slot_until_somebody_looked) {
  LineRig rig{2};
  rig.station.attempts = 1;
  rig.writer.boards["1"].failures = {write_error, write_error, write_error};
  rig.writer.boards["2"].hold = true;
  rig.start();
  rig.create(rig.order(5));
  for (const auto* board : {"card-b", "card-c", ""}) {
    rig.until_state("1", *board == '\0' ? "quarantined" : "failed");
    if (*board == '\0') break;
    rig.writer.boards["1"].medium = board;
    ASSERT_TRUE(rig.await(rig.line->next("1", "Ada")));
  }
  const auto condemned = rig.line->slot("1");
  ASSERT_TRUE(condemned->error);
  EXPECT_EQ(condemned->error->code, errc::slot_quarantined);
  for (const auto* board : {"card-1", "card-b", "card-c"}) EXPECT_THAT(condemned->error->detail, HasSubstr(board));
  const auto file = rig.station.paths.state / "quarantine/1.json";
  EXPECT_THAT(condemned->error->detail, HasSubstr(file.string()));
  const auto evidence = boost::json::parse(fakes::slurp(file)).as_object();
  EXPECT_EQ(evidence.at("slot").as_string(), "1");
  const auto& boards = evidence.at("boards").as_array();
  ASSERT_EQ(boards.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string serial{boards[i].at("serial").as_string()};
    EXPECT_EQ(rig.unit(serial).slot, "1");
    EXPECT_EQ(boards[i].at("attempt").as_int64(), 1);
    EXPECT_EQ(boards[i].at("medium").as_string(), (std::array{"card-1", "card-b", "card-c"}[i]));
    EXPECT_EQ(boards[i].at("error_code").as_string(), code_of(write_error.code));
    EXPECT_EQ(boards[i].at("attempt_log").as_string(), serial + "-attempt-1.log");
  }
  EXPECT_FALSE(rig.await(rig.line->next("1", "Ada"))) << "not by the way";
  EXPECT_FALSE(rig.await(rig.line->retry("1", "Ada")));

  rig.writer.boards["2"].hold = false;
  rig.until_state("2", "passed");
  rig.stop();
  rig.start();
  EXPECT_EQ(rig.line->slot("1")->state, "quarantined") << "a restart heals nothing";
  EXPECT_EQ(rig.line->slot("1")->error->detail, condemned->error->detail);
  const std::string kept = fakes::slurp(file);
  ASSERT_TRUE(rig.await(rig.line->release("1", "Ada")));
  EXPECT_FALSE(std::filesystem::exists(file));
  const std::filesystem::directory_iterator released{file.parent_path() / "released"};
  ASSERT_NE(released, std::filesystem::directory_iterator{}) << "the evidence stays";
  EXPECT_EQ(fakes::slurp(released->path()), kept);
  rig.until_state("1", "passed");
  EXPECT_EQ(rig.await(rig.line->release("1", "Ada")).error().code, errc::slot_busy);
  rig.stop();
  rig.expect_good_records();
}

TEST(Line, the_same_board_that_fails_again_and_again_does_not_condemn_its_slot) {
  LineRig rig{1};
  rig.station.attempts = 5;
  rig.writer.boards["1"].failures = {write_error, write_error, write_error, write_error};
  rig.start();
  rig.create(rig.order(1));
  rig.until_state("1", "passed");
}

}  // namespace
}  // namespace flashline::line
