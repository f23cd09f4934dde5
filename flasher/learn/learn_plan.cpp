#include "flasher/learn/learn_plan.h"

#include <algorithm>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "flasher/learn/slot_edit.h"
#include "imaging/core/errors/usage.h"
#include "station-config/station.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;

Result<std::vector<SlotToLearn>> slots_to_learn(const LearnOrder& order, const std::vector<WrittenSlot>& written) {
  std::vector<SlotToLearn> slots;
  if (order.slots && (*order.slots == 0 || *order.slots > most_learned_slots)) {
    return fail(errc::usage, fmt::format("a station has 1 to {} slots, not {}", most_learned_slots, *order.slots));
  }
  const auto wide = order.columns.value_or(std::min(order.slots.value_or(1), most_learned_columns));
  if (wide == 0 || wide > most_learned_columns) {
    return fail(errc::usage, fmt::format("a rack has 1 to {} columns, not {}", most_learned_columns, wide));
  }
  for (std::uint64_t i = 0; order.slots && i < *order.slots; ++i) {
    slots.push_back({std::to_string(i + 1), static_cast<std::uint32_t>(i / wide + 1),
                     static_cast<std::uint32_t>(i % wide + 1), order.board});
  }
  if (!order.slots) {
    for (const WrittenSlot& slot : written) slots.push_back({slot.name, slot.row, slot.column, order.board});
  }
  for (SlotToLearn& slot : slots) {
    const auto there = std::ranges::find(written, slot.name, &WrittenSlot::name);
    if (there == written.end()) continue;
    slot.row = there->row;
    slot.column = there->column;
    if (order.board.empty()) slot.board = there->board;
  }
  if (slots.empty()) return fail(errc::usage, "there is no slot yet: say how many");
  const bool nameless = std::ranges::any_of(slots, [](const SlotToLearn& slot) { return slot.board.empty(); });
  if (nameless) return fail(errc::usage, "say which board is put into the slots");
  return slots;
}

std::map<transport::PortPath, std::string> taken_ports(const std::vector<WrittenSlot>& written,
                                                       const std::vector<SlotToLearn>& asked) {
  std::map<transport::PortPath, std::string> taken;
  for (const WrittenSlot& slot : written) {
    if (slot.port.empty() || std::ranges::find(asked, slot.name, &SlotToLearn::name) != asked.end()) continue;
    if (const auto port = transport::parse_port_path(slot.port)) taken.emplace(*port, slot.name);
  }
  return taken;
}

/// Every board that is named exists. Its files may still be missing: the station says so when it starts.
Status check_boards(const std::vector<SlotToLearn>& slots, const std::string& xml, const fs::path& file,
                    const std::vector<WrittenSlot>& written) {
  fs::path boards = fs::absolute(file).parent_path() / "boards";
  if (!written.empty()) {
    FL_TRY(const config::Station station, config::parse_station(xml, file));
    boards = station.boards_folder;
  }
  for (const SlotToLearn& slot : slots) FL_CHECK(config::find_board(slot.board, boards));
  return {};
}

}  // namespace

Result<LearnPlan> plan_learning(const fs::path& file, const LearnOrder& order) {
  LearnPlan plan;
  FL_TRY(plan.xml, whole_file(file));
  FL_TRY(const auto written, written_slots(plan.xml, file));
  FL_TRY(plan.slots, slots_to_learn(order, written));
  plan.taken = taken_ports(written, plan.slots);
  FL_CHECK(check_boards(plan.slots, plan.xml, file, written));
  return plan;
}

std::vector<std::string> board_names(const fs::path& folder) {
  std::set<std::string> names;
  for (const config::ShippedBoard& board : config::shipped_boards()) names.emplace(board.name);
  std::error_code none;
  for (const auto& entry : fs::directory_iterator{folder, none}) {
    if (entry.path().extension() == ".xml") names.insert(entry.path().stem().string());
  }
  return {names.begin(), names.end()};
}

}  // namespace flashline::line
