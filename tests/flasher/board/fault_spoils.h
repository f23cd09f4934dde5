#pragma once
// What can be done to a board on its way, and to what the station gives it: the vocabulary of the table of faults.

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>

#include "tests/fakes/tar_builder.h"
#include "tests/flasher/board/fault_table.h"
#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/fastboot_board.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/firehose_programmer.h"
#include "tests/lab/emulators/pi_boot_rom.h"
#include "tests/lab/emulators/pi_file_server.h"
#include "tests/lab/emulators/sahara_rom.h"
#include "tests/lab/emulators/sdp_rom.h"

namespace flashline::line::tests {

using flashline::tests::SinkCall;
using flashline::tests::SinkFault;
using Kind = lab::Fault::Kind;
using On = lab::Fault::On;
using Do = lab::FastbootMischief::Do;
using MakeStage = lab::EmulatedHost::MakeStage;

inline constexpr std::uint32_t once = 1;
inline constexpr std::uint32_t always = 0;

/// One thing wrong on the wire of a stage. What happens once has happened when the board comes with new power.
inline Spoil wire(std::size_t stage, lab::Fault fault) {
  return [=](Board& board) {
    board.stages.at(stage) = [fault, enter = board.stages.at(stage),
                              last = std::make_shared<std::shared_ptr<lab::FaultyDevice>>()]() {
      if (fault.times != always && *last && (*last)->struck()) return enter();
      *last = std::make_shared<lab::FaultyDevice>(enter(), fault);
      return std::shared_ptr<lab::EmulatedDevice>{*last};
    };
  };
}

/// It leaves its port in that stage and does not come back.
inline Spoil gone(std::size_t stage, On on, std::uint64_t after) {
  return [=](Board& board) {
    wire(stage, {.kind = Kind::unplug, .on = on, .after_bytes = after})(board);
    board.stages.resize(stage + 1);
    board.after_power.emplace();
  };
}

/// It leaves its port in that stage and comes back in its boot ROM.
inline Spoil falls_back(std::size_t stage, On on, std::uint64_t after) {
  return [=](Board& board) {
    const auto whole = board.stages;
    wire(stage, {.kind = Kind::unplug, .on = on, .after_bytes = after})(board);
    board.stages.resize(stage + 1);
    board.stages.insert(board.stages.end(), whole.begin(), whole.end());
  };
}

/// It comes up to that stage, and from there falls into its boot ROM each time.
inline Spoil loops_after(std::size_t stages) {
  return [=](Board& board) {
    std::deque<MakeStage> begun = board.stages;
    begun.resize(stages);
    for (int again = 0; again < 3; ++again) board.stages.insert(board.stages.begin(), begun.begin(), begun.end());
    board.stages.resize(4 * stages);
  };
}

/// A stage that shows other descriptors than it has.
class Disguised final : public lab::EmulatedDevice {
 public:
  Disguised(std::shared_ptr<lab::EmulatedDevice> inner, const std::function<void(lab::Descriptors&)>& change)
      : inner_{std::move(inner)}, shown_{inner_->descriptors()} {
    change(shown_);
  }
  const lab::Descriptors& descriptors() const override { return shown_; }
  lab::Reply control(const lab::Setup& setup, std::span<const std::byte> data) override {
    return followed(inner_->control(setup, data));
  }
  lab::Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override {
    return followed(inner_->out(endpoint, data));
  }
  lab::Reply in(std::uint8_t endpoint, std::size_t most) override { return followed(inner_->in(endpoint, most)); }
  void reset() override { inner_->reset(); }

