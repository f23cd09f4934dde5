#pragma once
// The USB side of a machine with boards that programs play: each port has a row of stages, and a stage that leaves is
// followed by the next one.

#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "tests/lab/emulators/emulated_device.h"
#include "transport/usb/usb_host.h"

namespace flashline::lab {

/// Everything on its executor, but for the constructor.
class EmulatedHost final : public transport::UsbHost {
 public:
  using MakeStage = std::function<std::shared_ptr<EmulatedDevice>()>;

  explicit EmulatedHost(boost::asio::any_io_executor executor) : executor_{std::move(executor)} {}
  ~EmulatedHost() override;

  /// Puts a board in. After its last stage left the port is empty.
  void plug(const transport::PortPath& port, std::deque<MakeStage> stages);
  void unplug(const transport::PortPath& port);
  /// The stage that is on the port now; null: none.
  std::shared_ptr<EmulatedDevice> on(const transport::PortPath& port) const;
  /// How often pipes were opened and not yet closed: 0 when everybody has let go.
  int open_pipes() const { return *open_pipes_; }

  boost::asio::any_io_executor executor() override { return executor_; }
  std::vector<transport::UsbFacts> devices() const override;
  std::shared_ptr<void> listen(Listener listener) override;
  boost::asio::awaitable<Result<std::unique_ptr<transport::BytePipe>>> open(transport::PortPath port,
                                                                            std::uint8_t interface) override;

 private:
  class Pipe;
  struct Board {
    std::deque<MakeStage> stages;
    std::shared_ptr<EmulatedDevice> device;
  };

  void left(const transport::PortPath& port, const EmulatedDevice* device);
  void next_stage(const transport::PortPath& port);
  void tell(const transport::PortPath& port);

  boost::asio::any_io_executor executor_;
  std::map<transport::PortPath, Board> boards_;
  std::map<int, Listener> listeners_;
  int next_listener_ = 0;
  std::shared_ptr<int> open_pipes_ = std::make_shared<int>(0);
  std::shared_ptr<void> alive_ = std::make_shared<int>(0);
};

}  // namespace flashline::lab
