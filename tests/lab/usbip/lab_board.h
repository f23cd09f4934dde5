#pragma once
// A board on a socket of the virtual line: its stages one after the other, and the hand that pulls it out and puts it
// back.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/lab/emulators/emulated_device.h"
#include "tests/lab/usbip/device_server.h"

namespace flashline::lab {

struct LabStage {
  std::string name;
  /// What the board shows in this stage. `visit`: how often it came to it before.
  std::function<std::shared_ptr<EmulatedDevice>(unsigned visit)> make;
  std::chrono::milliseconds gap{};  ///< how long the board is away before it
};

class LabBoard {
 public:
  struct Plan {
    unsigned socket = 0;  ///< vhci_port()
    std::vector<LabStage> stages{};
    std::vector<std::shared_ptr<Pace>> paces{};
    /// The stage left its port by itself. Says how it goes on: with which stage, after how long beyond that stage's own
    /// gap; nothing: the board stays away. Unless told, the next stage follows.
    struct Next {
      std::size_t stage = 0;
      std::chrono::milliseconds after{};
    };
    std::function<std::optional<Next>(std::size_t stage, EmulatedDevice& device)> next{};
    std::function<void(std::string_view what)> told{};  ///< "plugged in as rom", "left", ...
  };

  explicit LabBoard(Plan plan);
  /// Unplugs and stays away.
  ~LabBoard();
  LabBoard(const LabBoard&) = delete;
  LabBoard& operator=(const LabBoard&) = delete;

  /// Puts it in, from `stage` on, after a while.
  void plug(std::size_t stage = 0, std::chrono::milliseconds after = {});
  /// Pulls it out; what was to come is forgotten.
  void unplug();
  /// Does something to the stage that is plugged in, while the kernel does nothing to it. False: there is none.
  bool with_device(const std::function<void(EmulatedDevice&)>& work);
  /// How often something was plugged in.
  unsigned plugged() const;

 private:
  using Clock = std::chrono::steady_clock;

  void run();
  void put_in(std::unique_lock<std::mutex>& lock, std::size_t stage);
  void go_on_after(std::unique_lock<std::mutex>& lock);
  void tell(const std::string& what) const;

  Plan plan_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::pair<Clock::time_point, std::size_t>> due_;
  bool left_ = false;
  bool stopping_ = false;
  std::size_t stage_ = 0;
  unsigned plugged_ = 0;
  std::map<std::size_t, unsigned> visits_;
  std::shared_ptr<EmulatedDevice> device_;
  std::shared_ptr<DeviceServer> server_;
  std::thread thread_;
};

}  // namespace flashline::lab
