#pragma once
// libusb's one context: its event thread, threads for its calls that block, and the shares of kernel memory.

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "imaging/core/error.h"
#include "transport/block/inspect_target.h"
#include "transport/usb/byte_pipe.h"

struct libusb_context;
struct libusb_device;

namespace flashline::transport::detail {

/// What a call or a transfer of libusb came to, as one of ours. `code` is a libusb_error below 0, `what` goes before.
std::unexpected<Error> usb_error(int code, const std::string& what);

class LibusbContext {
 public:
  /// Errors: usb_access.
  static Result<std::shared_ptr<LibusbContext>> create(const Machine& machine);
  LibusbContext(libusb_context* context, std::size_t memory);
  ~LibusbContext();
  LibusbContext(const LibusbContext&) = delete;
  LibusbContext& operator=(const LibusbContext&) = delete;

  libusb_context* raw() const { return context_; }

  /// `changed` is called on libusb's thread whenever something came or went, until stop_events().
  void on_hotplug(std::function<void()> changed);
  void stop_events();

  /// Runs what may block off the event loop.
  template <class Work>
  asio::awaitable<std::invoke_result_t<Work&>> on_thread(Work work) {
    return asio::co_spawn(
        threads_,
        [](Work inner) -> asio::awaitable<std::invoke_result_t<Work&>> { co_return inner(); }(std::move(work)),
        asio::use_awaitable);
  }

  /// usbfs gives so many bytes to all programs of the machine together; each open pipe has the same share, so that
  /// none ever waits for another's. A count of the open pipes.
  void joined() { ++pipes_; }
  void left() { --pipes_; }
  /// How much one pipe may have in flight: 64 KiB to 1 MiB, a multiple of 64 KiB.
  std::size_t share() const;

 private:
  void handle_events();

  libusb_context* context_;
  std::size_t memory_;
  std::atomic<std::size_t> pipes_{0};
  std::function<void()> changed_;
  int hotplug_ = 0;
  int stopping_ = 0;
  asio::thread_pool threads_{4};
  std::thread events_;
};

}  // namespace flashline::transport::detail
