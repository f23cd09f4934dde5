#include "flasher/record/detail/database.h"

#include <charconv>
#include <deque>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "imaging/core/errors/record.h"

namespace flashline::line::detail {
namespace {

// Primary result codes of SQLite (sqlite.org/rescode.html); the low byte of an extended code.
constexpr int sqlite_busy = 5;
constexpr int sqlite_locked = 6;
constexpr int sqlite_corrupt = 11;
constexpr int sqlite_full = 13;
constexpr int sqlite_not_a_database = 26;

Errc errc_of(int result) {
  switch (result & 0xFF) {
    case sqlite_busy:
    case sqlite_locked:
      return errc::record_store_locked;
    case sqlite_corrupt:
    case sqlite_not_a_database:
      return errc::record_store_damaged;
    case sqlite_full:
      return errc::record_store_full;
    default:
      return errc::record_store;
  }
}

/// Runs `work`; SOCI's exceptions become errors here.
template <class Work>
auto guarded(std::string_view what, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const soci::sqlite3_soci_error& error) {
    return fail(errc_of(error.result()), std::string{what} + ": " + error.what());
  } catch (const std::exception& error) {
    return fail(errc::record_store, std::string{what} + ": " + error.what());
  }
}

void bind(soci::statement& statement, const std::vector<Value>& values) {
  for (const Value& value : values) {
    std::visit([&](const auto& bound) { statement.exchange(soci::use(bound)); }, value);
  }
}

}  // namespace

struct Database::Session {
  soci::session sql;
};

Database::Database(std::unique_ptr<Session> session) : session_{std::move(session)} {}
Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

Result<Database> Database::open(const std::filesystem::path& file, Mode mode) {
  return guarded(file.string(), [&]() -> Result<Database> {
    auto session = std::make_unique<Session>();
    const char* access = mode == Mode::read_only ? " readonly=true" : "";
    session->sql.open(soci::sqlite3, "dbname=\"" + file.string() + "\" timeout=10" + access);
    return Database{std::move(session)};
  });
}

Status Database::run(std::string_view sql, const std::vector<Value>& values) {
  return guarded(sql, [&]() -> Status {
    soci::statement statement{session_->sql};
    bind(statement, values);
    statement.alloc();
    statement.prepare(std::string{sql});
    statement.define_and_bind();
    statement.execute(true);
    return {};
  });
}

Status Database::rows(std::string_view sql, const std::vector<Value>& values, std::size_t columns,
                      const EachRow& each) {
  return guarded(sql, [&]() -> Status {
    std::vector<std::string> row(columns);
    std::deque<soci::indicator> present(columns);
    soci::statement statement{session_->sql};
    for (std::size_t i = 0; i < columns; ++i) statement.exchange(soci::into(row[i], present[i]));
    bind(statement, values);
    statement.alloc();
    statement.prepare(std::string{sql});
    statement.define_and_bind();
    statement.execute(false);
    while (statement.fetch()) {
      for (std::size_t i = 0; i < columns; ++i) {
        if (present[i] == soci::i_null) row[i].clear();
      }
      FL_CHECK(each(row));
    }
    return {};
  });
}

Result<std::int64_t> Database::number(std::string_view sql, const std::vector<Value>& values) {
  std::int64_t found = 0;
  bool first = true;
  FL_CHECK(rows(sql, values, 1, [&](std::span<const std::string> row) -> Status {
    if (first) std::from_chars(row[0].data(), row[0].data() + row[0].size(), found);
    first = false;
    return {};
  }));
  return found;
}

}  // namespace flashline::line::detail
