#pragma once
// A state folder of one's own with records in it.

#include <atomic>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>

#include "flasher/record/store.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line::test {

/// A new empty folder in memory, so that the store's many syncs cost nothing.
class MemoryFolder : public fakes::TempFolder {
 public:
  MemoryFolder() : fakes::TempFolder{parent()} {}

 private:
  static std::filesystem::path parent() {
    return std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
  }
};

/// A clock that goes on by one second with each look.
inline Clock ticking_clock() {
  const auto seconds = std::make_shared<std::atomic<int>>(0);
  return
      [seconds] { return std::chrono::system_clock::time_point{std::chrono::seconds{1'800'000'000 + (*seconds)++}}; };
}

inline std::unique_ptr<Store> open_store(const std::filesystem::path& folder) {
  auto store = Store::open({.folder = folder, .clock = ticking_clock(), .on_record = {}, .at_step = {}});
  EXPECT_TRUE(store) << (store ? "" : to_text(store.error()));
  return store ? std::move(*store) : nullptr;
}

inline BatchRow batch_draft() {
  BatchRow batch;
  batch.name = "panels";
  batch.operator_name = "Ada";
  batch.station = "line-1";
  batch.version = "0.1.0";
  batch.mode = "test";
  batch.image = "image.ffu";
  batch.image_digest = std::string(64, 'a');
  batch.quantity = 3;
  return batch;
}

inline UnitRow unit_draft(std::int64_t batch, int n) {
  UnitRow unit;
  unit.serial = "FL-00000" + std::to_string(n);
  unit.batch = batch;
  unit.macs = {"02:00:5E:10:00:0" + std::to_string(2 * n), "02:00:5E:10:00:0" + std::to_string(2 * n + 1)};
  unit.hostname = "panel-" + std::to_string(n);
  unit.fields = {{"colour", "red"}};
  unit.serial_pool = "FL-{n:6}";
  unit.serial_index = n;
  unit.mac_pool = "02:00:5E:10:00:00";
  unit.mac_index = n;
  unit.slot = "1";
  unit.medium = "card-" + std::to_string(n);
  return unit;
}

inline AttemptRow attempt_draft(int n) {
  AttemptRow attempt;
  attempt.slot = "1";
  attempt.target = "board-1.img";
  attempt.medium = "card-" + std::to_string(n);
  attempt.station = "line-1";
  attempt.image = "image.ffu";
  attempt.image_digest = std::string(64, 'a');
  attempt.stale_policy = "zero";
  attempt.phase = "preparing";
  return attempt;
}

inline AttemptRow failed(AttemptRow attempt, AttemptState state = AttemptState::failed) {
  attempt.state = state;
  attempt.error_code = "FL-DEV-001";
  attempt.error_text = "write at 4096: Input/output error";
  attempt.retried_lbas = {8};
  return attempt;
}

/// One closed batch with a committed unit (its first attempt failed), a voided and a reserved one, and an open batch.
/// 17 records.
inline void fill(Store& store) {
  ASSERT_TRUE(store.note(RecordKind::station_started, {"line-1", "0.1.0", "test", "", "", "started"}));  // 1
  const auto batch = store.create_batch(batch_draft());                                                  // 2
  ASSERT_TRUE(batch) << to_text(batch.error());
  const auto first = store.reserve(unit_draft(batch->id, 1), attempt_draft(1));  // 3, 4
  ASSERT_TRUE(first) << to_text(first.error());
  ASSERT_TRUE(store.end_attempt(failed(first->attempt), std::nullopt));  // 5
  AttemptRow again = attempt_draft(1);
  again.serial = first->unit.serial;
  const auto second = store.start_attempt(again);  // 6
  ASSERT_TRUE(second) << to_text(second.error());
  ASSERT_TRUE(store.pass(second->attempt));                                      // 7, 8
  const auto other = store.reserve(unit_draft(batch->id, 2), attempt_draft(2));  // 9, 10
  ASSERT_TRUE(other);
  ASSERT_TRUE(store.end_attempt(failed(other->attempt, AttemptState::interrupted), "another board is in the slot"));
  ASSERT_TRUE(store.reserve(unit_draft(batch->id, 3), attempt_draft(3)));          // 13, 14 after 11, 12
  ASSERT_TRUE(store.change_batch(batch->id, BatchState::closed, "end of shift"));  // 15
  ASSERT_TRUE(store.create_batch(batch_draft()));                                  // 16
  ASSERT_TRUE(store.change_batch(2, BatchState::paused, ""));                      // 17
}

}  // namespace flashline::line::test
