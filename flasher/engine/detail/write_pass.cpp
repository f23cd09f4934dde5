#include "flasher/engine/detail/write_pass.h"

#include <algorithm>
#include <list>

#include "flasher/engine/detail/run_cutter.h"

namespace flashline::line::detail {
namespace {

using imaging::Extent;
using imaging::Run;

// So that progress is seen and a stall is noticed while a medium that knows no better writes zeros.
constexpr std::uint64_t zeros_at_once = 64_MiB;

/// What all lanes of one pass share. Lanes of a stalled device own it after everybody else has gone on.
class WritePass {
 public:
  WritePass(std::shared_ptr<StoreDevice> device, const std::vector<Run>& runs, WriteOrder order,
            std::shared_ptr<void> keep)
      : device_{*device},
        order_{order},
        keep_{std::move(keep)},
        cutter_{runs, device->image().map, {.granules = false, .memory = scratch_size, .zeros = zeros_at_once}} {}

  asio::awaitable<Status> lane() {
    while (!failed_) {
      if (!order_.must) FL_CO_CHECK(device_.check_cancelled());
      const auto run = cutter_.next();
      if (!run) break;
      const auto mine = in_flight_.insert(in_flight_.end(), extent_of(*run));
      if (run->source == Run::Source::content) {
        device_.reader().move_to(device_.image().map.piece_of(ByteOffset{run->from}, false).cell);
      }
      while (overlaps_earlier(mine)) co_await one_done_.wait();
      Status status = co_await device_.write(*run, order_.table);
      in_flight_.erase(mine);
      one_done_.notify();
      if (!status) {
        failed_ = true;
        co_return status;
      }
      if (!order_.table) FL_CO_CHECK(co_await device_.checkpoint());
    }
    co_return Status{};
  }

 private:
  bool overlaps_earlier(std::list<Extent>::iterator mine) const {
    return std::any_of(in_flight_.begin(), std::list<Extent>::const_iterator{mine}, [&](const Extent& other) {
      return other.at.value < mine->at.value + mine->length.value &&
             mine->at.value < other.at.value + other.length.value;
    });
  }

  StoreDevice& device_;  // its lanes own it
  WriteOrder order_;
  std::shared_ptr<void> keep_;
  RunCutter cutter_;
  std::list<Extent> in_flight_;  // in the order they were cut
  Signal one_done_;
  bool failed_ = false;
};

}  // namespace

asio::awaitable<Status> write_all(std::shared_ptr<StoreDevice> device, const std::vector<Run>& runs, WriteOrder order,
                                  std::shared_ptr<void> keep) {
  auto pass = std::make_shared<WritePass>(device, runs, order, std::move(keep));
  const std::size_t lanes = order.table ? 1 : device->context().write_lanes;
  co_return co_await device->in_lanes(lanes, [pass] { return pass->lane(); });
}

}  // namespace flashline::line::detail
