#include "tests/lab/scenario/play.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <spdlog/fmt/fmt.h>
#include <thread>

#include "imaging/core/little_endian.h"
#include "station-config/board_profile.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/mass_storage.h"
#include "tests/lab/emulators/whole_board.h"
#include "tests/lab/scenario/made_image.h"
#include "tests/lab/scenario/station_side.h"
#include "tests/lab/usbip/lab_board.h"
#include "tests/lab/usbip/vhci.h"

namespace flashline::lab {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::byte old_bytes{0xe7};   // what storage holds that was used before
constexpr auto change_takes = 1500ms;  // a hand takes one board out and puts the next one in
constexpr std::size_t old_every = 1U << 20U;

/// The link that udev makes for a card slot.
std::string node_of(const ReaderPlan& reader, std::size_t lun) {
  const auto port = vhci_port(reader.at.socket);
  return fmt::format("/dev/disk/by-path/{}-usb-0:{}:1.0-scsi-0:0:0:{}", port.controller, port.chain.front(), lun);
}

std::shared_ptr<Medium> used_card(const CardPlan& plan) {
  auto medium = std::make_shared<Medium>(plan.slot.size, plan.fault);
  for (std::size_t at = 0; at + 512 <= plan.slot.size; at += old_every)
    std::ranges::fill(medium->bytes().subspan(at, 512), old_bytes);
  return medium;
}

class Player {
 public:
  Player(const Scenario& scenario, PlayOptions options)
      : scenario_{scenario}, options_{std::move(options)}, station_{options_.folder, options_.programs} {
    outcome_.name = scenario.name;
    if (scenario.bus_rate != 0) bus_ = std::make_shared<Pace>(scenario.bus_rate, scenario.bus_rate);
  }

  ScenarioOutcome run() {
    outcome_.trouble = prepare();
    if (outcome_.trouble.empty()) outcome_.trouble = flash();
    boards_.clear();
    const std::lock_guard lock{mutex_};
    return std::move(outcome_);
  }

 private:
  std::string prepare() {
    fs::create_directories(options_.folder);
    image_ = scenario_.image.file;
    if (image_.empty()) {
      const fs::path disk = options_.folder / "disk.img";
      if (auto why = make_disk(disk, scenario_.image.size, scenario_.image.data); !why.empty()) return why;
      image_ = options_.folder / "made.ffu";
      const auto made = station_.flashline(
          {"image", "import", disk, image_, "--platform", scenario_.image.platform, "--allow-unsigned"});
      if (!made) return made.error();
    }
    write_recipe();
    std::vector<StationSlot> slots;
    for (const ReaderPlan& reader : scenario_.readers) {
      for (std::size_t lun = 0; lun < reader.cards.size(); ++lun)
        slots.push_back({.name = reader.cards[lun].slot.name, .node = node_of(reader, lun)});
    }
    for (const BoardPlan& board : scenario_.boards) {
      slots.push_back({.name = board.slot.name, .port = to_text(vhci_port(board.at.socket)), .board = board.profile});
      const auto profile = config::find_board(board.profile, station_.boards_folder());
      if (!profile) return to_text(profile.error());
      if (const auto made = make_boot_files(*profile); !made) return to_text(made.error());
    }
    return station_.start(slots, scenario_.attempts);
  }

  void write_recipe() const {
    std::ofstream{options_.folder / "recipe.xml"}
        << "<recipe name=\"virtual line\">\n <identity><serial pattern=\"LAB-{n:6}\" first=\"1\"/></identity>\n"
           " <overlay><file partition=\"1\" path=\"/flashline/identity.env\">SERIAL=${serial}&#10;</file></overlay>\n "
           "<write fit-gpt=\"true\"/>\n</recipe>\n";
  }

  std::string flash() {
    for (const ReaderPlan& reader : scenario_.readers) add(reader);
    for (const BoardPlan& board : scenario_.boards) {
      if (auto why = add(board); !why.empty()) return why;
    }
    const auto created = station_.flashline({"batch", "create", image_, "--recipe", options_.folder / "recipe.xml",
                                             "--quantity", std::to_string(units_.size()), "--name", "virtual line"});
    if (!created) return created.error();
    begin_ = Clock::now();
    for (auto& [board, after] : first_) board->plug(0, after);
    if (auto why = watch(); !why.empty()) return why;
    outcome_.seconds = seconds();
    boards_.clear();  // nothing moves any more
    for (auto& [name, unit] : units_) judge(name, unit);
    return twins();
  }

