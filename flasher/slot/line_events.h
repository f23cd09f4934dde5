#pragma once
// What a line shows: how its slots and its batch stand, and what happens.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "flasher/batch/allocation.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// A slot as it stands.
struct SlotView {
  std::string name;
  std::uint32_t row = 0;
  std::uint32_t column = 0;
  std::string kind;                   ///< file | block | virtual | port
  std::string target;                 ///< path, or port
  std::string board;                  ///< of a port: the profile of what belongs into it
  std::string state;                  ///< name_of(SlotState)
  std::optional<std::int64_t> batch;  ///< of the unit below
  std::optional<std::int64_t> unit;   ///< its number in the batch
  std::string serial;                 ///< empty: no unit
  std::int64_t attempt = 0;
  std::string phase;  ///< what the engine is at (name_of(RunStep)); empty: nothing
  std::uint64_t done_bytes = 0;
  std::uint64_t total_bytes = 0;
  std::uint64_t rate_bytes_per_s = 0;
  std::optional<std::uint64_t> seconds_left;
  std::string medium;
  std::string since;  ///< ISO 8601: when the state began
  std::optional<Error> error;
};

struct SlotChanged {
  SlotView slot;
};
struct BatchChanged {
  BatchView batch;
};
struct RecordAppended {
  std::uint64_t seq = 0;
  std::string at;
  std::string kind;        ///< name_of(RecordKind)
  std::int64_t batch = 0;  ///< 0: of no batch
  std::string serial;      ///< empty: of no unit
};
using LineEvent = std::variant<SlotChanged, BatchChanged, RecordAppended>;

}  // namespace flashline::line
