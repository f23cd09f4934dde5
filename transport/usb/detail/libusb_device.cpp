#include "transport/usb/detail/libusb_device.h"

#include <libusb-1.0/libusb.h>

namespace flashline::transport::detail {
namespace {

struct FreeList {
  void operator()(libusb_device** list) const noexcept { libusb_free_device_list(list, 1); }
};

/// A handle to what is at `place`, or a libusb_error.
std::expected<libusb_device_handle*, int> open_at(libusb_context* context, BusPlace place) {
  libusb_device** raw = nullptr;
  const auto count = libusb_get_device_list(context, &raw);
  if (count < 0) return std::unexpected{static_cast<int>(count)};
  const std::unique_ptr<libusb_device*, FreeList> list{raw};
  for (libusb_device* each : std::span{raw, static_cast<std::size_t>(count)}) {
    if (libusb_get_bus_number(each) != place.bus || libusb_get_device_address(each) != place.address) continue;
    libusb_device_handle* handle = nullptr;
    const int code = libusb_open(each, &handle);
    if (code != 0) return std::unexpected{code};
    return handle;
  }
  return std::unexpected{LIBUSB_ERROR_NO_DEVICE};
}

}  // namespace

std::expected<std::shared_ptr<LibusbDevice>, int> LibusbDevice::open(std::shared_ptr<LibusbContext> context,
                                                                     BusPlace place, std::uint8_t interface) {
  const auto handle = open_at(context->raw(), place);
  if (!handle) return std::unexpected{handle.error()};
  if (libusb_kernel_driver_active(*handle, interface) == 1) libusb_detach_kernel_driver(*handle, interface);
  if (const int code = libusb_claim_interface(*handle, interface); code != 0) {
    libusb_close(*handle);
    return std::unexpected{code};
  }
  return std::make_shared<LibusbDevice>(std::move(context), *handle, interface);
}

LibusbDevice::LibusbDevice(std::shared_ptr<LibusbContext> context, libusb_device_handle* handle, std::uint8_t interface)
    : context_{std::move(context)}, handle_{handle}, interface_{interface} {
  context_->joined();
}

LibusbDevice::~LibusbDevice() {
  libusb_release_interface(handle_, interface_);
  libusb_close(handle_);
  context_->left();
}

TransferPiece::TransferPiece(std::shared_ptr<LibusbDevice> device, std::size_t size, bool from_kernel)
    : device_{std::move(device)}, transfer_{libusb_alloc_transfer(0)}, size_{size} {
  if (from_kernel) memory_ = reinterpret_cast<std::byte*>(libusb_dev_mem_alloc(device_->handle(), size_));
  if (memory_ == nullptr) {
    own_ = std::make_unique_for_overwrite<std::byte[]>(size_);
    memory_ = own_.get();
  }
}

TransferPiece::~TransferPiece() {
  libusb_free_transfer(transfer_);
  if (own_ == nullptr) libusb_dev_mem_free(device_->handle(), reinterpret_cast<unsigned char*>(memory_), size_);
}

}  // namespace flashline::transport::detail
