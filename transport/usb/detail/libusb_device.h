#pragma once
// An opened device with a claimed interface, and one call's transfers to or from it.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "imaging/core/error.h"
#include "transport/usb/detail/libusb_context.h"

struct libusb_device_handle;
struct libusb_transfer;

namespace flashline::transport::detail {

/// Where a board is on its bus at this moment.
struct BusPlace {
  unsigned bus = 0;
  unsigned address = 0;
};

class LibusbDevice {
 public:
  /// Opens and claims, sending the kernel's driver away; blocks. A libusb_error instead of a device when it fails.
  static std::expected<std::shared_ptr<LibusbDevice>, int> open(std::shared_ptr<LibusbContext> context, BusPlace place,
                                                                std::uint8_t interface);
  LibusbDevice(std::shared_ptr<LibusbContext> context, libusb_device_handle* handle, std::uint8_t interface);
  /// Releases the interface. The driver that was sent away is not called back: the board's next stage is another
  /// device.
  ~LibusbDevice();
  LibusbDevice(const LibusbDevice&) = delete;
  LibusbDevice& operator=(const LibusbDevice&) = delete;

  const std::shared_ptr<LibusbContext>& shared_context() const { return context_; }
  libusb_device_handle* handle() const { return handle_; }

 private:
  std::shared_ptr<LibusbContext> context_;
  libusb_device_handle* handle_;
  std::uint8_t interface_;
};

/// Memory that one transfer at a time goes through: the kernel's own, which saves a copy there, where it gives some.
class TransferPiece {
 public:
  TransferPiece(std::shared_ptr<LibusbDevice> device, std::size_t size, bool from_kernel);
  ~TransferPiece();
  TransferPiece(const TransferPiece&) = delete;
  TransferPiece& operator=(const TransferPiece&) = delete;

  libusb_transfer* transfer() const { return transfer_; }
  std::byte* memory() const { return memory_; }
  std::size_t size() const { return size_; }

 private:
  std::shared_ptr<LibusbDevice> device_;
  libusb_transfer* transfer_;
  std::size_t size_;
  std::byte* memory_ = nullptr;
  std::unique_ptr<std::byte[]> own_;
};

using TransferPieces = std::vector<std::unique_ptr<TransferPiece>>;

/// One call of a pipe. The caller's memory is copied into or out of the pieces, so that it is never the kernel's.
struct TransferCall {
  enum class Kind : std::uint8_t { control, bulk, interrupt };
  Kind kind = Kind::bulk;
  std::uint8_t endpoint = 0;
  std::span<const std::byte> out{};  ///< of a control request: its setup and data
  std::span<std::byte> in{};
  std::chrono::milliseconds timeout{};
};

struct TransferResult {
  int error = 0;          ///< a libusb_error, or 0
  bool shorter = false;   ///< an OUT transfer was not taken whole
  std::size_t bytes = 0;  ///< of a call that succeeded
};

/// Sends or fetches all of `call`, as many pieces in flight as there are. Completes when libusb is done with all of
/// them, whatever happens: also after an error, a time-out or a cancellation (LIBUSB_ERROR_INTERRUPTED).
asio::awaitable<TransferResult> transfer(asio::any_io_executor executor, std::shared_ptr<LibusbDevice> device,
                                         std::shared_ptr<TransferPieces> pieces, TransferCall call);

}  // namespace flashline::transport::detail
