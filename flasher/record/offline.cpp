#include "flasher/record/offline.h"

#include <spdlog/fmt/fmt.h>

#include "flasher/record/detail/database.h"
#include "flasher/record/detail/schema.h"
#include "imaging/core/errors/record.h"

namespace flashline::line {

Result<OfflineRecords> open_offline(const std::filesystem::path& state_folder) {
  const auto file = detail::database_file(state_folder);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return fail(errc::record_store, file.string() + " is not there");
  FL_TRY(auto lock, StateLock::take(state_folder));
  FL_TRY(auto database, detail::Database::open(file, detail::Database::Mode::read_only));
  FL_TRY(const std::int64_t version, database.number("PRAGMA user_version"));
  if (version > detail::schema_version) {
    return fail(errc::record_store_newer, fmt::format("the records have version {}", version));
  }
  return OfflineRecords{std::move(lock), RecordReader{std::make_shared<detail::Database>(std::move(database))}};
}

}  // namespace flashline::line
