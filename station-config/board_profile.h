#pragma once
// boards/NAME.xml as plain structs: how a kind of board comes up from its boot ROM, and how its storage is written.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"

namespace flashline::config {

/// What a board speaks in a stage. Those of the second row end the way up: blocks are written through them.
enum class Protocol : std::uint8_t {
  rpiboot,
  sdp,
  sdps,
  sahara,
  card,
  mass_storage,
  fastboot,
  firehose,
};

/// Which device on the port this stage is. The port says which slot it is in, these only how far it is.
struct UsbId {
  std::uint16_t vendor = 0;
  std::uint16_t product = 0;
  std::string manufacturer;  ///< the device's own word; empty: any. Some ids belong to many makers
};

/// A file that the board is given on its way up.
struct BoardFile {
  enum class Use : std::uint8_t {
    folder,      ///< rpiboot: what is served
    bundle,      ///< rpiboot: an archive of what is served, instead of the one in the folder
    image,       ///< sdp, sdps: boot image of the ROM or of U-Boot's first stage
    programmer,  ///< sahara: what speaks firehose
  };
  Use use = Use::folder;
  std::filesystem::path path;    ///< absolute
  std::optional<Sha256> digest;  ///< nothing: any content is taken
  bool vendor = true;            ///< its maker may not be redistributed: the station's owner puts it there
  std::string where;             ///< file:line:column, for errors found later
};

struct Stage {
  std::string name;  ///< for log and record: "boot-rom"
  Protocol protocol = Protocol::card;
  std::vector<UsbId> ids;  ///< empty: card and firehose, which are no devices of their own
  std::vector<BoardFile> files;
  std::chrono::milliseconds timeout{120'000};  ///< how long the stage may talk
  std::chrono::milliseconds gap{60'000};       ///< how long the board may be away before this stage shows
  std::string where;

  const BoardFile* file(BoardFile::Use use) const;
};

/// How the storage is written by the last stage.
struct Storage {
  /// Who says that the board holds what was written.
  enum class Verify : std::uint8_t {
    read_back,  ///< the station reads it again
    map,        ///< fastboot: the board compares a map of digests (Raspberry Pi's)
    crc32,      ///< fastboot: U-Boot sums it up
    digest,     ///< firehose: the programmer hashes it
    none,       ///< nobody: the record says so
  };
  Verify verify = Verify::read_back;
  std::string partition;           ///< fastboot: the name that means the whole disk
  ByteCount segment{16_MiB};       ///< fastboot: most bytes that are sent at once
  std::string memory;              ///< firehose: "emmc"
  std::uint64_t load_address = 0;  ///< where U-Boot may put what it sums up; 0: its own ${loadaddr}
};

/// What holds for boards of this kind where the recipe says nothing.
struct BoardDefaults {
  std::optional<bool> verify;
  std::optional<bool> fit_gpt;
};

/// What the port's power is good for with this board.
struct BoardPower {
  bool cycle = false;                   ///< switching it off and on brings a stuck board back to its first stage
  std::chrono::milliseconds off{2000};  ///< how long it must stay off
};

struct BoardProfile {
  std::string name;                    ///< that of its file
  std::string title;                   ///< for people
  std::vector<std::string> platforms;  ///< ids of images that fit; empty: every image is taken
  std::vector<Stage> stages;           ///< in their order; at least one
  Storage storage;
  BoardDefaults defaults;
  BoardPower power;
  std::string file;  ///< where it was read from

  /// A disk on the port is written as it is: a card, or a board that needs nothing to show its storage.
  bool is_plain_disk() const;
};

/// Reads a profile. Relative paths of board files are taken from `boards`. Errors: FL-CFG codes with file:line:column.
Result<BoardProfile> parse_board(std::string_view xml, const std::filesystem::path& file,
                                 const std::filesystem::path& boards);

/// A profile inside the program.
struct ShippedBoard {
  std::string_view name;
  std::string_view xml;
};
/// In the order of their names.
std::span<const ShippedBoard> shipped_boards();

/// The profile `name`: `boards`/NAME.xml, else the shipped one. Errors: config_no_board, those of parse_board().
Result<BoardProfile> find_board(std::string_view name, const std::filesystem::path& boards);

/// Every file that the profile names is there, readable, and has its digest. Blocks. Errors: config_board_file.
Status check_board_files(const BoardProfile& board);

/// The words of the files.
std::string_view to_word(Protocol protocol);
std::string_view to_word(BoardFile::Use use);
std::string_view to_word(Storage::Verify verify);

}  // namespace flashline::config
