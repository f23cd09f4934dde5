#include "flasher/cli/command_line.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/arguments.h"
#include "flasher/cli/command.h"
#include "flasher/cli/help.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/usage.h"
#include "imaging/core/nearest.h"

namespace flashline::line {

#define FL_COMMAND(name) Command name##_command();
#include "flasher/cli/commands.def"
#undef FL_COMMAND

const std::vector<Command>& all_commands() {
  static const std::vector<Command> table{
#define FL_COMMAND(name) name##_command(),
#include "flasher/cli/commands.def"
#undef FL_COMMAND
  };
  return table;
}

namespace {

using Words = std::vector<std::string>;

/// Removes every `flag` before "--" and says whether there was one.
bool take_flag(Words& words, std::string_view flag) {
  const auto end = std::ranges::find(words, "--");
  const auto kept = std::remove(words.begin(), end, flag);
  const bool found = kept != end;
  words.erase(kept, end);
  return found;
}

const Command* find_command(const Words& words) {
  for (std::size_t length = std::min<std::size_t>(2, words.size()); length > 0; --length) {
    const std::string name = length == 2 ? words[0] + " " + words[1] : words[0];
    const auto found = std::ranges::find(all_commands(), name, &Command::name);
    if (found != all_commands().end()) return &*found;
  }
  return nullptr;
}

bool is_group(std::string_view word) {
  return std::ranges::any_of(all_commands(),
                             [&](const Command& command) { return command.name.starts_with(std::string{word} + " "); });
}

Error unknown_command(const Words& words) {
  std::vector<std::string_view> known;
  for (const Command& command : all_commands()) known.push_back(command.name);
  const std::string& one = words.front();
  const std::string two = words.size() > 1 ? one + " " + words[1] : one;
  auto meant = nearest(two, known);
  if (!meant) meant = nearest(one, known);
  const std::string hint = meant ? fmt::format(", did you mean {}?", *meant) : "";
  return {errc::usage, fmt::format("flashline: no command '{}'{}", is_group(one) ? two : one, hint)};
}

Result<int> run_command(const Command& command, const Words& words, Console& console) {
  const auto name_words = 1 + std::ranges::count(command.name, ' ');
  FL_TRY(const Arguments arguments, parse_arguments(command, {words.begin() + name_words, words.end()}));
  return command.run(arguments, console);
}

/// Help is an answer that was asked for: people read it also under --json.
Result<int> show(std::string_view text, Console& console) {
  console.set_json(false);
  console.say(text.substr(0, text.size() - 1));
  return 0;
}

Result<int> dispatch(Words words, Console& console) {
  console.set_json(take_flag(words, "--json"));
  const bool help = take_flag(words, "--help") || take_flag(words, "-h");
  if (words.empty() && !help) return fail(errc::usage, "flashline: no command given");
  if (words.empty() || words.front() == "help") return show(help_overview(), console);
  if (words.front() == "--version") return show("flashline " FLASHLINE_VERSION "\n", console);
  const Command* command = find_command(words);
  if (command != nullptr && help) return show(help_of(*command), console);
  if (command != nullptr) return run_command(*command, words, console);
  if (help && is_group(words.front())) return show(help_overview(words.front()), console);
  return std::unexpected{unknown_command(words)};
}

}  // namespace

int run_command_line(std::vector<std::string> words, Console& console) {
  const Result<int> result = dispatch(std::move(words), console);
  if (!result) console.report(result.error());
  int exit_code = result ? *result : exit_code_of(result.error().code);
  if (!console.flush()) {
    const Error error{errc::image_write, "standard output could not take the whole answer"};
    console.report(error);
    if (exit_code == 0) exit_code = exit_code_of(error.code);
  }
  return exit_code;
}

}  // namespace flashline::line
