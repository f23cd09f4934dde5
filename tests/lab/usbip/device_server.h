#pragma once
// Carries one emulated stage to the kernel: the device side of USB/IP on one end of a socket pair, on a thread.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/lab/emulators/emulated_device.h"
#include "tests/lab/usbip/pace.h"
#include "tests/lab/usbip/standard_requests.h"
#include "tests/lab/usbip/wire.h"

namespace flashline::lab {

class DeviceServer {
 public:
  /// `socket` becomes ours. Data of the stage go as fast as all of `paces` let them. `ended`, on the server's thread:
  /// the stage left by itself (true), or the kernel or unplug() ended it (false); it must not destroy the server.
  DeviceServer(int socket, std::shared_ptr<EmulatedDevice> device, std::vector<std::shared_ptr<Pace>> paces,
               std::function<void(bool left)> ended);
  /// Unplugs.
  ~DeviceServer();
  DeviceServer(const DeviceServer&) = delete;
  DeviceServer& operator=(const DeviceServer&) = delete;

  /// Takes the device off the port. Its thread ends soon.
  void unplug();
  /// Does something to the device while nobody else does.
  void with_device(const std::function<void()>& work);

 private:
  using Clock = Pace::Clock;
  struct Urb {
    UsbipCommand command;
    Bytes data;
  };
  struct Answer {
    Clock::time_point due;
    UsbipHeader header;
    Bytes data;
    std::uint32_t number;
  };

  void serve();
  void wait();
  bool receive();
  void take_unlink(const UsbipCommand& command);
  bool ask_all();
  bool ask_head(std::uint8_t line);
  Reply ask(const Urb& urb);
  void answer(const Urb& urb, Reply reply);
  bool send_due();
  bool send(const UsbipHeader& header, std::span<const std::byte> data) const;
  bool receive_all(std::span<std::byte> into) const;

  int socket_;
  std::shared_ptr<EmulatedDevice> device_;
  std::vector<std::shared_ptr<Pace>> paces_;
  std::function<void(bool)> ended_;
  StandardRequests standard_;
  std::mutex using_device_;
  std::map<std::uint8_t, std::deque<Urb>> waiting_;  ///< by endpoint with its direction bit; 0: control
  std::deque<Answer> answers_;
  std::chrono::milliseconds patience_{1};  ///< until a device that had nothing to say is asked again
  std::thread thread_;
};

}  // namespace flashline::lab
