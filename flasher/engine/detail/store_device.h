#pragma once
// One medium and everything that is done to it, one operation at a time.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <vector>

#include "flasher/engine/detail/chunk_cache.h"
#include "flasher/engine/detail/device_lanes.h"
#include "flasher/engine/detail/image_state.h"
#include "flasher/engine/detail/scratch.h"
#include "flasher/engine/run.h"
#include "imaging/source/block_plan.h"
#include "transport/block/block_sink.h"

namespace flashline::line::detail {

/// What a run needs of its engine, which outlives it.
struct RunContext {
  asio::any_io_executor executor;
  asio::any_io_executor blocking;  ///< threads for what reads the image while a plan is made
  ChunkCache* cache = nullptr;
  ScratchPool* scratch = nullptr;
  std::chrono::milliseconds stall{60'000};
  std::size_t write_lanes = 4;
  std::size_t read_lanes = 2;
};

/// Event thread. Shared with the lanes that work on it, so that nothing goes away below an operation that never ends.
class StoreDevice : public std::enable_shared_from_this<StoreDevice> {
 public:
  StoreDevice(RunContext context, std::shared_ptr<ImageState> image, std::shared_ptr<transport::BlockSink> sink,
              imaging::BlockPlan plan, std::shared_ptr<RunControl> control, std::shared_ptr<Resume> resume);

  /// Writes one operation that RunCutter cut. `table`: it belongs to a table phase.
  asio::awaitable<Status> write(imaging::Run run, bool table);
  asio::awaitable<Status> read(ByteOffset at, transport::IoBuffer into);
  asio::awaitable<Status> discard(imaging::Extent extent);
  /// A flush, if anything was changed since the last one.
  asio::awaitable<Status> barrier();
  /// A flush beside other operations, when enough was written since the last one for a later run to go on from here.
  asio::awaitable<Status> checkpoint();
  /// The medium is as large as it says. Errors: device_full.
  asio::awaitable<Status> probe();
  /// What was written is what it was, by the board's own word; a board that gives none is believed.
  asio::awaitable<Status> verify_by_board();

  /// `count` coroutines of `lane`, watched.
  asio::awaitable<Status> in_lanes(std::size_t count, std::function<asio::awaitable<Status>()> lane);

  /// What read-back will compare, ascending: parts of granules among it are digested while they are written.
  void expect(std::vector<imaging::Run> survivors) { survivors_ = std::move(survivors); }

  Status check_cancelled() const;
  const RunContext& context() const { return context_; }
  ImageState& image() { return *image_; }
  const imaging::BlockPlan& plan() const { return plan_; }
  const transport::SinkFacts& facts() const { return sink_->facts(); }
  RunProgress& progress() { return control_->progress; }
  Reader& reader() { return *reader_; }
  ScratchSet& scratch() { return scratch_; }
  StoreReport& report() { return report_; }
  bool touched() const { return touched_; }
  void read_as(std::shared_ptr<Reader> reader) { reader_ = std::move(reader); }

 private:
  asio::awaitable<Status> write_content(imaging::Run run, bool table);
  asio::awaitable<Status> write_blob(imaging::Run run);
  asio::awaitable<Status> write_zeros(imaging::Run run);
  asio::awaitable<Status> flush_lane();
  asio::awaitable<Status> flush_and_note();
  asio::awaitable<Status> probe_lane();
  asio::awaitable<Status> verify_lane();
  bool remembered(imaging::Extent extent) const;
  asio::awaitable<Result<bool>> is_there(imaging::Extent extent, bool table, std::span<const std::byte> data);
  void note_parts(const imaging::Run& written, const ChunkRef& chunk);
  void note_part(const imaging::Run& part, const ChunkRef& chunk);

  RunContext context_;
  std::shared_ptr<ImageState> image_;
  std::shared_ptr<transport::BlockSink> sink_;
  imaging::BlockPlan plan_;
  std::shared_ptr<RunControl> control_;
  std::shared_ptr<Resume> resume_;
  std::vector<imaging::Extent> fresh_;  // written, not yet flushed
  std::uint64_t fresh_bytes_ = 0;
  bool flushing_ = false;
  DeviceClock clock_;
  std::shared_ptr<Reader> reader_;
  ScratchSet scratch_;
  std::vector<imaging::Run> survivors_;
  StoreReport report_;
  bool dirty_ = false;
  bool touched_ = false;
};

/// Bytes [at, at + length) of a target that a resolved run names.
inline imaging::Extent extent_of(const imaging::Run& run) { return {ByteOffset{run.place.distance}, run.length}; }

}  // namespace flashline::line::detail
