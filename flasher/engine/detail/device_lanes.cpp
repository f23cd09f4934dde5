#include "flasher/engine/detail/device_lanes.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <string>

#include "imaging/core/errors/device.h"

namespace flashline::line::detail {
namespace {

struct Lanes {
  std::shared_ptr<void> owner;
  std::function<asio::awaitable<Status>()> lane;
  std::size_t running = 0;
  std::optional<Error> error;
  Signal ended;
};

asio::awaitable<void> run_lane(std::shared_ptr<Lanes> lanes) {
  Status status = co_await lanes->lane();
  if (!status && !lanes->error) lanes->error = std::move(status).error();
  if (--lanes->running == 0) lanes->ended.notify();
}

}  // namespace

asio::awaitable<Status> in_lanes(asio::any_io_executor executor, std::shared_ptr<void> owner, DeviceClock& clock,
                                 std::size_t count, std::function<asio::awaitable<Status>()> lane) {
  auto lanes = std::make_shared<Lanes>();
  lanes->owner = std::move(owner);
  lanes->lane = std::move(lane);
  lanes->running = count;
  for (; count > 0; --count) asio::co_spawn(executor, run_lane(lanes), asio::detached);
  while (lanes->running > 0) {
    co_await lanes->ended.wait(clock.look_at());
    if (lanes->running > 0 && clock.stalled()) {
      const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(clock.limit()).count();
      co_return fail(errc::device_timeout, "no answer for " + std::to_string(waited) + " ms");
    }
  }
  if (lanes->error) co_return std::unexpected{*lanes->error};
  co_return Status{};
}

}  // namespace flashline::line::detail
