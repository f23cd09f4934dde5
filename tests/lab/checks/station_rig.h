#pragma once
// A real station on the virtual line: the programs as they are shipped, boards on the kernel's own ports.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>

#include "tests/fakes/station_process.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/mass_storage.h"
#include "tests/lab/usbip/lab_board.h"
#include "tests/lab/usbip/vhci.h"

namespace flashline::lab {

using namespace std::chrono_literals;

constexpr std::uint64_t station_card_size = 8U << 20U;

/// Passes everything on and counts what is not enumeration.
class CountingDevice final : public EmulatedDevice {
 public:
  explicit CountingDevice(std::shared_ptr<EmulatedDevice> inner) : inner_{std::move(inner)} {}
  const Descriptors& descriptors() const override { return inner_->descriptors(); }
  Reply control(const Setup& setup, std::span<const std::byte> data) override {
    ++asked;
    return inner_->control(setup, data);
  }
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override {
    ++asked;
    return inner_->out(endpoint, data);
  }
  Reply in(std::uint8_t endpoint, std::size_t most) override {
    ++asked;
    return inner_->in(endpoint, most);
  }
  void reset() override { inner_->reset(); }

  unsigned asked = 0;

 private:
  std::shared_ptr<EmulatedDevice> inner_;
};

/// What a text of JSON has for `name`: behind `from`, up to the value's end.
inline std::string json_value(std::string_view json, const std::string& name, std::size_t from = 0) {
  const std::size_t at = json.find("\"" + name + "\":", from);
  if (at == std::string_view::npos) return {};
  std::string_view rest = json.substr(at + name.size() + 3);
  if (rest.starts_with('"')) return std::string{rest.substr(1, rest.find('"', 1) - 1)};
  return std::string{rest.substr(0, rest.find_first_of(",}]"))};
}

class StationOnTheLine : public testing::Test {
 protected:
  /// Looks until it is so. Everything here happens in other processes: there is nothing to be woken by.
  static bool until(const std::function<bool()>& done, std::chrono::seconds most = 60s) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(100ms);
    }
    return true;
  }

  static std::string port_text(unsigned socket) { return to_text(vhci_port(socket)); }
  std::string slot_xml(const std::string& name, const std::string& port, const std::string& board = "Card") {
    return "<slot name=\"" + name + "\" row=\"1\" column=\"" + std::to_string(++columns_) + "\"><port path=\"" + port +
           "\" board=\"" + board + "\"/></slot>";
  }

  static std::shared_ptr<Medium> card() { return std::make_shared<Medium>(station_card_size); }
  static LabBoard::Plan plan_of(unsigned socket, std::shared_ptr<EmulatedDevice> device) {
    return {.socket = socket, .stages = {{"stage", [device](unsigned) { return device; }}}};
  }
  static std::shared_ptr<MassStorage> reader(const std::vector<std::shared_ptr<Medium>>& media,
                                             MassStoragePlan plan = {}) {
    plan.disks.resize(media.size());
    auto device = std::make_shared<MassStorage>(plan);
    for (std::size_t lun = 0; lun < media.size(); ++lun) {
      if (media[lun]) device->disk(lun).insert(media[lun]);
    }
    return device;
  }

  /// An image for cards of station_card_size, and the board that it says it is for.
  void make_image(const std::string& platform) {
    const Bytes content = pattern(3U << 20U, 11);
    std::ofstream{folder_ / "disk.img", std::ios::binary}.write(reinterpret_cast<const char*>(content.data()),
                                                                static_cast<std::streamsize>(content.size()));
    std::filesystem::resize_file(folder_ / "disk.img", station_card_size);
    const auto made = fakes::run_command({FLASHLINE_BIN_DIR "/flashline", "image", "import", folder_ / "disk.img",
                                          folder_ / "made.ffu", "--platform", platform, "--allow-unsigned"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  void start_batch(unsigned quantity) {
    const auto answer =
        station_.post("/api/v1/batches", R"({"image":"made.ffu","quantity":)" + std::to_string(quantity) + "}");
    ASSERT_EQ(answer.status, 201) << answer.body;
  }

  /// All of a slot as the API tells it.
  std::string slot(const std::string& name) const { return station_.get("/api/v1/slots/" + name).body; }
  bool slot_is(const std::string& name, const std::string& state) const {
    return until([&] { return json_value(slot(name), "state") == state; });
  }
  /// The line of `station ports` about a port, or nothing.
  std::string listed(const std::string& port) const {
    const std::string all = station_.flashline({"station", "ports"}).out;
    const std::size_t at = all.find(port + " ");
    return at == std::string::npos ? std::string{} : all.substr(at, all.find('\n', at) - at);
  }
  /// The node of the disk on a port, as soon as udev made its link.
  static std::filesystem::path disk_on(unsigned socket, unsigned lun = 0) {
    const auto port = vhci_port(socket);
    const std::filesystem::path link = "/dev/disk/by-path/" + port.controller +
                                       "-usb-0:" + std::to_string(port.chain.front()) +
                                       ":1.0-scsi-0:0:0:" + std::to_string(lun);
    return until([&] { return std::filesystem::exists(link); }) ? std::filesystem::canonical(link) : link;
  }
  /// The node by which programs talk to what is on a port.
  static std::filesystem::path usb_node_on(unsigned socket, transport::UsbSpeed speed = transport::UsbSpeed::high) {
    const std::filesystem::path folder = usb_folder_on(socket, speed);
    if (!until([&] { return !fakes::slurp(folder / "devnum").empty(); })) return {};
    const auto number = [&](const char* name) {
      std::string text = std::to_string(std::stoul(fakes::slurp(folder / name)));
      return std::string(3 - text.size(), '0') + text;
    };
    return "/dev/bus/usb/" + number("busnum") + "/" + number("devnum");
  }
  /// Its folder in /sys. Controllers come up in any order: their buses are found below them.
  static std::filesystem::path usb_folder_on(unsigned socket, transport::UsbSpeed speed = transport::UsbSpeed::high) {
    const auto port = vhci_port(socket);
    const bool super = speed >= transport::UsbSpeed::super;
    const std::filesystem::path controller =
        "/sys/devices/platform/" + port.controller.substr(std::string_view{"platform-"}.size());
    for (const auto& entry : std::filesystem::directory_iterator{controller}) {
      const std::string name = entry.path().filename();
      if (!name.starts_with("usb") || !entry.is_directory()) continue;  // "usbip_debug" is there, too
      if ((std::stoul(fakes::slurp(entry.path() / "speed")) >= 5000) != super) continue;
      return entry.path() / (name.substr(3) + "-" + std::to_string(port.chain.front()));
    }
    return {};
  }

  fakes::TempFolder folder_{"/dev/shm"};
  fakes::StationProcess station_{folder_.path()};

 private:
  unsigned columns_ = 0;
};

}  // namespace flashline::lab
