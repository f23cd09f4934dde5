#include "flasher/cli/console.h"

#include <boost/json.hpp>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace flashline::line {
namespace {

bool is_drawable(std::FILE* stream) {
  const char* kind = std::getenv("TERM");
  return isatty(fileno(stream)) == 1 && (kind == nullptr || std::string_view{kind} != "dumb");
}

void put(std::FILE* stream, std::string_view text) { std::fwrite(text.data(), 1, text.size(), stream); }

}  // namespace

Console::Console(std::FILE* out, std::FILE* err) : out_{out}, err_{err}, draws_{is_drawable(err)} {}

void Console::say(std::string_view line) {
  if (json_) return;
  draw({});
  put(out_, std::string{line} + "\n");
}

void Console::record(std::string_view json) {
  if (!json_) return;
  put(out_, std::string{json} + "\n");
  // Whoever reads a stream of records wants each when it happens.
  std::fflush(out_);
}

void Console::warn(std::string_view text) {
  draw({});
  put(err_, "warning: " + std::string{text} + "\n");
}

void Console::report(const Error& error) {
  draw({});
  std::fflush(out_);
  put(err_, to_text(error) + "\n");
  record(boost::json::serialize(boost::json::object{
      {"type", "error"},
      {"error", {{"code", code_of(error.code)}, {"text", error.detail}, {"advice", advice_of(error.code)}}},
  }));
}

void Console::draw(std::string_view line) {
  draw_lines(line.empty() ? std::vector<std::string>{} : std::vector{std::string{line}});
}

void Console::draw_lines(const std::vector<std::string>& lines) {
  if (!draws_ || (lines.empty() && drawn_ == 0)) return;
  // Back to where the first line began, then "erase to the end of the screen".
  std::string text = drawn_ > 1 ? "\x1b[" + std::to_string(drawn_ - 1) + "A" : "";
  text += "\r\x1b[J";
  for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : "\n") + lines[i];
  put(err_, text);
  std::fflush(err_);
  drawn_ = lines.size();
}

bool Console::flush() { return std::fflush(out_) == 0 && std::ferror(out_) == 0; }

}  // namespace flashline::line
