#pragma once
// The order of work on one medium. Promise 2 lives here: tables are wiped first and written last, behind flushes, and
// with read-back switched on only after everything else was read back and found right.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <vector>

#include "flasher/engine/detail/store_device.h"
#include "flasher/engine/detail/write_pass.h"
#include "flasher/engine/run.h"

namespace flashline::line::detail {

/// One store of one board. Steps are called in the order they stand here. Event thread.
class StoreRun {
 public:
  StoreRun(RunContext context, std::shared_ptr<ImageState> image, std::shared_ptr<transport::BlockSink> sink,
           imaging::BlockPlan plan, WriteOptions options, std::shared_ptr<RunControl> control,
           std::shared_ptr<Resume> resume);

  /// The medium is as large as it says.
  asio::awaitable<Status> probe();
  /// No table, old or new, is left at either end of the medium.
  asio::awaitable<Status> wipe();
  /// What the image does not name is as the policy wants it.
  asio::awaitable<Status> clear_holes();
  /// From here on start_reading() must have been called. Everything but the final table, on the medium.
  asio::awaitable<Status> write();
  asio::awaitable<Status> verify();
  /// The final table, written, flushed and read back. When that fails there is none.
  asio::awaitable<Status> finish();

  /// Takes the board's place among those that read the image.
  void start_reading(std::shared_ptr<Reader> reader) { device_->read_as(std::move(reader)); }
  bool touched() const { return device_->touched(); }
  StoreReport& report() { return device_->report(); }
  RunProgress& progress() { return device_->progress(); }

 private:
  bool has_tables() const;
  bool reads_back() const { return device_->facts().read_back == transport::ReadBack::bytes; }
  asio::awaitable<Status> zero_now(std::vector<imaging::Run> runs, WriteOrder order = {});
  asio::awaitable<Status> discard_holes();
  asio::awaitable<Status> make_holes_zero();
  asio::awaitable<Status> look_at_holes();
  asio::awaitable<Status> write_phase(std::size_t number);
  asio::awaitable<Status> verify_runs(std::vector<imaging::Run> runs, bool table);
  asio::awaitable<Status> write_and_verify_final();
  std::vector<imaging::Run> ends() const;
  LbaRange lbas(const imaging::Run& run) const;

  std::shared_ptr<StoreDevice> device_;
  WriteOptions options_;
  std::size_t first_final_ = 0;             // index of the first phase that makes the board bootable
  std::vector<imaging::Run> before_final_;  // what has to be on the medium before that, ascending
  std::vector<imaging::Run> final_;
  std::vector<imaging::Run> holes_;  // those that the policy concerns, as runs of zeros
};

}  // namespace flashline::line::detail
