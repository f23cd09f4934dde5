#pragma once
// station.xml as plain structs: what a station is, before anything of it is opened.

#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "station-config/board_profile.h"

namespace flashline::config {

/// production: test-signed content is refused. test: both kinds are taken.
enum class Mode : std::uint8_t { production, test };

/// What happens to old bytes where the image has holes.
enum class StalePolicy : std::uint8_t {
  zero,              ///< written over with zeros
  discard_verified,  ///< discarded, read back, and zeroed where they do not read as zero
  keep,              ///< left as they are
};

/// Folders of the station, absolute.
struct Paths {
  std::filesystem::path state;   ///< records, lock, address
  std::filesystem::path cache;   ///< decompressed spools
  std::filesystem::path logs;    ///< one file an attempt
  std::filesystem::path images;  ///< what GET images lists
};

/// Where the API listens. There is no login yet, so 127.0.0.1 is the only address.
struct Listen {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8470;     ///< 0: any free one
  std::filesystem::path socket;  ///< absolute
};

/// A PEM file that signers must chain to.
struct Anchor {
  std::filesystem::path file;  ///< absolute
  bool test = false;           ///< vouches only for test-signed content
  std::string where;           ///< file:line:column, for errors found later
};

/// Which moment certificates must be valid at.
struct Clock {
  enum class Kind : std::uint8_t { now, fixed, unchecked };
  Kind kind = Kind::now;
  std::time_t at = 0;  ///< fixed: seconds since 1970, UTC
};

struct Trust {
  Clock clock;
  bool allow_unsigned = false;
  std::vector<Anchor> anchors;
  std::vector<Sha256> pins;  ///< SHA-256 of signers' certificates (DER)
};

/// How a virtual board misbehaves. Counters are 1-based over the life of the daemon; nullopt: never.
struct BoardBehaviour {
  std::uint64_t rate = 0;                    ///< bytes per second when written; 0: as fast as the file
  std::uint64_t read_rate = 0;               ///< bytes per second when read; 0: as fast as the file
  ByteCount stall_every;                     ///< pause after each such stretch of writes; 0: no stalls
  std::chrono::milliseconds stall{0};        ///< how long
  std::optional<std::uint32_t> fail_write;   ///< the n-th write reports an error
  std::optional<std::uint32_t> lie_write;    ///< the n-th write keeps other bytes and reports success
  std::optional<std::uint32_t> leave_write;  ///< from the n-th write on the board is gone
};

/// What a slot writes to.
struct Target {
  enum class Kind : std::uint8_t { file, block, virtual_board, port };
  Kind kind = Kind::file;
  std::filesystem::path path;  ///< absolute; of a port empty
  ByteCount size;              ///< file, virtual: created sparse with this size when missing; 0: the file must exist
  BoardBehaviour behaviour;    ///< virtual only
  std::string port;            ///< port only: the text of a transport::PortPath
  std::string board;           ///< port only: name of a BoardProfile

  /// The path or the port, for people and records.
  std::string text() const { return kind == Kind::port ? port : path.string(); }
};

struct Slot {
  std::string name;  ///< letters, digits, '.', '_', '-'; safe in URLs and file names
  std::uint32_t row = 1;
  std::uint32_t column = 1;
  Target target;
  std::string where;  ///< file:line:column, for errors found later
};

struct Station {
  std::string name;
  Mode mode = Mode::production;
  Paths paths;
  Listen listen;
  Trust trust;
  StalePolicy stale = StalePolicy::discard_verified;
  std::uint32_t attempts = 2;  ///< of one unit on the same board, before it is voided
  std::vector<Slot> slots;
  std::filesystem::path boards_folder;  ///< own profiles, and the files that profiles name; absolute
  std::vector<BoardProfile> boards;     ///< those that slots name, once load_boards() was called
  std::vector<std::string> warnings;    ///< legal, but worth a look

  /// The profile of a slot's board; null: it has none.
  const BoardProfile* board_of(const Slot& slot) const;
};

/// Reads station.xml text. Relative paths are taken from the folder of `file`, which need not exist.
/// Errors: FL-CFG codes, each with file:line:column.
Result<Station> parse_station(std::string_view xml, const std::filesystem::path& file);

/// The same from a file. Errors also: config_open, config_too_large.
Result<Station> load_station(const std::filesystem::path& file);

/// Reads the profiles that the slots name, and sees that every file they need is there. Blocks.
/// Errors: config_no_board, config_board_file, those of the profiles.
Status load_boards(Station& station);

/// The words of station.xml, for messages and JSON.
std::string_view to_word(Mode mode);
std::string_view to_word(StalePolicy policy);
std::string_view to_word(Target::Kind kind);

}  // namespace flashline::config
