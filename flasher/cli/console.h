#pragma once
// Where a command writes. Results go to standard output, everything else to standard error, so that a script that reads
// one never meets the other.

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::line {

class Console {
 public:
  Console(std::FILE* out, std::FILE* err);

  /// Whether --json was given.
  bool json() const { return json_; }
  void set_json(bool json) { json_ = json; }
  /// Standard error is a terminal that a progress bar can be drawn on.
  bool draws() const { return draws_; }

  /// A line for people on standard output; nothing under --json.
  void say(std::string_view line);
  /// One line of JSON on standard output, under --json only. `json` is the text of one value.
  void record(std::string_view json);
  /// "warning: ..." on standard error.
  void warn(std::string_view text);
  /// "error[FL-...]: ..." on standard error, and a record under --json: {"type":"error","error":{code,text,advice}}.
  void report(const Error& error);
  /// Redraws the one line of a progress bar; empty text removes it.
  void draw(std::string_view line);
  /// The same for several lines, one below the other; none removes them. Lines that are too long to fit spoil the
  /// picture.
  void draw_lines(const std::vector<std::string>& lines);

  /// False when standard output could not take all that was written (full disk, closed pipe).
  bool flush();

 private:
  std::FILE* out_;
  std::FILE* err_;
  bool json_ = false;
  bool draws_;
  std::size_t drawn_ = 0;  // lines
};

}  // namespace flashline::line
