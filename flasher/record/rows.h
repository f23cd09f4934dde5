#pragma once
// What the station remembers: batches, units with their identity, attempts. A row is a value; the store keeps its last
// version in a table and every version in the record log.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flashline::line {

/// Wall clock, so that tests can set it.
using Clock = std::function<std::chrono::system_clock::time_point()>;
/// "2026-01-31T12:34:56.789Z"
std::string to_iso8601(std::chrono::system_clock::time_point at);

enum class BatchState : std::uint8_t { running, paused, closed, done };
enum class UnitState : std::uint8_t { reserved, committed, voided };
enum class AttemptState : std::uint8_t { running, passed, failed, interrupted };

std::string_view name_of(BatchState state);
std::string_view name_of(UnitState state);
std::string_view name_of(AttemptState state);
/// False when `name` names no state.
bool find_state(std::string_view name, BatchState& state);
bool find_state(std::string_view name, UnitState& state);
bool find_state(std::string_view name, AttemptState& state);

/// A work order: this image on so many boards. Only `state`, `reason` and `closed_at` ever change.
struct BatchRow {
  std::int64_t id = 0;  ///< counted from 1
  std::string name;
  std::string operator_name;
  std::string station;
  std::string version;  ///< of Flashline
  std::string mode;     ///< production | test
  std::string image;    ///< path
  std::string image_format;
  std::string image_digest;  ///< hex SHA-256 that names the image (ImageFacts::digest)
  std::string image_signer;  ///< subject; empty: unsigned
  std::string recipe;        ///< path; empty: no recipe
  std::string recipe_digest;
  std::string units_file;  ///< path of the unit list; empty: counters
  std::string units_digest;
  std::optional<std::uint64_t> quantity;  ///< boards wanted; none: until the batch is closed
  BatchState state = BatchState::running;
  std::string reason;  ///< why it was paused or closed
  std::string created_at;
  std::string closed_at;
  bool operator==(const BatchRow&) const = default;
};

/// A unit owns its identity for ever. Only `state`, `reason` and `ended_at` ever change.
struct UnitRow {
  std::string serial;
  std::int64_t batch = 0;
  std::int64_t number = 0;        ///< in its batch, from 1
  std::vector<std::string> macs;  ///< "02:00:5E:10:00:00"
  std::string hostname;
  std::map<std::string, std::string> fields;  ///< further columns of the unit list, without secrets
  std::string serial_pool;                    ///< the counter that the serial came from; empty: a list
  std::int64_t serial_index = 0;              ///< position in that pool, from 0
  std::string mac_pool;
  std::int64_t mac_index = 0;
  UnitState state = UnitState::reserved;
  std::string slot;    ///< where it was reserved; it never moves
  std::string medium;  ///< medium of its first attempt; empty: the medium tells none
  std::string reason;  ///< why it was voided
  std::string reserved_at;
  std::string ended_at;
  bool operator==(const UnitRow&) const = default;
};

/// One try to make a board of a unit. Written twice: at its start and at its end.
struct AttemptRow {
  std::string serial;
  std::int64_t number = 0;  ///< of this unit, from 1
  std::int64_t batch = 0;
  std::string slot;
  std::string target;  ///< path that the slot writes to
  std::string medium;
  std::uint64_t capacity = 0;  ///< bytes
  std::string station;
  std::string version;
  std::string operator_name;
  std::string image;
  std::string image_digest;
  std::string recipe_digest;
  std::string overlay_digest;  ///< SHA-256 over the unit's own bytes and where they lie; empty: no overlay
  std::string stale_policy;    ///< what was done about stale bytes: zero | discard-verified | keep
  bool verify = true;          ///< read back
  AttemptState state = AttemptState::running;
  std::string phase;  ///< how far it came: preparing | writing | verifying | done
  std::string error_code;
  std::string error_text;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_verified = 0;
  std::uint64_t bytes_resumed = 0;  ///< found as an earlier attempt had left them
  std::string read_back;            ///< how it was checked: bytes | by-board | none (write acknowledged, not read back)
  std::vector<std::uint64_t> retried_lbas;  ///< first LBA of each piece that was written twice
  std::vector<std::uint64_t> bad_lbas;      ///< first LBA of each piece that did not read back
  std::string log;                          ///< file name in the station's log folder
  std::string started_at;
  std::string ended_at;
  bool operator==(const AttemptRow&) const = default;
};

/// What concerns the station and not a batch: its start and stop, what an operator did at a slot.
struct StationNote {
  std::string station;
  std::string version;
  std::string mode;
  std::string slot;
  std::string operator_name;
  std::string text;
  bool operator==(const StationNote&) const = default;
};

}  // namespace flashline::line
