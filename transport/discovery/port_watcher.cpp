#include "transport/discovery/port_watcher.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>
#include <utility>

#include "transport/block/detail/block_devices.h"
#include "transport/discovery/detail/udev_events.h"

namespace flashline::transport {
namespace {

using Clock = std::chrono::steady_clock;
using Descriptor = asio::posix::stream_descriptor;

bool is_polled(const UsbDisk& disk, const Machine& machine) {
  if (detail::first_line(disk.sys_path / "removable") != "1") return true;  // its medium stays
  std::string every = detail::first_line(disk.sys_path / "events_poll_msecs");
  if (every == "-1") every = detail::first_line(machine.sys / "module/block/parameters/events_dfl_poll_msecs");
  return !every.empty() && every != "0" && every != "-1";
}

bool is_one_of(const UsbPort& port, const std::set<PortPath>& ports) {
  return ports.contains(port.port) || ports.contains(port.port.socket());
}

struct Look {
  std::vector<UsbPort> ports;
  bool told = false;  ///< what changes from now on, udev tells
};

/// Lists what is there; where nobody else does, has the kernel look at the media of `opened` first.
asio::awaitable<Look> look(Machine machine, std::set<PortPath> opened) {
  auto ports = list_usb_ports(machine);
  bool looked = false;
  for (const UsbPort& port : ports) {
    if (!port.disk || !port.disk->ready || !is_one_of(port, opened) || is_polled(*port.disk, machine)) continue;
    const int fd = ::open(port.disk->node.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) ::close(fd);
    looked = true;
  }
  if (looked) ports = list_usb_ports(machine);
  std::error_code ignored;
  const bool udev_runs = std::filesystem::exists(machine.run / "udev/control", ignored);
  co_return Look{std::move(ports), udev_runs && !looked};
}

}  // namespace

class PortWatcher::Core : public std::enable_shared_from_this<PortWatcher::Core> {
 public:
  Core(asio::any_io_executor executor, asio::any_io_executor blocking, PortWatcherOptions options)
      : executor_{std::move(executor)}, blocking_{std::move(blocking)}, options_{std::move(options)}, wake_{executor_} {
    if (options_.events) events_ = detail::UdevEvents::open();
    if (events_) readable_.emplace(executor_, ::fcntl(events_->descriptor(), F_DUPFD_CLOEXEC, 0));
  }

  void start(Listener listener) {
    listener_ = std::move(listener);
    asio::co_spawn(executor_, run(shared_from_this()), asio::detached);
    if (readable_) asio::co_spawn(executor_, listen(shared_from_this()), asio::detached);
  }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    listener_ = nullptr;
    wake_.cancel();
    boost::system::error_code ignored;
    if (readable_) readable_->cancel(ignored);
  }

  const std::vector<UsbPort>& ports() const { return ports_; }
  void open_media_of(std::set<PortPath> ports) { opened_ = std::move(ports); }
  bool hears_events() const { return readable_.has_value(); }

 private:
  static asio::awaitable<void> run(std::shared_ptr<Core> self) {
    while (!self->stopped_) {
      self->due_.reset();
      auto now =
          co_await asio::co_spawn(self->blocking_, look(self->options_.machine, self->opened_), asio::use_awaitable);
      if (self->stopped_) co_return;
      const auto changes = changes_between(self->ports_, now.ports);
      self->ports_ = std::move(now.ports);
      if (!changes.empty()) self->listener_(changes);
      if (self->stopped_) co_return;
      const bool calm = now.told && self->hears_events();
      const auto pause = calm ? self->options_.calm_sweep : self->options_.sweep;
      self->wake_.expires_at(self->due_.value_or(Clock::now() + pause));
      co_await self->wake_.async_wait(asio::as_tuple(asio::use_awaitable));
      // An event may have come: then the look is due a little later.
      if (self->stopped_ || !self->due_ || *self->due_ <= Clock::now()) continue;
      self->wake_.expires_at(*self->due_);
      co_await self->wake_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }

  static asio::awaitable<void> listen(std::shared_ptr<Core> self) {
    while (!self->stopped_) {
      const auto [error] =
          co_await self->readable_->async_wait(Descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
      if (error || self->stopped_) co_return;
      self->events_->drain();
      if (self->due_) continue;  // a storm does not put the look off
      self->due_ = Clock::now() + self->options_.settle;
      self->wake_.cancel();
    }
  }

  asio::any_io_executor executor_;
  asio::any_io_executor blocking_;
  PortWatcherOptions options_;
  asio::steady_timer wake_;
  std::unique_ptr<detail::UdevEvents> events_;
  std::optional<Descriptor> readable_;
  Listener listener_;
  std::vector<UsbPort> ports_;
  std::set<PortPath> opened_;
  std::optional<Clock::time_point> due_;  ///< an event came: when to look
  bool stopped_ = false;
};

PortWatcher::PortWatcher(asio::any_io_executor executor, asio::any_io_executor blocking, PortWatcherOptions options)
    : core_{std::make_shared<Core>(std::move(executor), std::move(blocking), std::move(options))} {}

PortWatcher::~PortWatcher() { core_->stop(); }

void PortWatcher::stop() { core_->stop(); }

void PortWatcher::start(Listener listener) { core_->start(std::move(listener)); }
void PortWatcher::open_media_of(std::set<PortPath> ports) { core_->open_media_of(std::move(ports)); }
const std::vector<UsbPort>& PortWatcher::ports() const { return core_->ports(); }
bool PortWatcher::hears_events() const { return core_->hears_events(); }

const UsbPort* PortWatcher::find(const PortPath& port) const { return find_port(core_->ports(), port); }

}  // namespace flashline::transport