 private:
  lab::Reply followed(lab::Reply reply) {
    if (inner_->leaves()) leave();
    return reply;
  }
  std::shared_ptr<lab::EmulatedDevice> inner_;
  lab::Descriptors shown_;
};

inline Spoil disguised(std::size_t stage, std::function<void(lab::Descriptors&)> change) {
  return [=](Board& board) {
    board.stages.at(stage) = [change, enter = board.stages.at(stage)] {
      return std::make_shared<Disguised>(enter(), change);
    };
  };
}
inline Spoil other_product(std::size_t stage) {
  return disguised(stage, [](lab::Descriptors& lie) { lie.device[10] ^= std::byte{0x40}; });
}
inline Spoil configuration_cut(std::size_t stage, std::size_t size) {
  return disguised(stage, [size](lab::Descriptors& lie) { lie.configuration.resize(size); });
}

inline MakeStage just(std::shared_ptr<lab::EmulatedDevice> device) {
  return [device] { return device; };
}

/// Another bootloader in the last stage.
inline Spoil bootloader(lab::FastbootBoardPlan plan) {
  return [=](Board& board) {
    const auto last = std::make_shared<lab::FastbootBoard>(plan);
    board.stages.back() = just(last);
    board.medium = [last] { return last->medium().read(0, storage_size); };
  };
}
inline Spoil gadget(std::vector<lab::FastbootMischief> mischief, std::string serial = "10000000deadbeef") {
  return bootloader({.capacity = storage_size, .serial = std::move(serial), .mischief = std::move(mischief)});
}
inline Spoil u_boot(std::vector<lab::FastbootMischief> mischief) {
  return bootloader({.flavour = lab::FastbootBoardPlan::Flavour::u_boot,
                     .partition = "all",
                     .capacity = storage_size,
                     .mischief = std::move(mischief),
                     .vendor = 0x0525,
                     .product = 0xa4a5});
}

/// Another boot ROM, or another programmer behind it.
inline Spoil qualcomm(lab::SaharaRomPlan rom, lab::FirehosePlan firehose = {}) {
  return [=](Board& board) mutable {
    firehose.sectors = storage_size / 512;
    const auto programmer = std::make_shared<lab::FirehoseProgrammer>(firehose);
    board.stages = {[=] { return std::make_shared<lab::SaharaRom>(rom, programmer); }};
    board.medium = [programmer] { return programmer->medium().read(0, storage_size); };
  };
}

inline Spoil pi_rom(lab::PiVerdict verdict) {
  return [=](Board& board) {
    board.stages[0] = [=] { return std::make_shared<lab::PiBootRom>(lab::PiBoardPlan{}, verdict); };
  };
}
inline Spoil pi_asks(std::vector<lab::PiAsk> asks) {
  return [=](Board& board) {
    board.stages[1] = [=] { return std::make_shared<lab::PiFileServer>(lab::PiBoardPlan{}, asks); };
  };
}
/// It asks that, leaves and stays away.
inline Spoil leaves_for_good(std::size_t stage, std::vector<lab::PiAsk> asks) {
  return [=](Board& board) {
    pi_asks(asks)(board);
    board.stages.resize(stage + 1);
  };
}
inline lab::PiAsk request(std::uint32_t command, std::string_view name, std::size_t size = 260) {
  lab::Bytes bytes(size, std::byte{'x'});
  std::fill_n(bytes.begin(), 4, std::byte{0});
  bytes[0] = static_cast<std::byte>(command);
  std::ranges::transform(name, bytes.begin() + 4, [](char each) { return static_cast<std::byte>(each); });
  if (4 + name.size() < size) bytes[4 + name.size()] = std::byte{0};
  return {.kind = lab::PiAsk::Kind::raw, .raw = std::move(bytes)};
}
inline std::vector<lab::PiAsk> asks_for_ever() {
  std::vector<lab::PiAsk> asks(20'000, lab::PiAsk{.name = "config.txt"});
  return asks;
}

/// A chip whose fuses take signed programs only.
inline Spoil closed_chip() {
  return [](Board& board) {
    auto plan = lab::imx6q();
    plan.closed = true;
    board.stages[0] = just(std::make_shared<lab::SdpRomDevice>(plan));
  };
}

/// `fault` with every write.
inline SinkScript each_write(SinkFault fault) {
  SinkScript script;
  for (std::size_t number = 1; number <= 200; ++number) script[{SinkCall::write, number}] = fault;
  return script;
}

inline Status put(const std::filesystem::path& file, std::string_view text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream{file, std::ios::binary} << text;
  return {};
}
/// The station's boot files are read again, as at its start.
inline Status read_again(Path& path) {
  FL_TRY(path.files, load_stage_files(path.profile));
  return {};
}
inline Status with_bundle(Path& path, const std::filesystem::path& folder, std::string_view archive) {
  FL_CHECK(put(folder / "bundle" / "bootfiles.bin", archive));
  path.profile.stages[0].files.push_back({.use = config::BoardFile::Use::bundle,
                                          .path = folder / "bundle" / "bootfiles.bin",
                                          .digest = {},
                                          .where = "board"});
  return read_again(path);
}

}  // namespace flashline::line::tests
