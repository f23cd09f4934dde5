#include "flasher/record/verify.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "flasher/record/detail/anchor.h"
#include "flasher/record/detail/database.h"
#include "flasher/record/detail/schema.h"
#include "flasher/record/state_lock.h"
#include "imaging/core/errors/record.h"

namespace flashline::line {
namespace {

using detail::AnchorState;
using detail::Database;
using detail::Tip;

constexpr std::size_t most_findings = 100;

/// A table's rows: key columns and document, joined; one way from records, one way from the database.
using Table = std::map<std::string, std::string>;

struct TableQuery {
  const char* name;
  const char* sql;
  std::size_t columns;  ///< the first is the key
};
constexpr std::array table_queries{
    TableQuery{"batches", "SELECT id, state, doc FROM batches", 3},
    TableQuery{"identities",
               "SELECT serial, batch, number, state, slot, serial_pool, serial_index, mac_pool, mac_index, doc FROM "
               "identities",
               10},
    TableQuery{"identity_macs", "SELECT mac, serial FROM identity_macs", 2},
    TableQuery{"attempts", "SELECT serial || ' attempt ' || number, batch, state, doc FROM attempts", 4},
};

std::string joined(std::span<const std::string> columns) {
  std::string all;
  for (const auto& column : columns) all.append(column).push_back('\x1f');
  return all;
}

std::string line_of(const BatchRow& row) { return joined(std::array{std::string{name_of(row.state)}, to_json(row)}); }
std::string line_of(const UnitRow& row) {
  return joined(std::array{std::to_string(row.batch), std::to_string(row.number), std::string{name_of(row.state)},
                           row.slot, row.serial_pool, std::to_string(row.serial_index), row.mac_pool,
                           std::to_string(row.mac_index), to_json(row)});
}
std::string line_of(const AttemptRow& row) {
  return joined(std::array{std::to_string(row.batch), std::string{name_of(row.state)}, to_json(row)});
}

std::string key_of(const BatchRow& row) { return std::to_string(row.id); }
std::string key_of(const UnitRow& row) { return row.serial; }
std::string key_of(const AttemptRow& row) { return fmt::format("{} attempt {}", row.serial, row.number); }

/// The tables as the log says they must be, made record by record.
class Replay {
 public:
  explicit Replay(VerifyReport& report) : report_{report} {}

  void take(const StoredRecord& stored) {
    ++report_.records;
    if (stored.seq != last_seq_ + 1) say(stored.seq, missing(last_seq_ + 1, stored.seq));
    if (chain_hash(previous_hash_, stored.body) != stored.hash) {
      say(stored.seq, "its text or the record before it was changed: the hash does not match");
    }
    last_seq_ = stored.seq;
    previous_hash_ = stored.hash;
    const auto record = parse_record(stored.body);
    if (!record) return say(stored.seq, "its text is not a record: " + record.error().detail);
    if (record->seq != stored.seq) return say(stored.seq, fmt::format("its text is that of record {}", record->seq));
    if (name_of(record->kind) != stored.kind) say(stored.seq, "column kind was changed");
    std::visit([&](const auto& row) { apply(*record, row, stored); }, record->row);
    last_ = *record;
  }

  void say(std::uint64_t seq, std::string text) {
    if (report_.findings.size() >= most_findings) return;
    report_.findings.push_back({seq, seq == 0 ? std::move(text) : fmt::format("record {}: {}", seq, text)});
  }

  const Tip tip() const { return Tip{last_seq_, previous_hash_}; }

  /// Rows of table_queries[i] as they must be.
  Table expected(std::size_t i) const {
    Table table;
    for (const auto& [key, row] : rows_) add(table, i, row);
    return table;
  }

 private:
  static std::string missing(std::uint64_t from, std::uint64_t to) {
    if (to <= from) return "it is out of order";
    if (to == from + 1) return fmt::format("record {} before it is missing", from);
    return fmt::format("records {} to {} before it are missing", from, to - 1);
  }

  void apply(const Record& record, const StationNote& note, const StoredRecord& stored) {
    check_keys(stored, 0, "");
    const std::string objection = illegal_step(record.kind, std::nullopt, RecordRow{note});
    if (!objection.empty()) say(record.seq, objection);
  }
  void apply(const Record& record, const BatchRow& row, const StoredRecord& stored) {
    check_keys(stored, row.id, "");
    keep(record, "b" + key_of(row));
  }
  void apply(const Record& record, const UnitRow& row, const StoredRecord& stored) {
    check_keys(stored, row.batch, row.serial);
    if (record.kind == RecordKind::unit_committed && !passed_before(row.serial)) {
      say(record.seq, fmt::format("unit {} was committed without an attempt that passed", row.serial));
    }
    keep(record, "u" + key_of(row));
  }
  void apply(const Record& record, const AttemptRow& row, const StoredRecord& stored) {
    check_keys(stored, row.batch, row.serial);
    keep(record, "a" + key_of(row));
  }

  // The store writes both in one transaction, attempt first.
  bool passed_before(const std::string& serial) const {
    const auto* attempt = std::get_if<AttemptRow>(&last_.row);
    return attempt != nullptr && attempt->serial == serial && attempt->state == AttemptState::passed;
  }

  void check_keys(const StoredRecord& stored, std::int64_t batch, std::string_view serial) {
    if (stored.batch != batch) say(stored.seq, "column batch was changed");
    if (stored.serial != serial) say(stored.seq, "column serial was changed");
  }

