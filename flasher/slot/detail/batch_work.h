#pragma once
// A batch with everything that its boards need, in memory.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "flasher/batch/identity_source.h"
#include "flasher/engine/run.h"
#include "flasher/record/rows.h"
#include "flasher/slot/board_writer.h"
#include "flasher/slot/line.h"
#include "imaging/core/error.h"

namespace flashline::line::detail {

/// Shared by the slots that work on it; never changes but for `open`.
struct BatchWork {
  BatchRow row;
  std::optional<config::Recipe> recipe;
  std::shared_ptr<IdentitySource> source;  ///< next() and check() on the store's thread only
  BoardImage image;
  WriteOptions write;
  bool open = true;  ///< event thread only; false: failed units are not tried again
};

/// Opens everything that `row` names (image, recipe, unit list). Where the row has digests already, what is found must
/// have them. `row.units_file` is the station's own copy. Errors: batch_input, whatever is wrong with the files.
asio::awaitable<Result<std::shared_ptr<BatchWork>>> load_work(BatchRow row, const config::Station& station,
                                                              BoardWriter& writer);

/// Copies a unit list to where nobody changes it, named by its digest. Blocks. Errors: image_read, record_store.
Result<std::filesystem::path> keep_unit_list(const std::filesystem::path& csv, const std::filesystem::path& state);

}  // namespace flashline::line::detail
