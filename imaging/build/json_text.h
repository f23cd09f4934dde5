#pragma once
// JSON, written in order and indented, for reports that people read, too.

#include <cstdint>
#include <string>
#include <string_view>

namespace flashline::imaging {

class JsonText {
 public:
  void begin_object(std::string_view name = {}) { open(name, '{'); }
  void end_object() { close('}'); }
  void begin_array(std::string_view name = {}) { open(name, '['); }
  void end_array() { close(']'); }
  void value(std::string_view name, std::string_view text);
  void value(std::string_view name, const char* text) { value(name, std::string_view{text}); }
  void value(std::string_view name, std::uint64_t number);
  void value(std::string_view name, bool truth);
  /// The text so far; complete when all that was begun was ended.
  const std::string& text() const { return text_; }

 private:
  void open(std::string_view name, char bracket);
  void close(char bracket);
  void start(std::string_view name);
  std::string text_;
  std::size_t depth_ = 0;
  bool first_ = true;
};

}  // namespace flashline::imaging