  /// No identity is on two finished boards.
  std::string twins() const {
    std::map<std::string, std::string> slots;
    for (const CardOutcome& each : outcome_.cards) {
      if (each.actual != "passed") continue;
      const auto [first, alone] = slots.emplace(each.serial, each.slot);
      if (!alone) return fmt::format("{} is in {} and in {}", each.serial, first->second, each.slot);
    }
    return {};
  }

  struct Unit {
    SlotPlan plan{};
    std::function<Bytes()> storage{};
    LabBoard* board = nullptr;  ///< that it is, or whose card
    std::string follows{};      ///< name of the unit that takes its place when it has ended; empty: none
    bool arrived = true;        ///< false: what its slot says is still about the unit before
    /// It was pulled out and does not come back.
    std::shared_ptr<std::atomic<bool>> gone = std::make_shared<std::atomic<bool>>(false);
    SlotState last{};
    double seconds = 0;

    bool ended() const { return last.ended() || is_gone(); }
    bool is_gone() const { return *gone && last.state == "empty"; }
  };

  void add(const ReaderPlan& plan) {
    std::vector<std::shared_ptr<Medium>> media;
    for (const CardPlan& card : plan.cards) media.push_back(used_card(card));
    LabBoard::Plan reader;
    reader.stages = {{"storage", [&plan, media](unsigned visit) {
                        MassStoragePlan storage{.serial = plan.at.serial, .speed = plan.speed, .disks = {}};
                        for (const CardPlan& card : plan.cards)
                          storage.disks.push_back({.write_protected = card.write_protected});
                        if (plan.at.pull && visit == 0) storage.leaves_at = plan.at.pull->after_bytes;
                        auto device = std::make_shared<MassStorage>(storage);
                        for (std::size_t lun = 0; lun < media.size(); ++lun) device->disk(lun).insert(media[lun]);
                        return device;
                      }}};
    const auto gone = std::make_shared<std::atomic<bool>>(false);
    reader.next = [&plan, gone](std::size_t, EmulatedDevice&) { return back(plan.at.pull, *gone); };
    LabBoard& board = build(std::move(reader), plan.at);
    first_.emplace_back(&board, plan.at.plugged_after);
    for (std::size_t lun = 0; lun < media.size(); ++lun) {
      const SlotPlan& slot = plan.cards[lun].slot;
      sits(slot.name,
           {.plan = slot,
            .storage = [medium = media[lun]] { return Bytes{medium->bytes().begin(), medium->bytes().end()}; },
            .board = &board,
            .gone = gone});
    }
  }

  std::string add(const BoardPlan& plan) {
    Unit unit{.plan = plan.slot};
    if (auto why = build(unit, plan.really, plan.at, plan.at.socket); !why.empty()) return why;
    first_.emplace_back(unit.board, plan.at.plugged_after);
    if (plan.next) {
      Unit next{.plan = plan.slot, .arrived = false};
      next.plan.end = End::passed;
      SocketPlan at = plan.at;
      at.pull.reset();
      if (auto why = build(next, plan.profile, at, 1000 + plan.at.socket); !why.empty()) return why;
      unit.follows = plan.slot.name + ", the next";
      units_[unit.follows] = std::move(next);
    }
    sits(plan.slot.name, std::move(unit));
    return {};
  }

  void sits(const std::string& slot, Unit unit) {
    units_[slot] = std::move(unit);
    seats_[slot] = slot;
  }

  /// A board of a profile, whose storage has the serial number `medium`. What went wrong, if anything.
  std::string build(Unit& unit, const std::string& profile_name, const SocketPlan& at, std::uint32_t medium) {
    const auto profile = config::find_board(profile_name, station_.boards_folder());
    if (!profile) return to_text(profile.error());
    WholeBoardPlan how{.capacity = unit.plan.size,
                       .serial = at.serial.empty() ? fmt::format("10000000{:08x}", medium) : at.serial,
                       .medium = medium,
                       .used = old_bytes};
    auto made = whole_board(*profile, how);
    if (!made) return to_text(made.error());
    if (at.pull && !at.pull->stage.empty() &&
        std::ranges::find(made->stages, at.pull->stage, &WholeBoard::Stage::name) == made->stages.end()) {
      return fmt::format("a {} has no stage {}", profile_name, at.pull->stage);
    }
    unit.storage = made->storage;
    unit.board = &build(pulled_out(plan_of(*made), at.pull, unit.gone), at);
    return {};
  }

