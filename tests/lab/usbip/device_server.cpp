#include "tests/lab/usbip/device_server.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace flashline::lab {
namespace {

constexpr std::chrono::milliseconds most_patience{100};
constexpr std::uint32_t most_bytes = 64U << 20U;  // no transfer of the kernel's is as large

std::uint8_t line_of(const UsbipCommand& command) {
  if (command.endpoint == 0) return 0;
  return static_cast<std::uint8_t>(command.endpoint | (command.inwards ? 0x80U : 0U));
}

std::int32_t status_of(Reply::Kind kind) {
  if (kind == Reply::Kind::stall) return -EPIPE;
  return kind == Reply::Kind::error ? -EPROTO : 0;
}

}  // namespace

DeviceServer::DeviceServer(int socket, std::shared_ptr<EmulatedDevice> device, std::vector<std::shared_ptr<Pace>> paces,
                           std::function<void(bool)> ended)
    : socket_{socket},
      device_{std::move(device)},
      paces_{std::move(paces)},
      ended_{std::move(ended)},
      standard_{*device_},
      thread_{[this] { serve(); }} {}

DeviceServer::~DeviceServer() {
  unplug();
  thread_.join();
  ::close(socket_);
}

void DeviceServer::unplug() { ::shutdown(socket_, SHUT_RDWR); }

void DeviceServer::with_device(const std::function<void()>& work) {
  const std::lock_guard lock{using_device_};
  work();
}

void DeviceServer::serve() {
  bool left = false;
  for (bool on = true; on && !left;) {
    wait();
    pollfd readable{socket_, POLLIN, 0};
    on = send_due();
    // Everything that has arrived goes before the next questions: an unlink among it ends them.
    while (on && ::poll(&readable, 1, 0) > 0) on = receive() && send_due();
    if (on) left = ask_all();
  }
  if (left) send_due();
  unplug();
  ended_(left);
}

/// Until something arrives, an answer is due, or it is time to ask again.
void DeviceServer::wait() {
  const bool asking = std::ranges::any_of(waiting_, [](const auto& line) { return !line.second.empty(); });
  auto until = asking ? patience_ : std::chrono::milliseconds{1000};
  if (!answers_.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(answers_.front().due - Clock::now());
    until = std::clamp(left, std::chrono::milliseconds{0}, until);
  }
  pollfd readable{socket_, POLLIN, 0};
  const int arrived = ::poll(&readable, 1, static_cast<int>(until.count()));
  patience_ = arrived > 0 ? std::chrono::milliseconds{1} : std::min(patience_ * 2, most_patience);
}

bool DeviceServer::receive_all(std::span<std::byte> into) const {
  while (!into.empty()) {
    const ssize_t count = ::recv(socket_, into.data(), into.size(), MSG_WAITALL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

/// False: the kernel let go of the device.
bool DeviceServer::receive() {
  UsbipHeader header{};
  if (!receive_all(header)) return false;
  const auto command = read_command(header);
  if (!command || command->length > most_bytes) return false;
  if (command->kind == UsbipCommand::Kind::unlink) return take_unlink(*command), true;
  Urb urb{*command, Bytes(command->inwards ? 0 : command->length)};
  if (!receive_all(urb.data)) return false;
  waiting_[line_of(*command)].push_back(std::move(urb));
  return true;
}

/// What was still held is called back; what has an answer under way gets that.
void DeviceServer::take_unlink(const UsbipCommand& command) {
  std::size_t held = 0;
  for (auto& [line, urbs] : waiting_) {
    held += std::erase_if(urbs, [&](const Urb& urb) { return urb.command.number == command.victim; });
  }
  held += std::erase_if(answers_, [&](const Answer& each) { return each.number == command.victim; });
  send(unlinked(command.number, held > 0 ? -ECONNRESET : 0), {});
}

/// True: the stage is over.
bool DeviceServer::ask_all() {
  const std::lock_guard lock{using_device_};
  for (bool again = true; again;) {
    again = false;
    for (auto& [line, urbs] : waiting_) {
      while (!urbs.empty() && ask_head(line)) again = true;
      if (device_->leaves()) return true;
    }
  }
  return false;
}

/// False: it had nothing to say. Requests of one endpoint are answered in their order.
bool DeviceServer::ask_head(std::uint8_t line) {
  auto& urbs = waiting_[line];
  Reply reply = ask(urbs.front());
  if (reply.kind == Reply::Kind::nak) return false;
  const Urb urb = std::move(urbs.front());
  urbs.pop_front();
  answer(urb, std::move(reply));
  return !device_->leaves();
}

Reply DeviceServer::ask(const Urb& urb) {
  const UsbipCommand& command = urb.command;
  if (command.endpoint == 0) {
    auto reply = standard_.answer(command.setup);
    return reply ? std::move(*reply) : device_->control(command.setup, urb.data);
  }
  const std::uint8_t line = line_of(command);
  if (standard_.is_halted(line)) return Reply::refuse();
  Reply reply =
      command.inwards ? device_->in(command.endpoint, command.length) : device_->out(command.endpoint, urb.data);
  if (reply.kind == Reply::Kind::stall) standard_.halt(line);
  return reply;
}

void DeviceServer::answer(const Urb& urb, Reply reply) {
  const UsbipCommand& command = urb.command;
  std::int32_t status = status_of(reply.kind);
  std::size_t actual = 0;
  if (status == 0 && command.inwards) {
    if (reply.data.size() > command.length) {
      status = -EOVERFLOW;
      reply.data.clear();
    } else if (reply.data.size() < command.length && command.short_is_error) {
      status = -EREMOTEIO;
    }
    actual = reply.data.size();
  } else if (status == 0) {
    actual = command.endpoint == 0 ? urb.data.size() : reply.taken;
  }
  auto due = Clock::now();
  for (const auto& pace : paces_) due = std::max(due, pace->due(actual, command.inwards));
  if (!command.inwards) reply.data.clear();
  answers_.push_back({due, submitted(command.number, status, static_cast<std::uint32_t>(actual)), std::move(reply.data),
                      command.number});
}

bool DeviceServer::send_due() {
  while (!answers_.empty() && (answers_.front().due <= Clock::now() || device_->leaves())) {
    const Answer first = std::move(answers_.front());
    answers_.pop_front();
    if (!send(first.header, first.data)) return false;
  }
  return true;
}

bool DeviceServer::send(const UsbipHeader& header, std::span<const std::byte> data) const {
  const auto all = [this](std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
  };
  return all(header) && all(data);
}

}  // namespace flashline::lab
