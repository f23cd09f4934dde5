#include "flasher/engine/detail/read_back.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "flasher/engine/detail/fast_digest.h"
#include "flasher/engine/detail/run_cutter.h"

namespace flashline::line::detail {
namespace {

using imaging::Run;

/// Neighbours on the medium that are read at once.
struct Batch {
  std::uint64_t at = 0;
  std::uint64_t length = 0;
  std::vector<Run> parts;
};

class ReadPass {
 public:
  ReadPass(StoreDevice& device, std::vector<Run> runs, std::size_t most, bool looking)
      : device_{device},
        runs_{std::move(runs)},
        most_{most},
        looking_{looking},
        cutter_{runs_, device.image().map, {.granules = true, .memory = scratch_size, .zeros = scratch_size}} {}

  asio::awaitable<Status> lane() {
    while (!stop_) {
      FL_CO_CHECK(device_.check_cancelled());
      const Batch batch = next();
      if (batch.parts.empty()) break;
      const ScratchRef buffer{device_.scratch(), co_await device_.scratch().take()};
      const auto into = (*buffer).part(0, batch.length);
      Status status = co_await device_.read(ByteOffset{batch.at}, into);
      if (!status) {
        stop_ = true;
        co_return status;
      }
      for (const auto& part : batch.parts) {
        compare(part, into.bytes.subspan(part.place.distance - batch.at, part.length.value));
      }
    }
    co_return Status{};
  }

  Differences differences() {
    std::ranges::sort(found_, {}, [](const Run& run) { return run.place.distance; });
    return {std::move(found_), !overflow_};
  }

 private:
  Batch next() {
    Batch batch;
    for (;;) {
      if (!ahead_) ahead_ = cutter_.next();
      if (!ahead_) return batch;
      const bool fits = batch.parts.empty() || (ahead_->place.distance == batch.at + batch.length &&
                                                batch.length + ahead_->length.value <= scratch_size);
      if (!fits) return batch;
      if (batch.parts.empty()) batch.at = ahead_->place.distance;
      batch.length += ahead_->length.value;
      batch.parts.push_back(*ahead_);
      ahead_.reset();
    }
  }

  void compare(const Run& part, std::span<const std::byte> bytes) {
    auto& done = looking_ ? device_.progress().prepared : device_.progress().verified;
    done += bytes.size();
    if (is_right(part, bytes)) {
      if (!looking_) device_.report().verified.value += bytes.size();
    } else if (found_.size() < most_) {
      found_.push_back(part);
    } else {
      stop_ = overflow_ = true;
    }
  }

  bool is_right(const Run& part, std::span<const std::byte> bytes) const {
    switch (part.source) {
      case Run::Source::zeros:
        return all_zero(bytes);
      case Run::Source::blob:
        return std::memcmp(bytes.data(), device_.plan().blobs[part.from].data() + part.skip, bytes.size()) == 0;
      case Run::Source::content:
        break;
    }
    const auto& image = device_.image();
    const auto expected = image.digests.find(image.map, ByteOffset{part.from}, bytes.size());
    return expected && fast_digest(bytes) == *expected;
  }

  StoreDevice& device_;  // its lanes own it
  std::vector<Run> runs_;
  std::size_t most_;
  bool looking_;
  RunCutter cutter_;
  std::optional<Run> ahead_;
  std::vector<Run> found_;
  bool overflow_ = false;
  bool stop_ = false;
};

}  // namespace

asio::awaitable<Result<Differences>> read_back(std::shared_ptr<StoreDevice> device, std::vector<Run> runs,
                                               std::size_t most, bool looking) {
  auto pass = std::make_shared<ReadPass>(*device, std::move(runs), most, looking);
  FL_CO_CHECK(co_await device->in_lanes(device->context().read_lanes, [pass] { return pass->lane(); }));
  co_return pass->differences();
}

}  // namespace flashline::line::detail
