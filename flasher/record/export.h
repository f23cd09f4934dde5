#pragma once
// Records for an auditor: who, what, where, which digests, which identity, every interruption.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "flasher/record/record_reader.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// Takes the export line by line, each with its line end.
using TakeLine = std::function<Status(std::string_view line)>;

/// The log as it is: {"hash":"…","record":{…}} a line, in order. With all batches, the hashes can be computed again
/// by anybody: SHA-256(previous hash as 32 bytes ‖ text of "record"), the first one after 32 zero bytes. `after`: only
/// records with a higher number.
Status export_log(RecordReader& records, std::optional<std::int64_t> batch, std::uint64_t after, const TakeLine& take);

/// One row an attempt (interrupted and failed ones as well), with its unit and batch; units without an attempt have a
/// row too. RFC 4180 with a header row. A text that a spreadsheet would take for a formula begins with an apostrophe.
Status export_csv(RecordReader& records, std::optional<std::int64_t> batch, const TakeLine& take);

}  // namespace flashline::line