  static LabBoard::Plan plan_of(const WholeBoard& made) {
    LabBoard::Plan board;
    for (const auto& each : made.stages) board.stages.push_back({each.name, [each](unsigned) { return each.enter(); }});
    return board;
  }

  /// The same board with a hand that pulls it out, once.
  static LabBoard::Plan pulled_out(LabBoard::Plan board, const std::optional<PullPlan>& pull,
                                   std::shared_ptr<std::atomic<bool>> gone) {
    if (!pull) return board;
    auto stage = board.stages.end() - 1;
    if (!pull->stage.empty()) stage = std::ranges::find(board.stages, pull->stage, &LabStage::name);
    stage->make = [make = stage->make, after = pull->after_bytes](unsigned visit) -> std::shared_ptr<EmulatedDevice> {
      auto device = make(visit);
      if (visit > 0) return device;
      return std::make_shared<FaultyDevice>(
          std::move(device), Fault{.kind = Fault::Kind::unplug, .on = Fault::On::out, .after_bytes = after});
    };
    board.next = [pull = *pull, gone, last = board.stages.size() - 1](
                     std::size_t at, EmulatedDevice& device) -> std::optional<LabBoard::Plan::Next> {
      const auto* const faulty = dynamic_cast<const FaultyDevice*>(&device);
      if (faulty != nullptr && faulty->struck()) {
        return back(pull, *gone);
      }
      return at == last ? std::nullopt : std::optional{LabBoard::Plan::Next{at + 1, {}}};
    };
    return board;
  }

  /// How a board that was pulled out goes on.
  static std::optional<LabBoard::Plan::Next> back(const std::optional<PullPlan>& pull, std::atomic<bool>& gone) {
    if (pull && pull->back_after) return LabBoard::Plan::Next{0, *pull->back_after};
    gone = true;
    return std::nullopt;
  }

  LabBoard& build(LabBoard::Plan board, const SocketPlan& at) {
    board.socket = at.socket;
    board.paces = {std::make_shared<Pace>(at.write_rate, at.read_rate)};
    if (bus_) board.paces.push_back(bus_);
    board.told = [this, socket = at.socket](std::string_view what) {
      note(fmt::format("socket {}: {}", socket, what));
    };
    return *boards_.emplace_back(std::make_unique<LabBoard>(std::move(board)));
  }

  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

  void note(std::string what) {
    const std::lock_guard lock{mutex_};
    outcome_.events.push_back({seconds(), std::move(what)});
  }

  /// Until every slot is at its end, or time is over.
  std::string watch() {
    for (bool all_ended = false; !all_ended && Clock::now() - begin_ < scenario_.limit;) {
      std::this_thread::sleep_for(500ms);
      const auto slots = station_.slots();
      if (!slots) return slots.error();
      all_ended = true;
      for (const SlotState& slot : *slots) all_ended = took(slot) && all_ended;
    }
    return {};
  }

  /// Whether the slot is at its end.
  bool took(const SlotState& slot) {
    std::string& seat = seats_.at(slot.name);
    Unit& unit = units_.at(seat);
    unit.arrived = unit.arrived || !slot.ended();
    if (!unit.arrived) return false;
    if (unit.last.state != slot.state) {
      note(fmt::format("slot {}: {}{}{}", slot.name, slot.state, slot.error.empty() ? "" : " ", slot.error));
      unit.seconds = seconds();
    }
    // A slot that is cleared for the next board forgets how the last one ended.
    if (!unit.last.ended() || slot.ended()) unit.last = slot;
    if (!unit.ended() || unit.follows.empty()) return unit.ended();
    unit.board->unplug();
    seat = unit.follows;
    units_.at(seat).board->plug(0, change_takes);
    return false;
  }

  static std::string expected(const SlotPlan& slot) {
    if (slot.end == End::failed) return slot.error.empty() ? "failed" : "failed " + slot.error;
    return slot.end == End::gone ? "gone" : "passed";
  }

