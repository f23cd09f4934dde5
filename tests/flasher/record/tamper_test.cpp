// Promise 7: a record, once written, cannot be changed or removed without `records verify` saying so.

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flasher/record/store.h"
#include "flasher/record/verify.h"
#include "imaging/core/errors/record.h"
#include "tests/fakes/state_folder.h"

namespace flashline::line {
namespace {

using namespace test;

struct Case {
  const char* name;
  const char* sql;       ///< run by sqlite3 on a closed state folder with 17 records
  const char* says;      ///< part of one of the findings
  std::uint64_t record;  ///< the first bad record; 0: none is named
};

class Tamper : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    auto store = open_store(folder_.path());
    fill(*store);
  }
  void run_sql(const std::string& sql) {
    std::ofstream{folder_.path() / "tamper.sql"} << "PRAGMA foreign_keys = OFF;\n" << sql << ";\n";
    const std::string command = "sqlite3 -bail " + (folder_.path() / "records.db").string() + " < " +
                                (folder_.path() / "tamper.sql").string() + " > /dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0) << sql;
  }
  MemoryFolder folder_;
};

TEST_P(Tamper, is_found_and_named) {
  run_sql(GetParam().sql);
  const auto report = verify_records(folder_.path());
  ASSERT_TRUE(report) << to_text(report.error());
  ASSERT_FALSE(report->ok());
  std::string all;
  for (const auto& finding : report->findings) all += finding.text + "\n";
  EXPECT_THAT(all, ::testing::HasSubstr(GetParam().says));
  EXPECT_EQ(report->first_bad().value_or(0), GetParam().record) << all;
}

