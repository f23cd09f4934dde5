// flashline station learn: plug into slot 1, 2, 3 ..., and the map is written.

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <poll.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include "flasher/cli/command.h"
#include "flasher/learn/learn_plan.h"
#include "flasher/learn/learn_wizard.h"
#include "flasher/learn/port_source.h"
#include "flasher/learn/slot_edit.h"
#include "imaging/core/errors/config.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::unexpected<Error> nothing_written(std::string_view why) {
  return fail(errc::config_nothing_learned, fmt::format("{}; nothing was written", why));
}

/// Lines that somebody types, as they come. A closed input types nothing.
class Keys {
 public:
  /// The next line, or nothing within `wait`.
  std::optional<std::string> line(std::chrono::milliseconds wait) {
    if (closed_) {
      if (wait.count() != 0) ::poll(nullptr, 0, static_cast<int>(wait.count()));
      return std::nullopt;
    }
    const std::size_t end = text_.find('\n');
    if (end != std::string::npos) {
      std::string line = text_.substr(0, end);
      text_.erase(0, end + 1);
      return line;
    }
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, static_cast<int>(wait.count())) <= 0) return std::nullopt;
    std::array<char, 256> piece{};
    const ssize_t count = ::read(STDIN_FILENO, piece.data(), piece.size());
    closed_ = count <= 0;
    if (!closed_) text_.append(piece.data(), static_cast<std::size_t>(count));
    return std::nullopt;
  }
  bool closed() const { return closed_; }

 private:
  std::string text_;
  bool closed_ = false;
};

enum class Wish : std::uint8_t { none, quit };

Wish obey(LearnWizard& wizard, const std::string& line) {
  if (line == "s") wizard.skip();
  if (line == "b") wizard.back();
  return line == "q" ? Wish::quit : Wish::none;
}

Status ask_for_ports(LearnWizard& wizard, PortSource& source, Keys& keys, Console& console) {
  std::string shown;
  while (!wizard.done()) {
    if (wizard.prompt() != shown) console.say(shown = wizard.prompt());
    if (source.ended()) return nothing_written("the list of ports has no more");
    if (const auto line = keys.line(source.pace())) {
      if (obey(wizard, *line) == Wish::quit) return nothing_written("it was called off");
      continue;
    }
    for (const transport::UsbPort& port : source.arrived()) console.say(wizard.arrived(port));
    if (!console.flush()) return nothing_written("nobody reads what is said");
  }
  return {};
}

bool confirmed(const fs::path& file, Keys& keys, Console& console) {
  console.say(fmt::format("Write {}? [y/N]", file.string()));
  console.flush();
  while (!keys.closed()) {
    if (const auto line = keys.line(std::chrono::milliseconds{1000})) return *line == "y" || *line == "yes";
  }
  return false;
}

void show(const LearnWizard& wizard, const std::vector<std::string>& lines, Console& console) {
  for (const std::string& line : lines) console.say(line);
  for (const LearnedSlot& learned : wizard.learned()) {
    console.record(json::serialize(json::object{{"type", "slot"},
                                                {"slot", learned.slot.name},
                                                {"row", learned.slot.row},
                                                {"column", learned.slot.column},
                                                {"port", to_text(learned.port)},
                                                {"board", learned.slot.board}}));
  }
}

Result<std::unique_ptr<PortSource>> source_of(const Arguments& arguments) {
  if (const auto list = arguments.value("--ports")) return list_of_ports(*list);
  const auto machine = arguments.value("--machine");
  return watch_ports(machine ? transport::machine_in(*machine) : transport::Machine{});
}

Result<int> run_learn(const Arguments& arguments, Console& console) {
  const fs::path file = arguments.operands().front();
  LearnOrder order{.board = arguments.value("--board").value_or("")};
  FL_TRY(order.slots, arguments.number("--slots"));
  FL_TRY(order.columns, arguments.number("--columns"));
  FL_TRY(const LearnPlan plan, plan_learning(file, order));
  FL_TRY(const auto source, source_of(arguments));

  const std::string& xml = plan.xml;
  LearnWizard wizard{plan.slots, plan.taken};
  Keys keys;
  console.say("Enter s to leave a slot out, b to go back, q to stop without writing anything.");
  FL_CHECK(ask_for_ports(wizard, *source, keys, console));
  if (wizard.learned().empty()) return nothing_written("no slot was given a port");
  FL_TRY(const std::string text, with_ports(xml, file, wizard.learned()));
  show(wizard, changed_lines(xml, text), console);
  if (!arguments.has("--yes") && !confirmed(file, keys, console)) return nothing_written("it was not confirmed");
  FL_CHECK(replace_file(file, xml, text));
  console.say(fmt::format("{}: {} slots are bound to their ports", file.string(), wizard.learned().size()));
  return 0;
}

}  // namespace

Command station_learn_command() {
  return {.name = "station learn",
          .operands = "station.xml",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Bind slots to USB ports by plugging a board or a card into each",
          .options = {{"--slots", "N", "make slots 1 to N (default: those of the file)"},
                      {"--columns", "N", "slots in a row of the rack (default: all of them)"},
                      {"--board", "NAME", "profile of what is put into the slots"},
                      {"--ports", "FILE", "take ports from a list, one in a line, instead of waiting for them"},
                      {"--machine", "DIR", "look for ports in DIR/sys, dev and run instead of this machine's"},
                      {"--yes", "", "write without asking"}},
          .examples = {"flashline station learn station.xml --slots 8 --columns 4 --board RaspberryPi-CM4"},
          .run = run_learn};
}

}  // namespace flashline::line
