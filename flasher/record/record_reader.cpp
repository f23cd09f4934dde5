#include "flasher/record/record_reader.h"

#include <charconv>

#include "flasher/record/detail/database.h"
#include "imaging/core/errors/record.h"

namespace flashline::line {
namespace {

using detail::Database;
using detail::Value;

std::int64_t number_in(const std::string& text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

template <class Row>
Result<std::vector<Row>> rows_of(Database& database, std::string_view sql, const std::vector<Value>& values,
                                 Result<Row> (*parse)(std::string_view)) {
  std::vector<Row> found;
  FL_CHECK(database.rows(sql, values, 1, [&](std::span<const std::string> columns) -> Status {
    FL_TRY(auto row, parse(columns[0]));
    found.push_back(std::move(row));
    return {};
  }));
  return found;
}

template <class Row>
Result<std::optional<Row>> row_of(Database& database, std::string_view sql, const std::vector<Value>& values,
                                  Result<Row> (*parse)(std::string_view)) {
  FL_TRY(auto found, rows_of(database, sql, values, parse));
  return found.empty() ? std::nullopt : std::optional<Row>{std::move(found.front())};
}

Value text(std::string_view value) { return std::string{value}; }

}  // namespace

Result<std::optional<BatchRow>> RecordReader::batch(std::int64_t id) {
  return row_of(*database_, "SELECT doc FROM batches WHERE id = :v1", {id}, parse_batch);
}

Result<std::optional<BatchRow>> RecordReader::open_batch() {
  return row_of(*database_, "SELECT doc FROM batches WHERE state IN ('running', 'paused') ORDER BY id", {},
                parse_batch);
}

Result<std::vector<BatchRow>> RecordReader::batches() {
  return rows_of(*database_, "SELECT doc FROM batches ORDER BY id", {}, parse_batch);
}

Result<BatchCounts> RecordReader::counts(std::int64_t batch) {
  BatchCounts counts;
  FL_CHECK(database_->rows("SELECT state, COUNT(*) FROM identities WHERE batch = :v1 GROUP BY state", {batch}, 2,
                           [&](std::span<const std::string> row) -> Status {
                             UnitState state{};
                             if (!find_state(row[0], state)) return fail(errc::record_malformed, "state " + row[0]);
                             const auto count = static_cast<std::uint64_t>(number_in(row[1]));
                             switch (state) {
                               case UnitState::reserved:
                                 counts.reserved = count;
                                 break;
                               case UnitState::committed:
                                 counts.passed = count;
                                 break;
                               case UnitState::voided:
                                 counts.voided = count;
                                 break;
                             }
                             return {};
                           }));
  FL_TRY(const auto failed, database_->number("SELECT COUNT(*) FROM attempts WHERE batch = :v1 AND state IN ('failed', "
                                              "'interrupted')",
                                              {batch}));
  counts.failed_attempts = static_cast<std::uint64_t>(failed);
  return counts;
}

Result<std::optional<UnitRow>> RecordReader::unit(std::string_view serial) {
  return row_of(*database_, "SELECT doc FROM identities WHERE serial = :v1", {text(serial)}, parse_unit);
}

Result<std::optional<UnitRow>> RecordReader::unit_with_mac(std::string_view mac) {
  return row_of(*database_,
                "SELECT doc FROM identities WHERE serial = (SELECT serial FROM identity_macs WHERE mac = :v1)",
                {text(mac)}, parse_unit);
}

Result<std::optional<UnitRow>> RecordReader::committed_on(std::int64_t batch, std::string_view medium) {
  return row_of(*database_,
                "SELECT doc FROM identities WHERE batch = :v1 AND state = 'committed' AND json_extract(doc, "
                "'$.medium') = :v2",
                {batch, text(medium)}, parse_unit);
}

Result<std::vector<UnitRow>> RecordReader::units(const UnitFilter& filter) {
  const std::int64_t batch = filter.batch.value_or(-1);
  const std::string_view state = filter.state ? name_of(*filter.state) : std::string_view{};
  return rows_of(*database_,
                 "SELECT doc FROM identities WHERE (:v1 = -1 OR batch = :v2) AND (:v3 = '' OR state = :v4) "
                 "ORDER BY batch, number",
                 {batch, batch, text(state), text(state)}, parse_unit);
}

Result<std::int64_t> RecordReader::next_number(std::int64_t batch) {
  return database_->number("SELECT COALESCE(MAX(number), 0) + 1 FROM identities WHERE batch = :v1", {batch});
}

Result<std::int64_t> RecordReader::next_serial_index(std::string_view pool) {
  return database_->number("SELECT COALESCE(MAX(serial_index) + 1, 0) FROM identities WHERE serial_pool = :v1",
                           {text(pool)});
}

Result<std::int64_t> RecordReader::next_mac_index(std::string_view pool) {
  return database_->number("SELECT COALESCE(MAX(mac_index) + 1, 0) FROM identities WHERE mac_pool = :v1", {text(pool)});
}

Result<std::vector<AttemptRow>> RecordReader::attempts(std::string_view serial) {
  return rows_of(*database_, "SELECT doc FROM attempts WHERE serial = :v1 ORDER BY number", {text(serial)},
                 parse_attempt);
}

Result<std::optional<AttemptRow>> RecordReader::attempt(std::string_view serial, std::int64_t number) {
  return row_of(*database_, "SELECT doc FROM attempts WHERE serial = :v1 AND number = :v2", {text(serial), number},
                parse_attempt);
}

Result<std::vector<AttemptRow>> RecordReader::running_attempts() {
  return rows_of(*database_, "SELECT doc FROM attempts WHERE state = 'running' ORDER BY serial, number", {},
                 parse_attempt);
}

Status RecordReader::each_record(std::optional<std::int64_t> batch, std::uint64_t after,
                                 const std::function<Status(const StoredRecord&)>& each) {
  const std::int64_t wanted = batch.value_or(-1);
  return database_->rows(
      "SELECT seq, kind, batch, serial, body, hash FROM events WHERE (:v1 = -1 OR batch = :v2) AND seq > :v3 "
      "ORDER BY seq",
      {wanted, wanted, static_cast<std::int64_t>(after)}, 6, [&](std::span<const std::string> row) -> Status {
        return each(StoredRecord{static_cast<std::uint64_t>(number_in(row[0])), row[1], number_in(row[2]), row[3],
                                 row[4], row[5]});
      });
}

}  // namespace flashline::line
