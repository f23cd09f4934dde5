#pragma once
// SQLite through SOCI. SOCI's templates stay in database.cpp; everything else sees text and numbers.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::line::detail {

/// A bound parameter.
using Value = std::variant<std::int64_t, std::string>;

/// One connection; used by one thread at a time. Errors of all calls: record_store, record_store_locked,
/// record_store_damaged, record_store_full.
class Database {
 public:
  enum class Mode : std::uint8_t { read_write, read_only };
  /// Called with the columns of a row as text (NULL: empty). An error ends the query and is its result.
  using EachRow = std::function<Status(std::span<const std::string> columns)>;

  /// read_write makes the file if it is missing.
  static Result<Database> open(const std::filesystem::path& file, Mode mode);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  /// One statement; `values` are bound to :v1, :v2, ... in order.
  Status run(std::string_view sql, const std::vector<Value>& values = {});
  /// A SELECT of `columns` columns. `each` must not use this connection.
  Status rows(std::string_view sql, const std::vector<Value>& values, std::size_t columns, const EachRow& each);
  /// The first column of the first row as a number; 0 when there is none.
  Result<std::int64_t> number(std::string_view sql, const std::vector<Value>& values = {});

 private:
  struct Session;
  explicit Database(std::unique_ptr<Session> session);
  std::unique_ptr<Session> session_;
};

}  // namespace flashline::line::detail
