#include "flasher/board/port_state.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace flashline::line {

namespace asio = boost::asio;

struct PortState::Shared {
  transport::PortPath port;
  std::optional<transport::UsbFacts> now;
  std::uint64_t generation = 1;
  asio::steady_timer changed;
};

PortState::PortState(transport::UsbHost& host, transport::PortPath port)
    : shared_{std::make_shared<Shared>(port.socket(), std::nullopt, 1, asio::steady_timer{host.executor()})} {
  const auto devices = host.devices();
  const auto found = std::ranges::find(devices, shared_->port, &transport::UsbFacts::port);
  if (found != devices.end()) shared_->now = *found;
  listening_ = host.listen([shared = shared_](const transport::UsbEvent& event) {
    if (event.port != shared->port) return;
    shared->now = event.device;
    ++shared->generation;
    shared->changed.cancel();
  });
}

PortState::~PortState() = default;

const transport::PortPath& PortState::port() const { return shared_->port; }
const std::optional<transport::UsbFacts>& PortState::now() const { return shared_->now; }
std::uint64_t PortState::generation() const { return shared_->generation; }

asio::awaitable<std::optional<transport::UsbFacts>> PortState::device_after(std::uint64_t seen,
                                                                            std::chrono::milliseconds limit) {
  const auto shared = shared_;
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!shared->now || shared->generation <= seen) {
    if (std::chrono::steady_clock::now() >= until) co_return std::nullopt;
    shared->changed.expires_at(until);
    co_await shared->changed.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return shared->now;
}

}  // namespace flashline::line
