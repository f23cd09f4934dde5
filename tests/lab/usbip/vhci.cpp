#include "tests/lab/usbip/vhci.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <string_view>
#include <thread>
#include <unistd.h>

#include "imaging/core/errors/usb.h"

namespace flashline::lab {
namespace {

constexpr auto attach_file = "/sys/devices/platform/vhci_hcd.0/attach";
constexpr std::chrono::seconds patience{10};

unsigned speed_number(transport::UsbSpeed speed) {
  if (speed == transport::UsbSpeed::low) return 1;
  if (speed == transport::UsbSpeed::full) return 2;
  return speed >= transport::UsbSpeed::super ? 5 : 3;
}

/// 0, or an errno.
int write_all(const char* file, std::string_view text) {
  const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = ::write(fd, text.data(), text.size()) < 0 ? errno : 0;
  ::close(fd);
  return error;
}

}  // namespace

transport::PortPath vhci_port(unsigned number) {
  return {fmt::format("platform-vhci_hcd.{}", number / vhci_sockets),
          {static_cast<std::uint8_t>(number % vhci_sockets + 1)},
          {}};
}

Status vhci_attach(unsigned number, int socket, transport::UsbSpeed speed) {
  // A controller's ports are numbered through: its USB 2 side, then its USB 3 side.
  const unsigned side = speed >= transport::UsbSpeed::super ? vhci_sockets : 0;
  const unsigned port = number / vhci_sockets * 2 * vhci_sockets + side + number % vhci_sockets;
  const std::string line = fmt::format("{} {} {} {}", port, socket, 0x10000 + number + 1, speed_number(speed));
  const auto end = std::chrono::steady_clock::now() + patience;
  int error = write_all(attach_file, line);
  while (error != 0 && error != ENOENT && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
    error = write_all(attach_file, line);
  }
  ::close(socket);
  if (error != 0) return fail(errc::usb_busy, fmt::format("port {} of vhci-hcd: {}", port, std::strerror(error)));
  return {};
}

}  // namespace flashline::lab
