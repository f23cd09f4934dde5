#pragma once
// A Pi's stage, its fault, its wire log and the pipe to it.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <utility>

#include "tests/fakes/awaited.h"
#include "tests/fakes/golden.h"
#include "tests/lab/emulators/emulated_pipe.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/pi_boot_rom.h"
#include "tests/lab/emulators/pi_file_server.h"
#include "tests/lab/emulators/wire_log.h"
#include "transport/rpiboot/file_server.h"
#include "transport/rpiboot/second_stage.h"

namespace flashline::transport {

inline constexpr RpibootTimes no_waiting{.before_return_code = std::chrono::milliseconds{0},
                                         .between_requests = std::chrono::milliseconds{0}};

/// `size` bytes that tests/golden/usb/derive_pi.py makes, too.
inline std::vector<std::byte> told_content(std::size_t size, std::size_t seed) {
  std::vector<std::byte> bytes(size);
  for (std::size_t at = 0; at < size; ++at) bytes[at] = static_cast<std::byte>(at * 31 + at / 251 + seed);
  return bytes;
}

template <class Stage>
struct PiPair {
  explicit PiPair(std::shared_ptr<Stage> played, std::optional<lab::Fault> fault = {}, std::uint8_t interface = 0)
      : stage{std::move(played)},
        log{std::make_shared<lab::WireLog>(faulty(stage, fault))},
        pipe{log, {"usb", {1}}, interface} {}

  static std::shared_ptr<lab::EmulatedDevice> faulty(std::shared_ptr<Stage> stage, std::optional<lab::Fault> fault) {
    if (!fault) return stage;
    return std::make_shared<lab::FaultyDevice>(std::move(stage), *fault);
  }

  std::shared_ptr<Stage> stage;
  std::shared_ptr<lab::WireLog> log;
  lab::EmulatedPipe pipe;
  boost::asio::io_context context{};
};

inline SecondStage stage_of(std::vector<std::byte> code, std::vector<std::byte> signature = {}) {
  return {std::make_shared<const std::vector<std::byte>>(std::move(code)), std::move(signature)};
}

/// What a station serves to a CM4.
inline BootFiles cm4_files() {
  BootFiles files;
  files.put("mcb.bin", told_content(1000, 1));
  files.put("memsys00.bin", told_content(2000, 2));
  files.put("bootmain", told_content(70000, 3));
  std::vector<std::byte> config;
  for (const char each : std::string_view{"boot_ramdisk=1\nuart_2ndstage=1\n"})
    config.push_back(static_cast<std::byte>(each));
  files.put("config.txt", std::move(config));
  files.put("boot.img", told_content(300000, 4));
  return files;
}

}  // namespace flashline::transport
