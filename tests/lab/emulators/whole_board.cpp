#include "tests/lab/emulators/whole_board.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/config.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/fastboot_board.h"
#include "tests/lab/emulators/firehose_programmer.h"
#include "tests/lab/emulators/mass_storage.h"
#include "tests/lab/emulators/pi_boot_rom.h"
#include "tests/lab/emulators/pi_file_server.h"
#include "tests/lab/emulators/sahara_rom.h"
#include "tests/lab/emulators/sdp_rom.h"
#include "tests/lab/emulators/sdps_rom.h"
#include "transport/rpiboot/pi_chip.h"
#include "transport/sdp/sdp_chip.h"

namespace flashline::lab {
namespace {

namespace fs = std::filesystem;
using config::BoardFile;
using config::Protocol;

constexpr std::uint64_t used_every = 1U << 20U;
constexpr std::size_t sector = 512;

std::unexpected<Error> nobody_plays(const config::BoardProfile& profile, const config::Stage& stage) {
  return fail(errc::config_no_board, fmt::format("{}: no emulator plays its stage {} ({})", profile.name, stage.name,
                                                 config::to_word(stage.protocol)));
}

/// A stage with storage of its own: each time that it is entered it finds what it left.
template <class Device>
class Kept {
 public:
  using Make = std::function<std::shared_ptr<Device>()>;

  Kept(Make make, const WholeBoardPlan& plan) : make_{std::move(make)}, now_{make_()}, capacity_{plan.capacity} {
    if (!plan.used) return;
    const Bytes old(sector, *plan.used);
    for (std::uint64_t at = 0; at + sector <= capacity_; at += used_every) now_->medium().write(at, old);
  }
  std::shared_ptr<Device> enter() {
    auto next = make_();
    next->medium() = now_->medium();
    return now_ = std::move(next);
  }
  Bytes storage() const { return now_->medium().read(0, capacity_); }

 private:
  Make make_;
  std::shared_ptr<Device> now_;
  std::uint64_t capacity_;
};

class Builder {
 public:
  Builder(const config::BoardProfile& profile, const WholeBoardPlan& plan) : profile_{profile}, plan_{plan} {}

  Result<WholeBoard> build() {
    for (at_ = 0; at_ < profile_.stages.size(); ++at_) {
      if (!add(profile_.stages[at_])) return nobody_plays(profile_, profile_.stages[at_]);
    }
    return std::move(board_);
  }

 private:
  bool add(const config::Stage& stage) {
    switch (stage.protocol) {
      case Protocol::rpiboot:
        return add_pi(stage);
      case Protocol::sdp:
        return add_sdp(stage);
      case Protocol::sahara:
        return add_sahara();
      case Protocol::fastboot:
        return add_fastboot(stage);
      case Protocol::mass_storage:
        return add_disk(stage);
      case Protocol::firehose:
        return board_.storage != nullptr;  // it came with sahara
      case Protocol::sdps:
        return add_sdps(stage);
      case Protocol::card:
        break;
    }
    return false;
  }

  void stage(std::string name, std::function<std::shared_ptr<EmulatedDevice>()> enter) {
    board_.stages.push_back({std::move(name), at_, std::move(enter)});
  }
  const std::string& name() const { return profile_.stages[at_].name; }

  bool add_pi(const config::Stage& from) {
    if (from.ids.empty()) return false;
    const PiBoardPlan pi{.product = from.ids.front().product, .serial = plan_.serial};
    stage(name(), [pi] { return std::make_shared<PiBootRom>(pi); });
    stage(name() + "-files", [pi] {
      return std::make_shared<PiFileServer>(
          pi, std::vector<PiAsk>{{.name = "config.txt"}, {.name = "boot.img"}, {.kind = PiAsk::Kind::done}});
    });
    return true;
  }

  bool add_sdp(const config::Stage& from) {
    if (from.ids.empty()) return false;
    SdpRomPlan rom = imx6q();
    rom.hid.vendor = from.ids.front().vendor;
    rom.hid.product = from.ids.front().product;
    const auto chip = transport::find_sdp_chip(rom.hid.vendor, rom.hid.product, rom.hid.release);
    if (chip && chip->kind == transport::SdpKind::spl && streams_)
      return true;  // it took what it needs from the stream
    if (!chip || chip->kind != transport::SdpKind::sdp || chip->skip_dcd) return false;
    stage(name(), [rom] { return std::make_shared<SdpRomDevice>(rom); });
    return true;
  }

  bool add_sdps(const config::Stage& from) {
    if (from.ids.empty()) return false;
    SdpsRomPlan rom = imx8mp();
    rom.hid.vendor = from.ids.front().vendor;
    rom.hid.product = from.ids.front().product;
    const auto chip = transport::find_sdp_chip(rom.hid.vendor, rom.hid.product, rom.hid.release);
    if (!chip || chip->kind != transport::SdpKind::sdps || !chip->out_endpoint) return false;
    streams_ = true;
    stage(name(), [rom] { return std::make_shared<SdpsRomDevice>(rom); });
    return true;
  }

