#include "imaging/provisioning/csv.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/unit.h"
#include "imaging/core/unicode.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

class CsvReader {
 public:
  CsvReader(std::string_view text, std::string_view file) : text_{text}, file_{file} {}

  Result<std::vector<CsvRow>> rows() {
    FL_CHECK(check_encoding());
    if (text_.starts_with(byte_order_mark)) text_.remove_prefix(byte_order_mark.size());
    std::vector<CsvRow> rows;
    while (!done()) {
      FL_TRY(CsvRow next, row());
      const bool blank = next.size() == 1 && next[0].text.empty();
      if (blank) continue;
      if (!rows.empty() && next.size() != rows.front().size()) return ragged(next, rows.front().size());
      rows.push_back(std::move(next));
    }
    return rows;
  }

 private:
  bool done() const { return at_ == text_.size(); }
  bool line_ends() const { return done() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n"); }

  char next() {
    const char c = text_[at_++];
    if (c == '\n') {
      ++line_;
      column_ = 1;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
      ++column_;
    }
    return c;
  }

  std::unexpected<Error> error(Errc code, std::size_t line, std::size_t column, std::string_view what) const {
    return fail(code, fmt::format("{}:{}:{}: {}", file_, line, column, what));
  }

  std::unexpected<Error> ragged(const CsvRow& row, std::size_t due) const {
    const CsvCell& at = row[std::min(row.size() - 1, due)];
    return error(errc::csv_ragged, at.line, at.column, fmt::format("{} cells instead of {}", row.size(), due));
  }

  Status check_encoding() {
    const auto invalid = first_invalid_utf8(text_);
    const std::size_t bad = std::min(invalid.value_or(text_.size()), text_.find('\0'));
    if (bad >= text_.size()) return {};
    CsvReader before{text_.substr(0, bad), file_};
    while (!before.done()) before.next();
    return error(errc::csv_encoding, before.line_, before.column_, invalid ? "not UTF-8" : "a zero byte");
  }

  Result<CsvRow> row() {
    CsvRow cells;
    for (;;) {
      FL_TRY(CsvCell next_cell, cell());
      cells.push_back(std::move(next_cell));
      if (done()) return cells;
      if (text_[at_] == ',') {
        next();
        continue;
      }
      while (next() != '\n') {
      }
      return cells;
    }
  }

  Result<CsvCell> cell() {
    CsvCell cell{.text = {}, .line = line_, .column = column_};
    if (!done() && text_[at_] == '"') {
      FL_CHECK(quoted(cell));
      return cell;
    }
    while (!line_ends() && text_[at_] != ',') {
      if (text_[at_] == '"')
        return error(errc::csv_quote, line_, column_, "a quote inside of a cell that is not quoted");
      cell.text.push_back(next());
    }
    return cell;
  }

  Status quoted(CsvCell& cell) {
    next();
    for (;;) {
      if (done()) return error(errc::csv_quote, cell.line, cell.column, "the quote that opens here is not closed");
      const char c = next();
      if (c != '"') {
        cell.text.push_back(c);
      } else if (!done() && text_[at_] == '"') {
        cell.text.push_back(next());
      } else {
        break;
      }
    }
    if (line_ends() || text_[at_] == ',') return {};
    return error(errc::csv_quote, line_, column_, "text behind the closing quote");
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t column_ = 1;
};

}  // namespace

Result<std::vector<CsvRow>> parse_csv(std::string_view text, std::string_view file) {
  return CsvReader{text, file}.rows();
}

}  // namespace flashline::imaging
