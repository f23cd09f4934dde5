#pragma once
// The pipe to a real board.

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "transport/usb/byte_pipe.h"
#include "transport/usb/detail/libusb_device.h"

namespace flashline::transport::detail {

class LibusbPipe final : public BytePipe {
 public:
  /// `folder` is the device's in /sys: it is gone when the board is. `interface` is one of its facts.
  LibusbPipe(asio::any_io_executor executor, std::shared_ptr<LibusbDevice> device, UsbFacts facts,
             std::uint8_t interface, std::filesystem::path folder, unsigned address);

  const UsbFacts& facts() const override { return facts_; }
  const UsbInterface& interface() const override { return *interface_; }
  asio::awaitable<Status> control_out(UsbSetup setup, std::span<const std::byte> data, Timeout timeout) override;
  asio::awaitable<Result<std::size_t>> control_in(UsbSetup setup, std::span<std::byte> into, Timeout timeout) override;
  asio::awaitable<Status> out(std::uint8_t endpoint, std::span<const std::byte> data, Timeout timeout) override;
  asio::awaitable<Result<std::size_t>> in(std::uint8_t endpoint, std::span<std::byte> into, Timeout timeout) override;
  asio::awaitable<Status> clear_halt(std::uint8_t endpoint) override;
  asio::awaitable<Status> reset() override;

 private:
  asio::awaitable<Result<std::size_t>> run(std::shared_ptr<TransferPieces> pieces, TransferCall call, std::string what);
  asio::awaitable<Status> on_device(int (*call)(LibusbDevice&, std::uint8_t), std::uint8_t endpoint, std::string what);
  asio::awaitable<Result<std::size_t>> failed(int code, std::string what);
  asio::awaitable<bool> leaves_soon();
  TransferCall::Kind kind_of(std::uint8_t endpoint) const;
  std::shared_ptr<TransferPieces> pieces_for(std::shared_ptr<TransferPieces>& kept, std::size_t bytes,
                                             std::size_t count);

  asio::any_io_executor executor_;
  std::shared_ptr<LibusbContext> context_;
  std::shared_ptr<LibusbDevice> device_;  ///< null once the board left: its port is not free before
  UsbFacts facts_;
  const UsbInterface* interface_;
  std::filesystem::path folder_;
  unsigned address_;
  std::shared_ptr<TransferPieces> out_pieces_;
  std::shared_ptr<TransferPieces> in_pieces_;
};

}  // namespace flashline::transport::detail