  bool add_sahara() {
    const FirehosePlan firehose{.sectors = plan_.capacity / sector, .serial = plan_.medium};
    const auto kept = keep<FirehoseProgrammer>([firehose] { return std::make_shared<FirehoseProgrammer>(firehose); });
    stage(name(), [kept] { return std::make_shared<SaharaRom>(SaharaRomPlan{}, kept->enter()); });
    return true;
  }

  bool add_fastboot(const config::Stage& from) {
    if (from.ids.empty()) return false;
    FastbootBoardPlan fastboot{.partition = profile_.storage.partition,
                               .capacity = plan_.capacity,
                               .serial = plan_.serial,
                               .vendor = from.ids.front().vendor,
                               .product = from.ids.front().product};
    const bool pi = profile_.storage.verify == config::Storage::Verify::map;
    // A CID: maker, name and revision, then 32 bits of serial number.
    if (pi) fastboot.variables["mmc-cid"] = fmt::format("150100303030303030{:08x}e5f600", plan_.medium);
    fastboot.flavour = pi ? FastbootBoardPlan::Flavour::pi_gadget : FastbootBoardPlan::Flavour::u_boot;
    const auto kept = keep<FastbootBoard>([fastboot] { return std::make_shared<FastbootBoard>(fastboot); });
    stage(name(), [kept] { return kept->enter(); });
    return true;
  }

  bool add_disk(const config::Stage& from) {
    MassStoragePlan disk{.manufacturer = "Raspberry Pi", .serial = plan_.serial, .disks = {{.removable = false}}};
    if (!from.ids.empty()) {
      disk.vendor = from.ids.front().vendor;
      disk.product = from.ids.front().product;
    }
    const auto medium = std::make_shared<Medium>(plan_.capacity);
    if (plan_.used) {
      for (std::uint64_t at = 0; at + sector <= plan_.capacity; at += used_every)
        std::ranges::fill(medium->bytes().subspan(at, sector), *plan_.used);
    }
    stage(name(), [disk, medium] {
      auto device = std::make_shared<MassStorage>(disk);
      device->disk(0).insert(medium);
      return device;
    });
    board_.storage = [medium] { return Bytes{medium->bytes().begin(), medium->bytes().end()}; };
    return true;
  }

  template <class Device>
  std::shared_ptr<Kept<Device>> keep(typename Kept<Device>::Make make) {
    auto kept = std::make_shared<Kept<Device>>(std::move(make), plan_);
    board_.storage = [kept] { return kept->storage(); };
    return kept;
  }

  const config::BoardProfile& profile_;
  const WholeBoardPlan& plan_;
  WholeBoard board_;
  std::size_t at_ = 0;
  bool streams_ = false;  // its ROM takes one stream
};

Status put(const fs::path& file, const Bytes& bytes) {
  std::error_code ignored;
  fs::create_directories(file.parent_path(), ignored);
  std::ofstream out{file, std::ios::binary};
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) return fail(errc::config_board_file, file.string() + " cannot be written");
  return {};
}

Status make_pi_folder(const config::BoardProfile& profile, const config::Stage& stage, const fs::path& folder) {
  transport::UsbFacts device;
  device.vendor = stage.ids.empty() ? std::uint16_t{0} : stage.ids.front().vendor;
  device.product = stage.ids.empty() ? std::uint16_t{0} : stage.ids.front().product;
  const auto* chip = transport::find_pi_chip(device);
  if (chip == nullptr) return nobody_plays(profile, stage);
  FL_CHECK(put(folder / chip->second_stage, pattern(70'000, 1)));
  FL_CHECK(put(folder / "config.txt", pattern(30, 2)));
  return put(folder / "boot.img", pattern(300'000, 3));
}

}  // namespace

Result<WholeBoard> whole_board(const config::BoardProfile& profile, const WholeBoardPlan& plan) {
  return Builder{profile, plan}.build();
}

Status make_boot_files(const config::BoardProfile& profile) {
  for (const auto& stage : profile.stages) {
    for (const auto& file : stage.files) {
      switch (file.use) {
        case BoardFile::Use::folder:
          FL_CHECK(make_pi_folder(profile, stage, file.path));
          break;
        case BoardFile::Use::image:
          FL_CHECK(put(file.path, ivt_image({})));
          break;
        case BoardFile::Use::programmer:
          FL_CHECK(put(file.path, pattern(SaharaRomPlan{}.programmer_size, 9)));
          break;
        case BoardFile::Use::bundle:
          return nobody_plays(profile, stage);
      }
    }
  }
  return {};
}

}  // namespace flashline::lab
