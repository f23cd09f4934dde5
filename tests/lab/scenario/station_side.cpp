#include "tests/lab/scenario/station_side.h"

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <thread>

#include "imaging/core/xml_escape.h"
#include "tests/fakes/command.h"

namespace flashline::lab {
namespace {

namespace json = boost::json;
constexpr int program_limit_ms = 300000;
constexpr std::chrono::seconds start_limit{60};

std::string slot_xml(const StationSlot& slot, std::size_t number) {
  const std::string target = slot.node.empty()
                                 ? fmt::format(R"(<port path="{}" board="{}"/>)", xml_escaped(slot.port), slot.board)
                                 : fmt::format(R"(<block path="{}"/>)", xml_escaped(slot.node));
  return fmt::format("  <slot name=\"{}\" row=\"{}\" column=\"{}\">{}</slot>\n", slot.name, number / 8 + 1,
                     number % 8 + 1, target);
}

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string{value.as_string()} : std::string{};
}
double number_of(const json::value& value) { return value.is_number() ? value.to_number<double>() : 0; }

SlotState state_of(const json::object& slot) {
  SlotState state{
      .name = text_of(slot.at("name")), .state = text_of(slot.at("state")), .serial = text_of(slot.at("serial"))};
  if (const auto* error = slot.at("error").if_object()) {
    state.error = text_of(error->at("code"));
    state.detail = text_of(error->at("text"));
  }
  const auto& progress = slot.at("progress").as_object();
  const double total = number_of(progress.at("total_bytes"));
  if (total > 0) state.progress = number_of(progress.at("done_bytes")) / total;
  return state;
}

}  // namespace

StationSide::~StationSide() {
  if (child_ == 0) return;
  ::kill(child_, SIGTERM);
  fakes::wait_for(child_, 30000);
}

std::string StationSide::start(const std::vector<StationSlot>& slots, unsigned attempts) {
  std::string rows;
  for (std::size_t each = 0; each < slots.size(); ++each) rows += slot_xml(slots[each], each);
  std::ofstream{folder_ / "station.xml"}
      << "<station name=\"virtual line\" mode=\"test\">\n <paths images=\".\"/>\n <listen port=\"0\"/>\n"
         " <trust allow-unsigned=\"true\"/>\n <boards folder=\"boards\"/>\n <slots attempts=\""
      << attempts << "\">\n"
      << rows << " </slots>\n</station>\n";
  const std::string program = programs_ / "flashlined";
  const std::string config = folder_ / "station.xml";
  const std::array argv{const_cast<char*>(program.c_str()), const_cast<char*>("--config"),
                        const_cast<char*>(config.c_str()), static_cast<char*>(nullptr)};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, (folder_ / "address.txt").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&files, 2, (folder_ / "flashlined.log").c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  const int error = posix_spawn(&child_, program.c_str(), &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    child_ = 0;
    return fmt::format("{} cannot be started", program);
  }
  const auto end = std::chrono::steady_clock::now() + start_limit;
  while (std::chrono::steady_clock::now() < end) {
    if (fakes::slurp(folder_ / "address.txt").find('\n') != std::string::npos) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  return "flashlined does not listen: " + fakes::slurp(folder_ / "flashlined.log");
}

std::expected<std::string, std::string> StationSide::flashline(std::vector<std::string> words,
                                                               const std::string& at) const {
  words.insert(words.begin(), programs_ / "flashline");
  if (!at.empty()) words.insert(words.begin(), {"faketime", "-f", at});
  const auto result = fakes::run_command(
      words,
      {"FLASHLINE_STATION=unix:" + (folder_ / "flashlined.sock").string(), "TZ=UTC", "FAKETIME_DONT_FAKE_MONOTONIC=1"},
      program_limit_ms);
  if (result.exit_code == 0) return result.out;
  return std::unexpected{fmt::format("{}: exit code {}: {}", fmt::join(words, " "), result.exit_code, result.err)};
}

std::expected<std::vector<SlotState>, std::string> StationSide::slots() const {
  const auto text = flashline({"station", "slots", "--json"});
  if (!text) return std::unexpected{text.error()};
  std::vector<SlotState> states;
  for (const json::value& each : json::parse(*text).as_object().at("slots").as_array())
    states.push_back(state_of(each.as_object()));
  return states;
}

}  // namespace flashline::lab
