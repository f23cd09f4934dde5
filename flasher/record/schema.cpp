#include "flasher/record/detail/schema.h"

#include <array>
#include <map>
#include <spdlog/fmt/fmt.h>
#include <string>

#include "imaging/core/errors/record.h"

namespace flashline::line::detail {
namespace {

// `doc` is the whole row as canonical JSON; the other columns repeat what is searched or must be unique.
constexpr std::array<std::string_view, 11> statements{
    "CREATE TABLE batches (id INTEGER PRIMARY KEY, state TEXT NOT NULL, doc TEXT NOT NULL) STRICT",
    "CREATE TABLE identities (serial TEXT NOT NULL PRIMARY KEY, batch INTEGER NOT NULL REFERENCES batches(id), number "
    "INTEGER NOT NULL, state TEXT NOT NULL, slot TEXT NOT NULL, serial_pool TEXT NOT NULL, serial_index INTEGER NOT "
    "NULL, mac_pool TEXT NOT NULL, mac_index INTEGER NOT NULL, doc TEXT NOT NULL, UNIQUE (batch, number)) STRICT",
    "CREATE TABLE identity_macs (mac TEXT NOT NULL PRIMARY KEY, serial TEXT NOT NULL REFERENCES identities(serial)) "
    "STRICT",
    "CREATE TABLE attempts (serial TEXT NOT NULL REFERENCES identities(serial), number INTEGER NOT NULL, batch INTEGER "
    "NOT NULL REFERENCES batches(id), state TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (serial, number)) STRICT",
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, batch INTEGER NOT NULL, serial TEXT NOT NULL, "
    "body TEXT NOT NULL, hash TEXT NOT NULL) STRICT",
    "CREATE INDEX identities_by_state ON identities (batch, state)",
    "CREATE INDEX identities_by_serial_pool ON identities (serial_pool, serial_index)",
    "CREATE INDEX identities_by_mac_pool ON identities (mac_pool, mac_index)",
    "CREATE INDEX attempts_by_state ON attempts (state)",
    "CREATE INDEX attempts_by_batch ON attempts (batch, state)",
    "CREATE INDEX events_by_batch ON events (batch)",
};

Result<std::map<std::string, std::string>> schema_of(Database& database) {
  std::map<std::string, std::string> found;
  // Indexes that SQLite makes for UNIQUE have no text.
  FL_CHECK(database.rows("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL", {}, 2,
                         [&](std::span<const std::string> row) -> Status {
                           found.emplace(row[0], row[1]);
                           return {};
                         }));
  return found;
}

std::string name_in(std::string_view statement) {
  const auto from = statement.find(' ', statement.find(' ') + 1) + 1;
  return std::string{statement.substr(from, statement.find(' ', from) - from)};
}

}  // namespace

std::filesystem::path database_file(const std::filesystem::path& state_folder) { return state_folder / "records.db"; }
std::filesystem::path anchor_file(const std::filesystem::path& state_folder) { return state_folder / "records.anchor"; }
std::filesystem::path lock_file(const std::filesystem::path& state_folder) { return state_folder / "owner.lock"; }

std::span<const std::string_view> schema_statements() { return statements; }

Status set_up(Database& database) {
  for (const auto pragma : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"}) {
    FL_CHECK(database.run(pragma));
  }
  return {};
}

Status ensure_schema(Database& database) {
  FL_TRY(const std::int64_t version, database.number("PRAGMA user_version"));
  if (version > schema_version) {
    return fail(errc::record_store_newer,
                fmt::format("the records have version {}, this Flashline knows {}", version, schema_version));
  }
  if (version == schema_version) return {};
  // Version and tables become durable together, so that a crash here leaves an empty database.
  FL_CHECK(database.run("BEGIN IMMEDIATE"));
  for (const auto statement : statements) FL_CHECK(database.run(statement));
  FL_CHECK(database.run(fmt::format("PRAGMA user_version = {}", schema_version)));
  return database.run("COMMIT");
}

Result<std::string> schema_difference(Database& database) {
  FL_TRY(auto found, schema_of(database));
  for (const auto statement : statements) {
    const std::string name = name_in(statement);
    const auto match = found.find(name);
    if (match == found.end()) return name + " is missing";
    if (match->second != statement) return name + " is not as it was made";
    found.erase(match);
  }
  return found.empty() ? std::string{} : found.begin()->first + " does not belong there";
}

}  // namespace flashline::line::detail