INSTANTIATE_TEST_SUITE_P(
    Records, Tamper,
    ::testing::Values(
        Case{"log_text_changed", "UPDATE events SET body = replace(body, 'Ada', 'Eve') WHERE seq = 2", "record 2:", 2},
        Case{"log_text_spaced", "UPDATE events SET body = body || ' ' WHERE seq = 5", "canonical", 5},
        Case{"log_hash_changed", "UPDATE events SET hash = replace(hash, substr(hash, 1, 2), '0f') WHERE seq = 4",
             "record 4: its text or the record before it was changed", 4},
        Case{"log_kind_changed", "UPDATE events SET kind = 'unit_voided' WHERE seq = 8", "record 8: column kind", 8},
        Case{"log_batch_changed", "UPDATE events SET batch = 2 WHERE seq = 8", "record 8: column batch", 8},
        Case{"log_serial_changed", "UPDATE events SET serial = 'FL-000002' WHERE seq = 8", "column serial", 8},
        Case{"log_record_removed", "DELETE FROM events WHERE seq = 9", "record 9 before it is missing", 10},
        Case{"log_records_removed", "DELETE FROM events WHERE seq BETWEEN 9 AND 12",
             "records 9 to 12 before it are missing", 13},
        Case{"log_first_removed", "DELETE FROM events WHERE seq = 1", "record 1 before it is missing", 2},
        Case{"log_renumbered",
             "DELETE FROM events WHERE seq = 9; UPDATE events SET seq = -seq WHERE seq > 9; UPDATE events SET seq = "
             "-seq - 1 WHERE seq < 0",
             "record 9: its text is that of record 10", 9},
        Case{"log_reordered",
             "UPDATE events SET seq = 100 WHERE seq = 5; UPDATE events SET seq = 5 WHERE seq = 6; UPDATE events SET "
             "seq = 6 WHERE seq = 100",
             "record 5: its text is that of record 6", 5},
        Case{"log_bodies_swapped",
             "CREATE TEMP TABLE t AS SELECT body FROM events WHERE seq = 7; UPDATE events SET body = (SELECT body FROM "
             "events WHERE seq = 8) WHERE seq = 7; UPDATE events SET body = (SELECT body FROM t) WHERE seq = 8",
             "record 7:", 7},
        Case{"log_record_inserted",
             "UPDATE events SET seq = seq + 1000 WHERE seq > 8; UPDATE events SET seq = seq - 999 WHERE seq > 1000; "
             "INSERT INTO events SELECT 9, kind, batch, serial, body, hash FROM events WHERE seq = 8",
             "record 9: its text is that of record 8", 9},
        Case{"log_record_added",
             "INSERT INTO events SELECT 18, kind, batch, serial, body, hash FROM events WHERE seq = 17",
             "record 18: it was added outside the station", 18},
        Case{"log_last_cut", "DELETE FROM events WHERE seq = 17", "records 17 to 17 were cut off the end", 17},
        Case{"log_half_cut", "DELETE FROM events WHERE seq > 8", "records 9 to 17 were cut off the end", 9},
        Case{"log_emptied", "DELETE FROM events", "records 1 to 17 were cut off the end", 1},
        Case{"log_cut_with_its_rows", "DELETE FROM events WHERE seq > 15; DELETE FROM batches WHERE id = 2",
             "records 16 to 17 were cut", 16},
        Case{"batch_changed", "UPDATE batches SET doc = replace(doc, 'panels', 'towers') WHERE id = 1",
             "batches: 1 is not as its records say", 0},
        Case{"batch_state_changed", "UPDATE batches SET state = 'running' WHERE id = 1", "batches: 1 is not as", 0},
        Case{"batch_removed", "DELETE FROM batches WHERE id = 2", "batches: 2 was removed", 0},
        Case{"batch_inserted", "INSERT INTO batches SELECT 3, state, doc FROM batches WHERE id = 1",
             "batches: 3 has no record", 0},
        Case{
            "batches_swapped",
            "UPDATE batches SET id = 9 WHERE id = 1; UPDATE batches SET id = 1 WHERE id = 2; UPDATE batches SET id = 2 "
            "WHERE id = 9",
            "batches: 1 is not as its records say", 0},
        Case{"serial_changed", "UPDATE identities SET serial = 'FL-000009' WHERE serial = 'FL-000001'",
             "identities: FL-000009 has no record", 0},
        Case{"identity_doc_changed",
             "UPDATE identities SET doc = replace(doc, '10:00:02', '10:00:22') WHERE serial = 'FL-000001'",
             "identities: FL-000001 is not as its records say", 0},
        Case{"identity_state_changed", "UPDATE identities SET state = 'committed' WHERE serial = 'FL-000002'",
             "identities: FL-000002 is not as its records say", 0},
        Case{"identity_batch_changed", "UPDATE identities SET batch = 2, number = 7 WHERE serial = 'FL-000002'",
             "identities: FL-000002 is not as its records say", 0},
        Case{"identity_pool_reset", "UPDATE identities SET serial_index = 0 WHERE serial = 'FL-000003'",
             "identities: FL-000003 is not as its records say", 0},
        Case{"identity_removed",
             "DELETE FROM identities WHERE serial = 'FL-000002'; DELETE FROM identity_macs WHERE serial = 'FL-000002'",
             "identities: FL-000002 was removed", 0},
        Case{"identity_inserted",
             "INSERT INTO identities SELECT 'FL-000007', batch, 7, state, slot, serial_pool, serial_index, mac_pool, "
             "mac_index, doc FROM identities WHERE serial = 'FL-000001'",
             "identities: FL-000007 has no record", 0},
        Case{"mac_moved", "UPDATE identity_macs SET serial = 'FL-000002' WHERE mac = '02:00:5E:10:00:02'",
             "identity_macs: 02:00:5E:10:00:02 is not as", 0},
        Case{"mac_removed", "DELETE FROM identity_macs WHERE mac = '02:00:5E:10:00:02'",
             "identity_macs: 02:00:5E:10:00:02 was removed", 0},
        Case{"mac_inserted", "INSERT INTO identity_macs VALUES ('02:00:5E:10:00:AA', 'FL-000001')",
             "identity_macs: 02:00:5E:10:00:AA has no record", 0},
        Case{"attempt_changed",
             "UPDATE attempts SET doc = replace(doc, 'FL-DEV-001', 'FL-DEV-002') WHERE serial = 'FL-000001' AND number "
             "= 1",
             "attempts: FL-000001 attempt 1 is not as its records say", 0},
        Case{"attempt_state_changed", "UPDATE attempts SET state = 'passed' WHERE serial = 'FL-000002'",
             "attempts: FL-000002 attempt 1 is not as", 0},
        Case{"attempt_removed", "DELETE FROM attempts WHERE serial = 'FL-000001' AND number = 1",
             "attempts: FL-000001 attempt 1 was removed", 0},
        Case{"attempt_inserted",
             "INSERT INTO attempts SELECT serial, 3, batch, state, doc FROM attempts WHERE serial = 'FL-000001' AND "
             "number = 2",
             "attempts: FL-000001 attempt 3 has no record", 0},
        Case{"attempts_swapped",
             "UPDATE attempts SET number = 9 WHERE serial = 'FL-000001' AND number = 1; UPDATE attempts SET number = 1 "
             "WHERE serial = 'FL-000001' AND number = 2; UPDATE attempts SET number = 2 WHERE number = 9",
             "attempts: FL-000001 attempt 1 is not as", 0},
        Case{"trigger_added", "CREATE TRIGGER quiet AFTER INSERT ON identities BEGIN DELETE FROM attempts; END",
             "quiet does not belong there", 0},
        Case{"constraint_dropped",
             "CREATE TABLE m AS SELECT * FROM identity_macs; DROP TABLE identity_macs; ALTER TABLE m RENAME TO "
             "identity_macs",
             "identity_macs is not as it was made", 0}),
    [](const auto& row) { return row.param.name; });

