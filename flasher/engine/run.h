#pragma once
// What one board is given, and what is said about it afterwards.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/provisioning/unit_overlay.h"
#include "imaging/source/block_plan.h"
#include "transport/block/block_sink.h"

namespace flashline::line {

class LoadedImage;

/// What becomes of old bytes where the image has holes. Concerns the image's own area and the last MiB of the target;
/// the ends that could hold a partition table are wiped by every policy when the image brings a table.
enum class StalePolicy : std::uint8_t {
  zero,              ///< zeros are written
  discard_verified,  ///< discarded, read back, and zeroed where they do not read as zero
  keep,              ///< left as they are
};
/// "zero", "discard-verified" or "keep".
std::string_view name_of(StalePolicy policy);
std::optional<StalePolicy> find_stale_policy(std::string_view name);
/// "bytes", "by-board" or "none".
std::string_view name_of(transport::ReadBack way);

struct WriteOptions {
  StalePolicy stale = StalePolicy::discard_verified;
  bool verify = true;
  bool fit_gpt = false;                    ///< move the GPT's backup to the real end of a target of another size
  std::optional<ByteCount> expect_size{};  ///< refuse targets of any other size
  /// What the slot's board is, by the ids that images may name it by; empty: unknown, every image is taken.
  std::vector<std::string> platforms{};
  bool probe = false;  ///< prove the medium's size before anything else is written
};

/// Lets a run go on where an earlier one of the same image on the same medium was cut off.
struct Resume {
  /// What the earlier run knew to be on the medium, ascending. It is read and compared, and written only where it
  /// differs: what is remembered is never believed.
  std::vector<imaging::Extent> durable{};
  ByteCount every{64_MiB};  ///< a flush after so much was written
  /// Called after each flush with what has become durable by it, in no order. On the engine's executor.
  std::function<void(std::vector<imaging::Extent>)> note{};
};

/// One store of the image and the medium it goes to.
struct StoreTarget {
  std::string device_path{};  ///< StorePlan::device_path; empty for the first store
  std::shared_ptr<transport::BlockSink> sink{};
  imaging::UnitOverlay overlay{};
  std::shared_ptr<Resume> resume{};  ///< null: nothing is remembered
};

/// What a run is at.
enum class RunStep : std::uint8_t { waiting, preparing, writing, verifying, finishing, done };
std::string_view name_of(RunStep step);

/// Read by any thread while the run goes on. Totals grow while the run learns what there is to do.
struct RunProgress {
  std::atomic<RunStep> step = RunStep::waiting;
  std::atomic<std::uint64_t> prepared = 0;  ///< bytes of holes discarded, zeroed or looked at
  std::atomic<std::uint64_t> prepare_total = 0;
  std::atomic<std::uint64_t> written = 0;
  std::atomic<std::uint64_t> write_total = 0;
  std::atomic<std::uint64_t> verified = 0;
  std::atomic<std::uint64_t> verify_total = 0;
};

/// The caller's hand on a run. Any thread.
class RunControl {
 public:
  RunProgress progress;

  /// The run stops between two operations and reports `cancelled`.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_ = false;
};

struct RunRequest {
  std::shared_ptr<LoadedImage> image{};
  std::vector<StoreTarget> targets{};  ///< one for each store of the image
  WriteOptions options{};
  std::shared_ptr<RunControl> control{};  ///< may be null
};

/// Sectors [first, first + count) of a target, in units of its logical sector size.
struct LbaRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  auto operator<=>(const LbaRange&) const = default;
};

/// Ascending ranges as they were found; only the first 64 are kept, `sectors` counts all.
struct LbaList {
  static constexpr std::size_t most_ranges = 64;
  std::vector<LbaRange> ranges{};
  std::uint64_t sectors = 0;

  bool operator==(const LbaList&) const = default;
  /// Joins with the last range where it follows it.
  void add(LbaRange range);
};

struct StoreReport {
  std::string device_path{};
  transport::SinkFacts sink{};
  bool gpt_fitted = false;
  ByteCount written{};    ///< by write(), re-writes included
  ByteCount zeroed{};     ///< by zero(): zero runs, wiped ends, holes
  ByteCount discarded{};  ///< by discard()
  ByteCount verified{};   ///< read back and found right
  ByteCount resumed{};    ///< found as an earlier run had left it, not written again
  LbaList rewritten{};    ///< did not read back right the first time, were written again
  LbaList bad{};          ///< did not read back right the second time either
};

struct StepTime {
  RunStep step = RunStep::waiting;
  std::chrono::nanoseconds took{};
};

struct RunReport {
  std::optional<Error> error{};  ///< nothing: the board is done
  RunStep reached = RunStep::waiting;
  bool touched = false;  ///< something was written: the board is not what it was
  StalePolicy stale = StalePolicy::keep;
  bool verify = false;
  std::vector<StoreReport> stores{};
  std::vector<StepTime> steps{};
  std::optional<Sha256> image_digest{};

  ByteCount written() const;
  ByteCount verified() const;
  ByteCount resumed() const;
};

/// A target for one store of an image that may not have been opened yet.
struct StoreFacts {
  std::string device_path{};
  transport::SinkFacts sink{};
};

/// Everything about a board that can be refused before the first byte is written: missing targets, sizes, sectors,
/// platform. Reads the image where a GPT has to be fitted. Errors: store_unmapped, target_too_small,
/// target_sector_size, target_size_differs, target_unexpected_size, target_platform, out_of_disk, gpt_fit.
Status check_board(const LoadedImage& image, const std::vector<StoreFacts>& targets, const WriteOptions& options);
/// The same of a request.
Status check_request(const RunRequest& request);

}  // namespace flashline::line
