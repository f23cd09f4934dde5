#include "tests/lab/scenario/play.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <spdlog/fmt/fmt.h>
#include <thread>

#include "imaging/core/little_endian.h"
#include "tests/lab/emulators/mass_storage.h"
#include "tests/lab/scenario/made_image.h"
#include "tests/lab/scenario/station_side.h"
#include "tests/lab/usbip/lab_board.h"
#include "tests/lab/usbip/vhci.h"

namespace flashline::lab {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::byte old_bytes{0xe7};  // what a card holds that was used before
constexpr std::size_t old_every = 1U << 20U;

/// The link that udev makes for a card slot.
std::string node_of(const BoardPlan& board, std::size_t lun) {
  const auto port = vhci_port(board.socket);
  return fmt::format("/dev/disk/by-path/{}-usb-0:{}:1.0-scsi-0:0:0:{}", port.controller, port.chain.front(), lun);
}

std::shared_ptr<Medium> used_card(const CardPlan& plan) {
  auto medium = std::make_shared<Medium>(plan.size, plan.fault);
  for (std::size_t at = 0; at + 512 <= plan.size; at += old_every)
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
          {"image", "import", disk, image_, "--platform", "Flashline.Lab.Board", "--allow-unsigned"});
      if (!made) return made.error();
    }
    std::vector<StationSlot> slots;
    for (const BoardPlan& board : scenario_.boards) {
      for (std::size_t lun = 0; lun < board.cards.size(); ++lun)
        slots.push_back({board.cards[lun].name, node_of(board, lun)});
    }
    write_recipe();
    return station_.start(slots, scenario_.attempts);
  }

  void write_recipe() const {
    std::ofstream{options_.folder / "recipe.xml"}
        << "<recipe name=\"virtual line\">\n <identity><serial pattern=\"LAB-{n:6}\" first=\"1\"/></identity>\n"
           " <overlay><file partition=\"1\" path=\"/flashline/identity.env\">SERIAL=${serial}&#10;</file></overlay>\n "
           "<write fit-gpt=\"true\"/>\n</recipe>\n";
  }

  std::string flash() {
    for (const BoardPlan& board : scenario_.boards) add(board);
    const auto created = station_.flashline({"batch", "create", image_, "--recipe", options_.folder / "recipe.xml",
                                             "--quantity", std::to_string(cards_.size()), "--name", "virtual line"});
    if (!created) return created.error();
    begin_ = Clock::now();
    for (std::size_t each = 0; each < boards_.size(); ++each)
      boards_[each]->plug(0, scenario_.boards[each].plugged_after);
    if (auto why = watch(); !why.empty()) return why;
    outcome_.seconds = seconds();
    boards_.clear();  // nothing moves any more
    for (auto& [name, card] : cards_) judge(name, card);
    return {};
  }

  struct Card {
    const CardPlan* plan = nullptr;
    std::shared_ptr<Medium> medium;
    SlotState last{};
    double ended = 0;
  };

  void add(const BoardPlan& plan) {
    std::vector<std::shared_ptr<Medium>> media;
    for (const CardPlan& card : plan.cards) {
      media.push_back(used_card(card));
      cards_[card.name] = {&card, media.back(), {}, 0};
    }
    std::vector<std::shared_ptr<Pace>> paces{std::make_shared<Pace>(plan.write_rate, plan.read_rate)};
    if (bus_) paces.push_back(bus_);
    LabBoard::Plan board{.socket = plan.socket, .paces = std::move(paces)};
    board.stages = {{"storage", [&plan, media](unsigned visit) {
                       MassStoragePlan storage{.serial = plan.serial, .speed = plan.speed, .disks = {}};
                       for (const CardPlan& card : plan.cards)
                         storage.disks.push_back({.write_protected = card.write_protected});
                       if (plan.pull && visit == 0) storage.leaves_at = plan.pull->after_bytes;
                       auto device = std::make_shared<MassStorage>(storage);
                       for (std::size_t lun = 0; lun < media.size(); ++lun) device->disk(lun).insert(media[lun]);
                       return device;
                     }}};
    board.next = [&plan](std::size_t, EmulatedDevice&) -> std::optional<LabBoard::Plan::Next> {
      if (!plan.pull || !plan.pull->back_after) return std::nullopt;
      return LabBoard::Plan::Next{0, *plan.pull->back_after};
    };
    board.told = [this, socket = plan.socket](std::string_view what) {
      note(fmt::format("socket {}: {}", socket, what));
    };
    boards_.push_back(std::make_unique<LabBoard>(std::move(board)));
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
    Card& card = cards_.at(slot.name);
    if (card.last.state != slot.state) {
      note(fmt::format("slot {}: {}{}{}", slot.name, slot.state, slot.error.empty() ? "" : " ", slot.error));
      card.ended = seconds();
    }
    // A slot that is cleared for the next board forgets how the last one ended.
    if (!card.last.ended() || slot.ended()) card.last = slot;
    return card.last.ended();
  }

  void judge(const std::string& name, const Card& card) {
    CardOutcome outcome{.slot = name};
    outcome.expected = card.plan->passes          ? "passed"
                       : card.plan->error.empty() ? "failed"
                                                  : "failed " + card.plan->error;
    outcome.actual =
        card.last.ended() ? card.last.state : fmt::format("{} {:.0f} %", card.last.state, card.last.progress * 100);
    if (card.last.state == "failed" && !card.plan->error.empty()) outcome.actual += " " + card.last.error;
    outcome.serial = card.last.serial;
    outcome.detail = card.last.detail.empty() ? "" : fmt::format("{} {}", card.last.error, card.last.detail);
    outcome.seconds = card.ended;
    if (card.last.state == "passed") outcome.compared = compare(name, card);
    outcome.as_expected =
        outcome.actual == outcome.expected && (card.last.state != "passed" || outcome.compared == "every byte");
    outcome_.cards.push_back(std::move(outcome));
  }

  /// The same unit written to a file, without a board between, is what the card must hold.
  std::string compare(const std::string& name, const Card& card) const {
    const fs::path should = options_.folder / (name + ".expected.img");
    const fs::path units = options_.folder / (name + ".units.csv");
    std::ofstream{units} << "serial\n" << card.last.serial << "\n";
    fs::remove(should);
    std::ofstream{should};
    fs::resize_file(should, card.plan->size);
    const auto made = station_.flashline({"flash", image_, should, "--allow-unsigned", "--recipe",
                                          options_.folder / "recipe.xml", "--units", units, "--no-verify"},
                                         time_on(card.medium->bytes()));
    if (!made) return made.error();
    const auto difference = first_difference(should, card.medium->bytes());
    if (difference.empty()) {
      fs::remove(should);
      return "every byte";
    }
    card.medium->save(options_.folder / (name + ".img"));
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
  std::map<std::string, Card> cards_;
  std::vector<std::unique_ptr<LabBoard>> boards_;
};

}  // namespace

ScenarioOutcome play(const Scenario& scenario, const PlayOptions& options) { return Player{scenario, options}.run(); }

}  // namespace flashline::lab
