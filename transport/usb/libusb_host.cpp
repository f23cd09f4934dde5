#include "transport/usb/libusb_host.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <map>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/usb.h"
#include "transport/block/detail/block_devices.h"
#include "transport/usb/detail/libusb_pipe.h"
#include "transport/usb/device_folder.h"

namespace flashline::transport {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using detail::BusPlace;
using detail::first_line;
using detail::LibusbContext;
using detail::LibusbDevice;

constexpr std::chrono::milliseconds open_pause{100};
constexpr auto hub_class = "09";

struct Plugged {
  unsigned address = 0;
  UsbFacts facts{};
  std::uint64_t since = 0;  ///< which look found it
};
/// By the kernel's name: "1-2.3". Both sides of a SuperSpeed socket may be there for a moment while a board changes
/// over.
using Addresses = std::map<std::string, unsigned>;
using PluggedIn = std::map<std::string, Plugged>;

unsigned number_in(const fs::path& file) {
  const std::string text = first_line(file);
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What is there, hubs left out; facts only of what `known` does not have.
PluggedIn look(const Machine& machine, const Addresses& known) {
  PluggedIn found;
  std::error_code ignored;
  for (fs::directory_iterator each{machine.sys / "bus/usb/devices", ignored}, end; each != end;
       each.increment(ignored)) {
    const std::string name = each->path().filename();
    if (name.find('-') == std::string::npos || name.find(':') != std::string::npos) continue;
    const unsigned address = number_in(each->path() / "devnum");
    if (const auto same = known.find(name); same != known.end() && same->second == address) {
      found[name] = {.address = address};
    } else if (first_line(each->path() / "bDeviceClass") != hub_class) {
      auto facts = read_device_folder(each->path(), machine);
      if (facts && address != 0) found[name] = {address, std::move(*facts), 0};
    }
  }
  return found;
}

class LibusbHost final : public UsbHost, public std::enable_shared_from_this<LibusbHost> {
 public:
  LibusbHost(asio::any_io_executor executor, std::shared_ptr<LibusbContext> context, LibusbOptions options)
      : executor_{std::move(executor)}, context_{std::move(context)}, options_{std::move(options)}, wake_{executor_} {}

  void start() {
    apply(look(options_.machine, {}));
    context_->on_hotplug([weak = weak_from_this(), executor = executor_] {
      asio::post(executor, [weak] {
        if (const auto self = weak.lock()) self->look_soon();
      });
    });
    asio::co_spawn(executor_, watch(shared_from_this()), asio::detached);
  }

  void stop() {
    stopped_ = true;
    listeners_.clear();
    context_->stop_events();
    wake_.cancel();
  }

  asio::any_io_executor executor() override { return executor_; }

  std::vector<UsbFacts> devices() const override {
    std::vector<UsbFacts> all;
    for (const auto& [name, plugged] : plugged_) {
      if (on_port(plugged.facts.port)->first == name) all.push_back(plugged.facts);
    }
    return all;
  }

  std::shared_ptr<void> listen(Listener listener) override {
    auto token = std::make_shared<Listener>(std::move(listener));
    listeners_.push_back(token);
    return token;
  }

  asio::awaitable<Result<std::unique_ptr<BytePipe>>> open(PortPath port, std::uint8_t interface) override {
    return open_on(shared_from_this(), std::move(port), interface);
  }

 private:
  static asio::awaitable<void> watch(std::shared_ptr<LibusbHost> self) {
    while (!self->stopped_) {
      self->wake_.expires_after(self->event_ ? self->options_.settle : self->options_.sweep);
      co_await self->wake_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (self->stopped_ || (self->event_ && Clock::now() < self->due_)) continue;
      self->event_ = false;
      if (!co_await refresh(self)) self->look_soon();
    }
  }

  /// Looks again. False: another look is under way, and it may have begun too early; looks never overtake each other.
  static asio::awaitable<bool> refresh(std::shared_ptr<LibusbHost> self) {
    if (self->looking_) co_return false;
    self->looking_ = true;
    Addresses known;
    for (const auto& [name, plugged] : self->plugged_) known[name] = plugged.address;
    auto found = co_await self->context_->on_thread(
        [machine = self->options_.machine, known = std::move(known)] { return look(machine, known); });
    self->looking_ = false;
    if (!self->stopped_) self->apply(std::move(found));
    co_return true;
  }

  void look_soon() {
    if (event_ || stopped_) return;
    event_ = true;
    due_ = Clock::now() + options_.settle;
    wake_.cancel();
  }

  void apply(PluggedIn found) {
    ++looks_;
    std::vector<UsbEvent> events;
    for (auto each = plugged_.begin(); each != plugged_.end();) {
      const auto now = found.find(each->first);
      const bool same = now != found.end() && now->second.address == each->second.address;
      if (same) {
        found.erase(now);
        ++each;
        continue;
      }
      const PortPath port = each->second.facts.port;
      each = plugged_.erase(each);
      if (on_port(port) == plugged_.end()) events.push_back({port, std::nullopt});
    }
    for (auto& [name, plugged] : found) {
      events.push_back({plugged.facts.port, plugged.facts});
      plugged.since = looks_;
      plugged_[name] = std::move(plugged);
    }
    for (const UsbEvent& event : events) tell(event);
  }

  void tell(const UsbEvent& event) {
    std::erase_if(listeners_, [](const auto& weak) { return weak.expired(); });
    const auto listeners = listeners_;  // one of them may listen anew
    for (const auto& weak : listeners) {
      if (const auto listener = weak.lock()) (*listener)(event);
    }
  }

  /// The newest on this socket.
  PluggedIn::const_iterator on_port(const PortPath& port) const {
    auto best = plugged_.end();
    for (auto each = plugged_.begin(); each != plugged_.end(); ++each) {
      const bool here = each->second.facts.port == port;
      if (here && (best == plugged_.end() || each->second.since >= best->second.since)) best = each;
    }
    return best;
  }

  static asio::awaitable<Result<std::unique_ptr<BytePipe>>> open_on(std::shared_ptr<LibusbHost> self, PortPath port,
                                                                    std::uint8_t interface) {
    const std::string what = "opening " + to_text(port);
    const auto end = Clock::now() + self->options_.open_for;
    asio::steady_timer pause{self->executor_};
    for (;;) {
      const auto found = self->on_port(port);
      if (found == self->plugged_.end()) co_return fail(errc::usb_gone, what + ": nothing is plugged in");
      const std::string name = found->first;
      const Plugged plugged = found->second;
      if (std::ranges::find(plugged.facts.interfaces, interface, &UsbInterface::number) ==
          plugged.facts.interfaces.end()) {
        co_return fail(errc::usb_no_interface,
                       fmt::format("{}: {} has no interface {}", what, id_text(plugged.facts), interface));
      }
      const BusPlace place{number_of_bus(name), plugged.address};
      auto device = co_await self->context_->on_thread(
          [context = self->context_, place, interface] { return LibusbDevice::open(context, place, interface); });
      if (device) {
        co_return std::make_unique<detail::LibusbPipe>(self->executor_, std::move(*device), plugged.facts, interface,
                                                       self->options_.machine.sys / "bus/usb/devices" / name,
                                                       plugged.address);
      }
      if (Clock::now() >= end) co_return detail::usb_error(device.error(), what);
      pause.expires_after(open_pause);
      const auto [cancelled] = co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
      if (cancelled) co_return fail(errc::cancelled, what);
      co_await refresh(self);
    }
  }

  static unsigned number_of_bus(const std::string& name) {
    unsigned bus = 0;
    std::from_chars(name.data(), name.data() + name.size(), bus);
    return bus;
  }

  asio::any_io_executor executor_;
  std::shared_ptr<LibusbContext> context_;
  LibusbOptions options_;
  asio::steady_timer wake_;
  Clock::time_point due_{};
  PluggedIn plugged_;
  std::vector<std::weak_ptr<Listener>> listeners_;
  std::uint64_t looks_ = 0;
  bool event_ = false;
  bool looking_ = false;
  bool stopped_ = false;
};

/// Ends the watch when its owner lets go; a look that is under way keeps the host itself for as long as it takes.
class OwnedHost final : public UsbHost {
 public:
  explicit OwnedHost(std::shared_ptr<LibusbHost> host) : host_{std::move(host)} {}
  ~OwnedHost() override { host_->stop(); }
  OwnedHost(const OwnedHost&) = delete;
  OwnedHost& operator=(const OwnedHost&) = delete;

  asio::any_io_executor executor() override { return host_->executor(); }
  std::vector<UsbFacts> devices() const override { return host_->devices(); }
  std::shared_ptr<void> listen(Listener listener) override { return host_->listen(std::move(listener)); }
  asio::awaitable<Result<std::unique_ptr<BytePipe>>> open(PortPath port, std::uint8_t interface) override {
    return host_->open(std::move(port), interface);
  }

 private:
  std::shared_ptr<LibusbHost> host_;
};

}  // namespace

Result<std::unique_ptr<UsbHost>> make_libusb_host(asio::any_io_executor executor, LibusbOptions options) {
  FL_TRY(auto context, LibusbContext::create(options.machine));
  auto host = std::make_shared<LibusbHost>(std::move(executor), std::move(context), std::move(options));
  host->start();
  return std::make_unique<OwnedHost>(std::move(host));
}

}  // namespace flashline::transport