class TamperFiles : public Tamper {};

TEST_F(TamperFiles, untouched_records_pass) {
  const auto report = verify_records(folder_.path());
  ASSERT_TRUE(report) << to_text(report.error());
  EXPECT_TRUE(report->ok()) << report->findings[0].text;
  EXPECT_EQ(report->records, 17U);
  EXPECT_EQ(report->tip_hash.size(), 64U);
}

TEST_F(TamperFiles, a_missing_anchor_is_found_and_the_station_refuses_to_go_on) {
  std::filesystem::remove(folder_.path() / "records.anchor");
  const auto report = verify_records(folder_.path());
  ASSERT_TRUE(report);
  ASSERT_FALSE(report->ok());
  EXPECT_THAT(report->findings[0].text, ::testing::HasSubstr("records.anchor is missing"));
  EXPECT_EQ(Store::open({.folder = folder_.path(), .on_record = {}, .at_step = {}}).error().code, errc::record_tip);
}

TEST_F(TamperFiles, a_changed_anchor_is_refused) {
  std::ofstream{folder_.path() / "records.anchor", std::ios::trunc} << "flashline-anchor-1 7 0 0 0 0 0";
  EXPECT_EQ(verify_records(folder_.path()).error().code, errc::record_tip);
}

TEST_F(TamperFiles, a_removed_database_is_found) {
  for (const char* name : {"records.db", "records.db-wal", "records.db-shm"}) {
    std::filesystem::remove(folder_.path() / name);
  }
  const auto report = verify_records(folder_.path());
  ASSERT_TRUE(report);
  ASSERT_FALSE(report->ok());
  EXPECT_THAT(report->findings[0].text, ::testing::HasSubstr("records.db was removed with 17 records"));
  EXPECT_EQ(Store::open({.folder = folder_.path(), .on_record = {}, .at_step = {}}).error().code, errc::record_tip);
}

TEST_F(TamperFiles, an_older_database_put_back_is_found) {
  std::filesystem::copy_file(folder_.path() / "records.db", folder_.path() / "old.db");
  ASSERT_TRUE(open_store(folder_.path())->change_batch(2, BatchState::running, ""));
  std::filesystem::copy_file(folder_.path() / "old.db", folder_.path() / "records.db",
                             std::filesystem::copy_options::overwrite_existing);
  const auto report = verify_records(folder_.path());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->first_bad(), 18U);
  EXPECT_EQ(Store::open({.folder = folder_.path(), .on_record = {}, .at_step = {}}).error().code, errc::record_tip);
}

TEST_F(TamperFiles, a_station_does_not_append_to_a_cut_log) {
  run_sql("DELETE FROM events WHERE seq = 17");
  EXPECT_EQ(Store::open({.folder = folder_.path(), .on_record = {}, .at_step = {}}).error().code, errc::record_tip);
}

}  // namespace
}  // namespace flashline::line