  void judge(const std::string& name, const Unit& unit) {
    CardOutcome outcome{.slot = name};
    outcome.expected = expected(unit.plan);
    outcome.actual = unit.last.ended() ? unit.last.state
                     : unit.is_gone()  ? "gone"
                                       : fmt::format("{} {:.0f} %", unit.last.state, unit.last.progress * 100);
    if (unit.last.state == "failed" && !unit.plan.error.empty()) outcome.actual += " " + unit.last.error;
    outcome.serial = unit.last.serial;
    outcome.detail = unit.last.detail.empty() ? "" : fmt::format("{} {}", unit.last.error, unit.last.detail);
    outcome.seconds = unit.seconds;
    if (unit.last.state == "passed") outcome.compared = compare(name, unit);
    outcome.as_expected =
        outcome.actual == outcome.expected && (unit.last.state != "passed" || outcome.compared == "every byte");
    outcome_.cards.push_back(std::move(outcome));
  }

  /// The same unit written to a file, without a board between, is what its storage must hold.
  std::string compare(const std::string& name, const Unit& unit) const {
    const Bytes held = unit.storage();
    const fs::path should = options_.folder / (name + ".expected.img");
    const fs::path units = options_.folder / (name + ".units.csv");
    std::ofstream{units} << "serial\n" << unit.last.serial << "\n";
    fs::remove(should);
    std::ofstream{should};
    fs::resize_file(should, unit.plan.size);
    const auto made = station_.flashline({"flash", image_, should, "--allow-unsigned", "--recipe",
                                          options_.folder / "recipe.xml", "--units", units, "--no-verify"},
                                         time_on(held));
    if (!made) return made.error();
    const auto difference = first_difference(should, held);
    if (difference.empty()) {
      fs::remove(should);
      return "every byte";
    }
    std::ofstream{options_.folder / (name + ".img"), std::ios::binary}.write(reinterpret_cast<const char*>(held.data()),
                                                                             static_cast<std::streamsize>(held.size()));
    return difference;
  }

  /// When the unit's own file was written, as its entry in the FAT directory says: that moment is part of the bytes.
  static std::string time_on(std::span<const std::byte> bytes) {
    constexpr std::string_view name = "IDENTITYENV";
    const auto found = std::ranges::search(bytes, std::as_bytes(std::span{name}));
    const auto entry = bytes.subspan(static_cast<std::size_t>(found.begin() - bytes.begin()));
    if (entry.size() < 32) return {};
    const std::uint32_t time = load16(entry.subspan(22));
    const std::uint32_t date = load16(entry.subspan(24));
    const std::uint32_t odd = std::to_integer<std::uint32_t>(entry[13]) / 100;
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", 1980 + (date >> 9U), (date >> 5U) & 15U, date & 31U,
                       time >> 11U, (time >> 5U) & 63U, (time & 31U) * 2 + odd);
  }

  static std::string first_difference(const fs::path& file, std::span<const std::byte> bytes) {
    std::ifstream in{file, std::ios::binary};
    std::vector<char> piece(1U << 20U);
    for (std::size_t at = 0; at < bytes.size(); at += piece.size()) {
      const std::size_t count = std::min(piece.size(), bytes.size() - at);
      in.read(piece.data(), static_cast<std::streamsize>(count));
      const auto part = std::as_bytes(std::span{piece}.first(count));
      const auto [left, right] = std::ranges::mismatch(part, bytes.subspan(at, count));
      if (left != part.end())
        return fmt::format("differs at byte {}", at + static_cast<std::size_t>(left - part.begin()));
    }
    return {};
  }

  const Scenario& scenario_;
  PlayOptions options_;
  StationSide station_;
  std::shared_ptr<Pace> bus_;
  fs::path image_;
  std::mutex mutex_;
  ScenarioOutcome outcome_;
  Clock::time_point begin_{};
  std::map<std::string, Unit> units_;
  std::map<std::string, std::string> seats_;  ///< by the slot's name: which unit is in it
  std::vector<std::unique_ptr<LabBoard>> boards_;
  std::vector<std::pair<LabBoard*, std::chrono::milliseconds>> first_;  ///< those that begin, and when
};

}  // namespace

ScenarioOutcome play(const Scenario& scenario, const PlayOptions& options) { return Player{scenario, options}.run(); }

}  // namespace flashline::lab
