#include "tests/lab/emulators/emulated_host.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/usb.h"
#include "tests/lab/emulators/emulated_pipe.h"

namespace flashline::lab {

using transport::BytePipe;
using transport::PortPath;
using transport::UsbFacts;

/// Tells the host when its board has left.
class EmulatedHost::Pipe final : public BytePipe {
 public:
  Pipe(EmulatedHost& host, std::shared_ptr<EmulatedDevice> device, PortPath port, std::uint8_t interface)
      : host_{host},
        device_{device},
        port_{port},
        pipe_{std::move(device), std::move(port), interface},
        open_{host.open_pipes_} {
    ++*open_;
  }
  ~Pipe() override { --*open_; }

  const UsbFacts& facts() const override { return pipe_.facts(); }
  const transport::UsbInterface& interface() const override { return pipe_.interface(); }
  boost::asio::awaitable<Status> control_out(transport::UsbSetup setup, std::span<const std::byte> data,
                                             Timeout timeout) override {
    co_return looked(co_await pipe_.control_out(setup, data, timeout));
  }
  boost::asio::awaitable<Result<std::size_t>> control_in(transport::UsbSetup setup, std::span<std::byte> into,
                                                         Timeout timeout) override {
    co_return looked(co_await pipe_.control_in(setup, into, timeout));
  }
  boost::asio::awaitable<Status> out(std::uint8_t endpoint, std::span<const std::byte> data, Timeout timeout) override {
    co_return looked(co_await pipe_.out(endpoint, data, timeout));
  }
  boost::asio::awaitable<Result<std::size_t>> in(std::uint8_t endpoint, std::span<std::byte> into,
                                                 Timeout timeout) override {
    co_return looked(co_await pipe_.in(endpoint, into, timeout));
  }
  boost::asio::awaitable<Status> clear_halt(std::uint8_t endpoint) override {
    co_return co_await pipe_.clear_halt(endpoint);
  }
  boost::asio::awaitable<Status> reset() override { co_return looked(co_await pipe_.reset()); }

 private:
  template <class Answer>
  Answer looked(Answer answer) {
    if (device_->leaves() && !std::exchange(told_, true)) host_.left(port_, device_.get());
    return answer;
  }

  EmulatedHost& host_;
  std::shared_ptr<EmulatedDevice> device_;
  PortPath port_;
  EmulatedPipe pipe_;
  std::shared_ptr<int> open_;
  bool told_ = false;
};

EmulatedHost::~EmulatedHost() = default;

void EmulatedHost::plug(const PortPath& port, std::deque<MakeStage> stages) {
  boards_[port] = {std::move(stages), nullptr};
  next_stage(port);
}

void EmulatedHost::unplug(const PortPath& port) {
  boards_.erase(port);
  tell(port);
}

std::shared_ptr<EmulatedDevice> EmulatedHost::on(const PortPath& port) const {
  const auto found = boards_.find(port);
  return found == boards_.end() ? nullptr : found->second.device;
}

std::vector<UsbFacts> EmulatedHost::devices() const {
  std::vector<UsbFacts> all;
  for (const auto& [port, board] : boards_) {
    if (board.device) all.push_back(facts_of(board.device->descriptors(), port));
  }
  return all;
}

std::shared_ptr<void> EmulatedHost::listen(Listener listener) {
  const int number = next_listener_++;
  listeners_[number] = std::move(listener);
  return {nullptr, [this, number, alive = std::weak_ptr<void>{alive_}](void*) {
            if (!alive.expired()) listeners_.erase(number);
          }};
}

boost::asio::awaitable<Result<std::unique_ptr<BytePipe>>> EmulatedHost::open(PortPath port, std::uint8_t interface) {
  const auto device = on(port);
  if (!device) co_return fail(errc::usb_gone, "nothing is on " + to_text(port));
  const auto facts = facts_of(device->descriptors(), port);
  if (interface >= facts.interfaces.size()) {
    co_return fail(errc::usb_no_interface, fmt::format("{} has no interface {}", id_text(facts), interface));
  }
  co_return std::make_unique<Pipe>(*this, device, std::move(port), interface);
}

void EmulatedHost::left(const PortPath& port, const EmulatedDevice* device) {
  boost::asio::post(executor_, [this, port, device, alive = std::weak_ptr<void>{alive_}] {
    const auto found = alive.expired() ? boards_.end() : boards_.find(port);
    if (alive.expired() || found == boards_.end() || found->second.device.get() != device) return;
    found->second.device.reset();
    tell(port);
    boost::asio::post(executor_, [this, port, alive] {
      if (!alive.expired()) next_stage(port);
    });
  });
}

void EmulatedHost::next_stage(const PortPath& port) {
  const auto found = boards_.find(port);
  if (found == boards_.end() || found->second.device || found->second.stages.empty()) return;
  found->second.device = found->second.stages.front()();
  found->second.stages.pop_front();
  tell(port);
}

void EmulatedHost::tell(const PortPath& port) {
  transport::UsbEvent event{port, std::nullopt};
  if (const auto device = on(port)) event.device = facts_of(device->descriptors(), port);
  const auto listeners = listeners_;
  for (const auto& [number, listener] : listeners) listener(event);
}

}  // namespace flashline::lab
