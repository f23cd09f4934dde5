#pragma once
// The tables, and how a state folder is opened.

#include <filesystem>
#include <span>
#include <string_view>

#include "flasher/record/detail/database.h"

namespace flashline::line::detail {

/// Files of a state folder.
std::filesystem::path database_file(const std::filesystem::path& state_folder);
std::filesystem::path anchor_file(const std::filesystem::path& state_folder);
std::filesystem::path lock_file(const std::filesystem::path& state_folder);

/// Counted up with every change of the tables.
constexpr std::int64_t schema_version = 1;

/// CREATE statements in order, as SQLite keeps them.
std::span<const std::string_view> schema_statements();

/// Makes the tables in an empty database; refuses a newer version. Errors: record_store_newer.
Status ensure_schema(Database& database);
/// WAL, synchronous FULL, foreign keys.
Status set_up(Database& database);
/// What differs from schema_statements(), in words; empty: nothing.
Result<std::string> schema_difference(Database& database);

}  // namespace flashline::line::detail
