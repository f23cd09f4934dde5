#include "imaging/provisioning/unit_list.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/unit.h"
#include "imaging/provisioning/csv.h"

namespace flashline::imaging {
namespace {

class UnitListReader {
 public:
  explicit UnitListReader(std::string_view file) : file_{file} {}

  Result<UnitList> read(const std::vector<CsvRow>& rows) {
    if (rows.empty()) return fail(errc::csv_missing_column, fmt::format("{}:1:1: the list is empty", file_));
    FL_CHECK(read_header(rows.front()));
    if (rows.size() == 1) return fail(errc::csv_no_units, fmt::format("{}: there is only the header", file_));
    for (const CsvRow& row : std::span{rows}.subspan(1)) FL_CHECK(read_unit(row));
    return std::move(list_);
  }

 private:
  std::unexpected<Error> error(Errc code, const CsvCell& cell, std::string_view what) const {
    return fail(code, fmt::format("{}:{}:{}: {}", file_, cell.line, cell.column, what));
  }
  std::unexpected<Error> error(const CsvCell& cell, const Error& found) const {
    return error(found.code, cell, found.detail);
  }

  std::optional<std::size_t> column(std::string_view name) const {
    const auto found = std::ranges::find(list_.columns, name);
    if (found == list_.columns.end()) return std::nullopt;
    return static_cast<std::size_t>(found - list_.columns.begin());
  }

  Status read_header(const CsvRow& header) {
    for (const CsvCell& cell : header) {
      if (cell.text.empty()) return error(errc::csv_columns, cell, "a column has no name");
      if (cell.text == "unit" || cell.text == "batch") {
        return error(errc::csv_columns, cell, fmt::format("\"{}\" is a field that the station sets itself", cell.text));
      }
      if (column(cell.text))
        return error(errc::csv_columns, cell, fmt::format("column \"{}\" is there twice", cell.text));
      list_.columns.push_back(cell.text);
    }
    const auto serial = column("serial");
    if (!serial) return missing(header, "serial");
    serial_ = *serial;
    return find_mac_columns(header);
  }

  std::unexpected<Error> missing(const CsvRow& header, std::string_view name) const {
    const bool semicolons = header.front().text.contains(';');
    return error(errc::csv_missing_column, header.front(),
                 fmt::format("there is no column \"{}\"{}", name,
                             semicolons ? "; the cells seem to be separated by semicolons instead of commas" : ""));
  }

  Status find_mac_columns(const CsvRow& header) {
    const auto plain = column("mac");
    if (plain && column("mac.0")) {
      return error(errc::csv_columns, header[*plain], "\"mac\" and \"mac.0\" are the same address");
    }
    if (plain) macs_.push_back(*plain);
    while (const auto next = column(fmt::format("mac.{}", macs_.size()))) macs_.push_back(*next);
    for (std::size_t i = 0; i < list_.columns.size(); ++i) {
      const bool is_mac = list_.columns[i].starts_with("mac.");
      if (is_mac && std::ranges::find(macs_, i) == macs_.end()) {
        return missing(header, fmt::format("mac.{}", macs_.size()));
      }
    }
    return {};
  }

  Status read_unit(const CsvRow& row) {
    ListedUnit unit{.serial = row[serial_].text, .macs = {}, .hostname = {}, .fields = {}, .line = row.front().line};
    for (std::size_t i = 0; i < row.size(); ++i) unit.fields[list_.columns[i]] = row[i].text;
    FL_CHECK(take_serial(row[serial_]));
    for (const std::size_t at : macs_) FL_CHECK(take_mac(row[at], unit));
    if (const auto host = column("hostname")) {
      unit.hostname = row[*host].text;
      if (const Status good = check_hostname(unit.hostname); !good) return error(row[*host], good.error());
    }
    list_.units.push_back(std::move(unit));
    return {};
  }

  Status take_serial(const CsvCell& cell) {
    if (const Status good = check_serial(cell.text); !good) return error(cell, good.error());
    const auto [before, is_new] = serials_.emplace(cell.text, cell.line);
    if (is_new) return {};
    return error(errc::duplicate_serial, cell,
                 fmt::format("serial \"{}\" is in line {} already", cell.text, before->second));
  }

  Status take_mac(const CsvCell& cell, ListedUnit& unit) {
    const auto mac = parse_mac_address(cell.text);
    if (!mac) return error(cell, mac.error());
    const auto [before, is_new] = seen_macs_.emplace(*mac, cell.line);
    if (!is_new) {
      return error(errc::duplicate_mac, cell, fmt::format("{} is in line {} already", to_text(*mac), before->second));
    }
    const std::string name = fmt::format("mac.{}", unit.macs.size());
    unit.fields[name] = to_text(*mac);
    if (const auto plain = unit.fields.find("mac"); plain != unit.fields.end() && unit.macs.empty()) {
      plain->second = to_text(*mac);
    }
    unit.macs.push_back(*mac);
    return {};
  }

  std::string_view file_;
  UnitList list_;
  std::size_t serial_ = 0;
  std::vector<std::size_t> macs_;  ///< columns, in the order of the addresses
  std::map<std::string, std::size_t> serials_;
  std::map<MacAddress, std::size_t> seen_macs_;
};

}  // namespace

Result<UnitList> parse_unit_list(std::string_view csv, std::string_view file) {
  FL_TRY(const auto rows, parse_csv(csv, file));
  return UnitListReader{file}.read(rows);
}

}  // namespace flashline::imaging
