#include "transport/discovery/detail/udev_events.h"

#include <cerrno>
#include <libudev.h>
#include <utility>

namespace flashline::transport::detail {
namespace {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* handle) const noexcept {
    release(handle);
  }
};

using Context = std::unique_ptr<udev, Release<udev_unref>>;
using Monitor = std::unique_ptr<udev_monitor, Release<udev_monitor_unref>>;
using Device = std::unique_ptr<udev_device, Release<udev_device_unref>>;

constexpr int storm_bytes = 4 << 20;  // forty boards that come and go at once; the kernel may grant less

}  // namespace

struct UdevEvents::Handles {
  Context context;
  Monitor monitor;
};

UdevEvents::UdevEvents(std::unique_ptr<Handles> handles) : handles_{std::move(handles)} {}
UdevEvents::~UdevEvents() = default;

std::unique_ptr<UdevEvents> UdevEvents::open() {
  auto handles = std::make_unique<Handles>();
  handles->context.reset(udev_new());
  if (!handles->context) return nullptr;
  handles->monitor.reset(udev_monitor_new_from_netlink(handles->context.get(), "udev"));
  udev_monitor* monitor = handles->monitor.get();
  if (monitor == nullptr) return nullptr;
  udev_monitor_set_receive_buffer_size(monitor, storm_bytes);
  const bool filtered = udev_monitor_filter_add_match_subsystem_devtype(monitor, "block", "disk") >= 0 &&
                        udev_monitor_filter_add_match_subsystem_devtype(monitor, "usb", "usb_device") >= 0;
  if (!filtered || udev_monitor_enable_receiving(monitor) < 0) return nullptr;
  return std::unique_ptr<UdevEvents>{new UdevEvents{std::move(handles)}};
}

int UdevEvents::descriptor() const { return udev_monitor_get_fd(handles_->monitor.get()); }

void UdevEvents::drain() {
  // No device and ENOBUFS: some were lost, and there may be more behind them.
  for (;;) {
    errno = 0;
    const Device device{udev_monitor_receive_device(handles_->monitor.get())};
    if (!device && errno != ENOBUFS && errno != EINTR) return;
  }
}

}  // namespace flashline::transport::detail