  void keep(const Record& record, const std::string& key) {
    const auto found = rows_.find(key);
    const auto before = found == rows_.end() ? std::nullopt : std::optional{found->second};
    const std::string objection = illegal_step(record.kind, before, record.row);
    if (!objection.empty()) say(record.seq, objection);
    rows_.insert_or_assign(key, record.row);
  }

  static void add(Table& table, std::size_t i, const RecordRow& row) {
    const std::string name = table_queries[i].name;
    if (const auto* batch = std::get_if<BatchRow>(&row); batch != nullptr && name == "batches") {
      table.emplace(key_of(*batch), line_of(*batch));
    } else if (const auto* attempt = std::get_if<AttemptRow>(&row); attempt != nullptr && name == "attempts") {
      table.emplace(key_of(*attempt), line_of(*attempt));
    } else if (const auto* unit = std::get_if<UnitRow>(&row); unit != nullptr && name == "identities") {
      table.emplace(key_of(*unit), line_of(*unit));
    } else if (unit != nullptr && name == "identity_macs") {
      for (const auto& mac : unit->macs) table.emplace(mac, joined(std::array{unit->serial}));
    }
  }

  VerifyReport& report_;
  std::uint64_t last_seq_ = 0;
  std::string previous_hash_ = first_hash();
  Record last_;
  std::map<std::string, RecordRow> rows_;
};

Status compare_table(Database& database, const TableQuery& query, Table expected, Replay& replay) {
  std::set<std::string> seen;
  FL_CHECK(database.rows(query.sql, {}, query.columns, [&](std::span<const std::string> row) -> Status {
    const auto due = expected.find(row[0]);
    if (due == expected.end()) {
      const char* why = seen.contains(row[0]) ? "is there twice" : "has no record";
      replay.say(0, fmt::format("{}: {} {}", query.name, row[0], why));
      return {};
    }
    if (due->second != joined(row.subspan(1))) {
      replay.say(0, fmt::format("{}: {} is not as its records say", query.name, row[0]));
    }
    seen.insert(row[0]);
    expected.erase(due);
    return {};
  }));
  for (const auto& [key, line] : expected) replay.say(0, fmt::format("{}: {} was removed", query.name, key));
  return {};
}

void compare_tip(Replay& replay, const std::optional<AnchorState>& anchor) {
  const Tip tip = replay.tip();
  if (!anchor) {
    if (tip.count != 0) replay.say(0, "records.anchor is missing: cut records would not show");
    return;
  }
  if (tip == anchor->settled || tip == anchor->intended) return;
  const std::uint64_t known = anchor->settled.count;
  if (tip.count < known) {
    replay.say(tip.count + 1, fmt::format("records {} to {} were cut off the end", tip.count + 1, known));
  } else if (tip.count > known) {
    replay.say(known + 1, "it was added outside the station: the anchor does not know it");
  } else {
    replay.say(tip.count, "its hash is not the one that the anchor holds");
  }
}

Status check_file(Database& database, Replay& replay) {
  FL_TRY(const std::string difference, detail::schema_difference(database));
  if (!difference.empty()) replay.say(0, "the tables were altered: " + difference);
  return database.rows("PRAGMA integrity_check(5)", {}, 1, [&](std::span<const std::string> row) -> Status {
    if (row[0] != "ok") replay.say(0, "the database file is damaged: " + row[0]);
    return {};
  });
}

Result<VerifyReport> verify(RecordReader& reader, const std::optional<AnchorState>& anchor) {
  VerifyReport report;
  Replay replay{report};
  FL_CHECK(check_file(reader.database(), replay));
  FL_CHECK(reader.each_record(std::nullopt, 0, [&](const StoredRecord& stored) -> Status {
    replay.take(stored);
    return {};
  }));
  compare_tip(replay, anchor);
  for (std::size_t i = 0; i < table_queries.size(); ++i) {
    FL_CHECK(compare_table(reader.database(), table_queries[i], replay.expected(i), replay));
  }
  report.tip_hash = replay.tip().hash;
  return report;
}

}  // namespace

std::optional<std::uint64_t> VerifyReport::first_bad() const {
  std::optional<std::uint64_t> first;
  for (const auto& finding : findings) {
    if (finding.seq != 0) first = std::min(first.value_or(finding.seq), finding.seq);
  }
  return first;
}

Result<VerifyReport> verify_records(const std::filesystem::path& state_folder) {
  const auto file = detail::database_file(state_folder);
  std::error_code error;
  const bool there = std::filesystem::exists(file, error);
  FL_TRY(const auto anchor, detail::read_anchor(detail::anchor_file(state_folder)));
  if (!there) {
    if (!anchor || anchor->settled.count == 0) return fail(errc::record_store, file.string() + " is not there");
    VerifyReport report;
    report.findings.push_back({1, fmt::format("records.db was removed with {} records", anchor->settled.count)});
    return report;
  }
  FL_TRY(const auto lock, StateLock::take(state_folder));
  FL_TRY(auto database, Database::open(file, Database::Mode::read_only));
  FL_TRY(const std::int64_t version, database.number("PRAGMA user_version"));
  if (version > detail::schema_version) {
    return fail(errc::record_store_newer, fmt::format("the records have version {}", version));
  }
  RecordReader reader{std::make_shared<Database>(std::move(database))};
  return verify(reader, anchor);
}

Result<VerifyReport> verify_records(Store::Snapshot& snapshot) {
  const Tip tip{snapshot.count, snapshot.hash};
  return verify(snapshot.reader, AnchorState{tip, tip});
}

}  // namespace flashline::line
