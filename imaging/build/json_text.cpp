#include "imaging/build/json_text.h"

#include <spdlog/fmt/fmt.h>

namespace flashline::imaging {
namespace {

std::string quoted(std::string_view text) {
  std::string out{"\""};
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

void JsonText::start(std::string_view name) {
  if (!first_) text_ += ',';
  if (depth_ > 0) text_ += '\n';
  text_.append(depth_ * 2, ' ');
  if (!name.empty()) text_ += quoted(name) + ": ";
  first_ = false;
}

void JsonText::open(std::string_view name, char bracket) {
  start(name);
  text_ += bracket;
  ++depth_;
  first_ = true;
}

void JsonText::close(char bracket) {
  --depth_;
  if (!first_) {
    text_ += '\n';
    text_.append(depth_ * 2, ' ');
  }
  text_ += bracket;
  first_ = false;
  if (depth_ == 0) text_ += '\n';
}

void JsonText::value(std::string_view name, std::string_view text) {
  start(name);
  text_ += quoted(text);
}

void JsonText::value(std::string_view name, std::uint64_t number) {
  start(name);
  text_ += std::to_string(number);
}

void JsonText::value(std::string_view name, bool truth) {
  start(name);
  text_ += truth ? "true" : "false";
}

}  // namespace flashline::imaging
