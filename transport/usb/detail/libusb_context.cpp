#include "transport/usb/detail/libusb_context.h"

#include <algorithm>
#include <charconv>
#include <libusb-1.0/libusb.h>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/usb.h"
#include "transport/block/detail/block_devices.h"

namespace flashline::transport::detail {
namespace {

constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

/// The kernel's limit, less a quarter for the administration of each transfer and for other programs.
std::size_t usbfs_memory(const Machine& machine) {
  const std::string text = first_line(machine.sys / "module/usbcore/parameters/usbfs_memory_mb");
  std::size_t limit = 16;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return limit == 0 ? 1024 * mib : limit * mib / 4 * 3;
}

}  // namespace

std::unexpected<Error> usb_error(int code, const std::string& what) {
  switch (code) {
    case LIBUSB_ERROR_NO_DEVICE:
    case LIBUSB_ERROR_NOT_FOUND:
      return fail(errc::usb_gone, what + ": the board left its port");
    case LIBUSB_ERROR_PIPE:
      return fail(errc::usb_stall, what + ": the board refused it");
    case LIBUSB_ERROR_TIMEOUT:
      return fail(errc::usb_timeout, what + ": the board does not answer");
    case LIBUSB_ERROR_ACCESS:
      return fail(errc::usb_access, what + ": permission denied");
    case LIBUSB_ERROR_BUSY:
      return fail(errc::usb_busy, what + ": in use");
    case LIBUSB_ERROR_NO_MEM:
      return fail(errc::usb_memory, what + ": the kernel has no memory left for it");
    case LIBUSB_ERROR_INTERRUPTED:
      return fail(errc::cancelled, what);
    default:
      return fail(errc::usb_link, fmt::format("{}: the link failed ({})", what, libusb_error_name(code)));
  }
}

Result<std::shared_ptr<LibusbContext>> LibusbContext::create(const Machine& machine) {
  libusb_context* context = nullptr;
  if (const int code = libusb_init(&context); code != 0) {
    return fail(errc::usb_access, fmt::format("libusb does not start ({})", libusb_error_name(code)));
  }
  return std::make_shared<LibusbContext>(context, usbfs_memory(machine));
}

LibusbContext::LibusbContext(libusb_context* context, std::size_t memory) : context_{context}, memory_{memory} {
  events_ = std::thread{[this] { handle_events(); }};
}

LibusbContext::~LibusbContext() {
  stop_events();
  __atomic_store_n(&stopping_, 1, __ATOMIC_RELEASE);
  libusb_interrupt_event_handler(context_);
  events_.join();
  threads_.join();
  libusb_exit(context_);
}

void LibusbContext::handle_events() {
  while (__atomic_load_n(&stopping_, __ATOMIC_ACQUIRE) == 0) {
    timeval most{60, 0};
    libusb_handle_events_timeout_completed(context_, &most, &stopping_);
  }
}

void LibusbContext::on_hotplug(std::function<void()> changed) {
  changed_ = std::move(changed);
  const auto told = [](libusb_context*, libusb_device*, libusb_hotplug_event, void* self) {
    static_cast<LibusbContext*>(self)->changed_();
    return 0;
  };
  // Without hotplug (no udev) the sweep alone notices what happens.
  libusb_hotplug_register_callback(context_, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED | LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT, 0,
                                   LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, LIBUSB_HOTPLUG_MATCH_ANY, told,
                                   this, &hotplug_);
}

void LibusbContext::stop_events() {
  if (hotplug_ != 0) libusb_hotplug_deregister_callback(context_, std::exchange(hotplug_, 0));
}

std::size_t LibusbContext::share() const {
  const std::size_t each = memory_ / std::max<std::size_t>(pipes_, 1);
  return std::clamp(each / (64 * kib) * (64 * kib), 64 * kib, mib);
}

}  // namespace flashline::transport::detail
