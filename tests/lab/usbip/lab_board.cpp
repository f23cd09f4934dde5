#include "tests/lab/usbip/lab_board.h"

#include <array>
#include <spdlog/fmt/fmt.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/usbip/vhci.h"

namespace flashline::lab {

LabBoard::LabBoard(Plan plan) : plan_{std::move(plan)}, thread_{[this] { run(); }} {}

LabBoard::~LabBoard() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LabBoard::plug(std::size_t stage, std::chrono::milliseconds after) {
  const std::lock_guard lock{mutex_};
  due_ = {Clock::now() + after + plan_.stages.at(stage).gap, stage};
  changed_.notify_all();
}

void LabBoard::unplug() {
  std::shared_ptr<DeviceServer> server;
  {
    const std::lock_guard lock{mutex_};
    due_.reset();
    left_ = false;
    server = std::exchange(server_, nullptr);
    device_.reset();
  }
  if (server) tell("pulled out");
}

bool LabBoard::with_device(const std::function<void(EmulatedDevice&)>& work) {
  std::shared_ptr<DeviceServer> server;
  std::shared_ptr<EmulatedDevice> device;
  {
    const std::lock_guard lock{mutex_};
    server = server_;
    device = device_;
  }
  if (!server) return false;
  server->with_device([&] { work(*device); });
  return true;
}

unsigned LabBoard::plugged() const {
  const std::lock_guard lock{mutex_};
  return plugged_;
}

void LabBoard::tell(const std::string& what) const {
  if (plan_.told) plan_.told(what);
}

void LabBoard::run() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    if (left_) {
      go_on_after(lock);
    } else if (due_ && due_->first <= Clock::now()) {
      const std::size_t stage = due_->second;
      due_.reset();
      put_in(lock, stage);
    } else if (due_) {
      changed_.wait_until(lock, due_->first);
    } else {
      changed_.wait(lock);
    }
  }
  auto server = std::exchange(server_, nullptr);
  lock.unlock();
}

void LabBoard::put_in(std::unique_lock<std::mutex>& lock, std::size_t stage) {
  const LabStage& plan = plan_.stages.at(stage);
  auto old = std::exchange(server_, nullptr);
  const unsigned visit = visits_[stage]++;
  lock.unlock();
  old.reset();
  auto device = plan.make(visit);
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return lock.lock();
  auto server = std::make_shared<DeviceServer>(ends[0], device, plan_.paces, [this](bool left) {
    const std::lock_guard inner{mutex_};
    left_ = left_ || left;
    changed_.notify_all();
  });
  // While the kernel lets go of the stage before, attaching takes a moment.
  const auto attached = vhci_attach(plan_.socket, ends[1], device->descriptors().speed);
  tell(attached ? fmt::format("plugged in as {}", plan.name) : to_text(attached.error()));
  lock.lock();
  server_ = std::move(server);
  device_ = std::move(device);
  stage_ = stage;
  ++plugged_;
}

void LabBoard::go_on_after(std::unique_lock<std::mutex>& lock) {
  left_ = false;
  auto old = std::exchange(server_, nullptr);
  const auto device = std::exchange(device_, nullptr);
  const std::size_t stage = stage_;
  lock.unlock();
  old.reset();
  tell(fmt::format("left as {}", plan_.stages.at(stage).name));
  std::optional<Plan::Next> next;
  if (plan_.next && device) {
    next = plan_.next(stage, *device);
  } else if (stage + 1 < plan_.stages.size()) {
    next = Plan::Next{stage + 1, {}};
  }
  lock.lock();
  if (next && !stopping_) due_ = {Clock::now() + next->after + plan_.stages.at(next->stage).gap, next->stage};
}

}  // namespace flashline::lab
