#pragma once
// Writes slots into the text of a station.xml and leaves everything else in it as it is.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "flasher/learn/learn_wizard.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// A slot that stands in a file.
struct WrittenSlot {
  std::string name;
  std::uint32_t row = 1;
  std::uint32_t column = 1;
  std::string port;  ///< empty: it has another target
  std::string board;
};

/// The slots of a station.xml, which may be none yet. Errors: those of parse_station() that concern the file's form.
Result<std::vector<WrittenSlot>> written_slots(std::string_view xml, const std::filesystem::path& file);

/// `xml` with the learned slots bound: a slot that is there gets its port in the place of its target, others are added
/// behind the last one. The result is a valid station.xml. Errors: FL-CFG codes.
Result<std::string> with_ports(const std::string& xml, const std::filesystem::path& file,
                               const std::vector<LearnedSlot>& slots);

/// The lines that differ, "-" before the old and "+" before the new ones.
std::vector<std::string> changed_lines(std::string_view before, std::string_view after);

/// Puts `text` in the place of `file`, at once and with its permissions, if it still holds `before`.
/// Errors: config_open, config_changed.
Status replace_file(const std::filesystem::path& file, const std::string& before, const std::string& text);

/// All of a file. Errors: config_open.
Result<std::string> whole_file(const std::filesystem::path& file);

}  // namespace flashline::line
