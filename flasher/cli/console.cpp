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
  if (!draws_ || (line.empty() && !drawn_)) return;
  // Carriage return, then "erase to the end of the line".
  put(err_, "\r\x1b[K" + std::string{line});
  std::fflush(err_);
  drawn_ = !line.empty();
}

bool Console::flush() { return std::fflush(out_) == 0 && std::ferror(out_) == 0; }

}  // namespace flashline::line
