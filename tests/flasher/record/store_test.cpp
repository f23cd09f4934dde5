#include "flasher/record/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flasher/record/verify.h"
#include "imaging/core/errors/record.h"
#include "tests/fakes/state_folder.h"

namespace flashline::line {
namespace {

using namespace test;

class StoreTest : public ::testing::Test {
 protected:
  MemoryFolder folder_;
  std::unique_ptr<Store> store_ = open_store(folder_.path());
};

TEST_F(StoreTest, a_batch_is_remembered_across_a_restart) {
  fill(*store_);
  store_.reset();
  store_ = open_store(folder_.path());
  const auto units = store_->read().units({.batch = 1, .state = {}});
  ASSERT_TRUE(units);
  ASSERT_EQ(units->size(), 3U);
  EXPECT_EQ((*units)[0].state, UnitState::committed);
  EXPECT_EQ((*units)[1].state, UnitState::voided);
  EXPECT_EQ((*units)[1].reason, "another board is in the slot");
  EXPECT_EQ((*units)[2].state, UnitState::reserved);
  EXPECT_EQ(*store_->read().counts(1), (BatchCounts{1, 1, 1, 2}));
  EXPECT_EQ((*store_->read().open_batch())->id, 2);
  EXPECT_EQ(store_->read().running_attempts()->size(), 1U);
  EXPECT_TRUE(store_->change_batch(2, BatchState::running, ""));
}

TEST_F(StoreTest, promise_5_an_identity_is_given_out_once_over_all_batches_even_when_voided) {
  fill(*store_);
  for (const int n : {1, 2, 3}) {
    const auto again = store_->reserve(unit_draft(2, n), attempt_draft(n));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, errc::record_step);
  }
  UnitRow mac_of_voided = unit_draft(2, 4);
  mac_of_voided.macs = {unit_draft(1, 2).macs[1]};
  ASSERT_FALSE(store_->reserve(mac_of_voided, attempt_draft(4)));
  EXPECT_EQ((*store_->read().unit_with_mac(mac_of_voided.macs[0]))->serial, "FL-000002");
  EXPECT_FALSE(*store_->read().unit(mac_of_voided.serial)) << "the refused transaction left nothing";
  EXPECT_TRUE(store_->reserve(unit_draft(2, 4), attempt_draft(4))) << "and the store goes on";
}

TEST_F(StoreTest, counters_go_on_after_the_highest_index_ever_used) {
  EXPECT_EQ(*store_->read().next_serial_index("FL-{n:6}"), 0);
  fill(*store_);
  EXPECT_EQ(*store_->read().next_serial_index("FL-{n:6}"), 4);
  EXPECT_EQ(*store_->read().next_mac_index("02:00:5E:10:00:00"), 4);
  EXPECT_EQ(*store_->read().next_serial_index("another"), 0);
}

TEST_F(StoreTest, illegal_steps_are_refused) {
  fill(*store_);
  EXPECT_EQ(store_->void_unit("FL-000001", "why not").error().code, errc::record_step) << "committed";
  EXPECT_EQ(store_->void_unit("FL-000003", "").error().code, errc::record_step) << "no reason";
  EXPECT_EQ(store_->void_unit("nobody", "x").error().code, errc::no_such_unit);
  EXPECT_EQ(store_->create_batch(batch_draft()).error().code, errc::batch_open);
  EXPECT_EQ(store_->change_batch(1, BatchState::running, "").error().code, errc::batch_state) << "closed";
  EXPECT_EQ(store_->change_batch(9, BatchState::paused, "").error().code, errc::no_such_batch);
  AttemptRow running = (*store_->read().attempts("FL-000003")).front();
  EXPECT_EQ(store_->start_attempt(running).error().code, errc::record_step) << "one is running";
  const AttemptRow ended = (*store_->read().attempts("FL-000001")).back();
  EXPECT_EQ(store_->pass(ended).error().code, errc::record_step) << "has ended";
  running.state = AttemptState::failed;
  EXPECT_EQ(store_->end_attempt(running, std::nullopt).error().code, errc::record_step) << "without a code";
}

TEST_F(StoreTest, two_stations_cannot_share_a_state_folder) {
  const auto second = Store::open({.folder = folder_.path(), .on_record = {}, .at_step = {}});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::record_store_locked);
  EXPECT_THAT(second.error().detail, ::testing::HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_EQ(verify_records(folder_.path()).error().code, errc::record_store_locked);
}

TEST_F(StoreTest, files_are_for_their_owner_only) {
  fill(*store_);
  for (const char* name : {"", "records.db", "records.db-wal", "records.anchor", "owner.lock"}) {
    struct stat facts{};
    ASSERT_EQ(::stat((folder_.path() / name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 077, 0U) << name;
  }
}

TEST_F(StoreTest, text_of_any_bytes_stays_readable) {
  const auto batch = store_->create_batch(batch_draft());
  auto begun = store_->reserve(unit_draft(batch->id, 1), attempt_draft(1));
  AttemptRow ended = failed(begun->attempt);
  ended.error_text = "bad \xff\xc0\x80 \"quoted\" \n \xe2\x82\xac";
  ASSERT_TRUE(store_->end_attempt(ended, std::nullopt));
  EXPECT_EQ(store_->read().attempts("FL-000001")->back().error_text, "bad ??? \"quoted\" \n \xe2\x82\xac");
  store_.reset();
  EXPECT_TRUE(verify_records(folder_.path())->ok());
}

TEST_F(StoreTest, records_arrive_after_they_are_durable) {
  store_.reset();
  std::vector<RecordKind> kinds;
  auto store = Store::open({.folder = folder_.path(),
                            .clock = ticking_clock(),
                            .on_record = [&](const Record& record) { kinds.push_back(record.kind); },
                            .at_step = {}});
  ASSERT_TRUE(store);
  ASSERT_TRUE((*store)->create_batch(batch_draft()));
  const auto begun = (*store)->reserve(unit_draft(1, 1), attempt_draft(1));
  EXPECT_FALSE((*store)->reserve(unit_draft(1, 1), attempt_draft(1)));
  ASSERT_TRUE((*store)->pass(begun->attempt));
  EXPECT_EQ(kinds, (std::vector{RecordKind::batch_created, RecordKind::unit_reserved, RecordKind::attempt_started,
                                RecordKind::attempt_ended, RecordKind::unit_committed}));
}

TEST_F(StoreTest, a_snapshot_stands_still_while_the_station_goes_on) {
  fill(*store_);
  auto snapshot = store_->snapshot();
  ASSERT_TRUE(snapshot) << to_text(snapshot.error());
  ASSERT_TRUE(store_->change_batch(2, BatchState::running, ""));
  ASSERT_TRUE(store_->reserve(unit_draft(2, 5), attempt_draft(5)));
  const auto report = verify_records(*snapshot);
  ASSERT_TRUE(report) << to_text(report.error());
  EXPECT_TRUE(report->ok()) << report->findings[0].text;
  EXPECT_EQ(report->records, 17U);
}

TEST(StoreOpen, a_newer_schema_is_refused) {
  const MemoryFolder folder;
  open_store(folder.path()).reset();
  ASSERT_EQ(std::system(("sqlite3 " + (folder.path() / "records.db").string() + " 'PRAGMA user_version = 2'").c_str()),
            0);
  EXPECT_EQ(Store::open({.folder = folder.path(), .on_record = {}, .at_step = {}}).error().code,
            errc::record_store_newer);
  EXPECT_EQ(verify_records(folder.path()).error().code, errc::record_store_newer);
}

}  // namespace
}  // namespace flashline::line
