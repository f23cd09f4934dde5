#pragma once
// Why a slot is out of use: one file a slot, which outlives restarts and, put aside, the slot's release.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::line::detail {

/// A board that failed in the slot.
struct FailedBoard {
  std::string serial;  ///< of the unit
  std::int64_t attempt = 0;
  std::string medium;  ///< empty: the board does not tell which one it is
  std::string phase;   ///< how far it came
  std::string error_code;
  std::string error_text;
  std::string log;  ///< file name in the station's log folder
  std::string ended_at;

  /// What tells it from others.
  const std::string& name() const { return medium.empty() ? serial : medium; }
};

struct Evidence {
  std::string slot;
  std::string target;  ///< path or port
  std::string at;      ///< ISO 8601
  std::vector<FailedBoard> boards;
};

/// STATE/quarantine/SLOT.json.
std::filesystem::path quarantine_file(const std::filesystem::path& state, std::string_view slot);

/// One sentence for the page: which boards, which errors, and where the rest stands.
std::string summary_of(const Evidence& evidence, const std::filesystem::path& file);

/// Appears complete or not at all. Blocks. Errors: image_write, record_store (no folder).
Status keep_evidence(const std::filesystem::path& file, const Evidence& evidence);

/// The summary of what keep_evidence() wrote; nothing: the slot is in use. A file that cannot be read condemns, too.
std::optional<std::string> kept_evidence(const std::filesystem::path& file);

/// The slot is in use again; its evidence goes to STATE/quarantine/released/SLOT-`at`.json. Blocks. Errors:
/// record_store.
Status put_aside(const std::filesystem::path& file, std::string_view at);

}  // namespace flashline::line::detail
