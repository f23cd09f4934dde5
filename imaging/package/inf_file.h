#pragma once
// Windows setup information files: sections of lines, as driver vendors write them.

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// A line of a section, quotes and continuations resolved, %names% not yet.
struct InfLine {
  std::string key;                  ///< left of '='; empty when there is none
  std::vector<std::string> values;  ///< between commas
  std::size_t line = 1;             ///< from 1
  std::size_t column = 1;           ///< from 1, in characters

  /// The value at `index`, or nothing when the line is shorter.
  std::string_view value(std::size_t index) const {
    return index < values.size() ? std::string_view{values[index]} : std::string_view{};
  }
};

/// The folder that a number such as the 12 of %12% means, or nothing.
using FolderOfNumber = std::function<std::optional<std::string>(std::string_view number)>;

class InfFile {
 public:
  /// The lines of all sections of that name (ASCII case aside), or nullptr when there is none.
  const std::vector<InfLine>* section(std::string_view name) const;
  /// The first of `names` that is a section, as it was asked for; empty when none is.
  std::string first_section(const std::vector<std::string>& names) const;
  /// The first line of `section` with that key, or nullptr.
  const InfLine* find(std::string_view section, std::string_view key) const;

  /// `raw` with its %names% replaced by what [Strings] says; `%%` is a percent sign; others stay as they are.
  std::string text(std::string_view raw) const;
  /// The same, with %number% replaced by folders.
  std::string text(std::string_view raw, const FolderOfNumber& folder) const;
  /// The text of `line.value(index)`.
  std::string text(const InfLine& line, std::size_t index) const { return text(line.value(index)); }
  /// A number as INFs write them: decimal or 0x..., empty is 0. Errors: inf_value.
  Result<std::uint32_t> number(const InfLine& line, std::size_t index) const;

  /// "file:line:column".
  std::string where(const InfLine& line) const;
  std::unexpected<Error> error(Errc code, const InfLine& line, std::string_view what) const;
  const std::string& file() const { return file_; }

 private:
  friend class InfParser;
  std::string file_;
  std::map<std::string, std::vector<InfLine>> sections_;  ///< by folded name
  std::map<std::string, std::string> strings_;            ///< by folded name
};

/// Parses an INF; `file` is how messages call it. $ARCH$, which a driver's own build replaces, is read as `cpu`.
/// Errors: inf_syntax (with line and column; also: no [Version] with a Windows signature).
Result<InfFile> parse_inf(std::span<const std::byte> bytes, std::string file, CpuType cpu);

/// The text of an INF as UTF-8: UTF-16 and UTF-8 by their marks, else UTF-8 when it is that, else Windows-1252.
/// Errors: inf_syntax (half a character, a byte of no meaning).
Result<std::string> inf_text(std::span<const std::byte> bytes, const std::string& file);

}  // namespace flashline::imaging
