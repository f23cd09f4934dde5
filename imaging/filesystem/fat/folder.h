#pragma once
// One folder: its 32-byte entries, found, added, changed and removed in place.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/filesystem/fat/boot_sector.h"
#include "imaging/filesystem/fat/fat_name.h"
#include "imaging/filesystem/fat/fat_table.h"

namespace flashline::imaging::fat {

enum Attribute : std::uint8_t {
  read_only = 0x01,
  volume_label = 0x08,
  folder_attribute = 0x10,
  archive = 0x20,
  long_name_mark = 0x0F,
};

/// Date and time as FAT packs them; see fat_stamp.
struct Stamp {
  std::uint16_t date = 0;
  std::uint16_t time = 0;
};

/// What an entry says of its file.
struct EntryData {
  std::uint8_t attributes = 0;
  std::uint32_t cluster = 0;  ///< 0: no contents
  std::uint32_t size = 0;     ///< bytes; 0 for folders
  Stamp modified;
};

struct Entry {
  std::u16string name;  ///< the long one, or the short one as it is shown
  ShortName short_name{};
  EntryData data;
  std::size_t first_slot = 0;  ///< of the long name
  std::size_t slot = 0;        ///< of the short name

  bool is_folder() const { return (data.attributes & folder_attribute) != 0; }
  bool is_label() const { return (data.attributes & volume_label) != 0; }
};

class Folder {
 public:
  /// The root folder, or the one that begins at `cluster`. `view` and `table` outlive it.
  /// Errors: fat_damaged, fat_loop, image_read.
  static Result<Folder> open_root(WritableBlockView& view, FatTable& table, const Geometry& geometry);
  static Result<Folder> open(WritableBlockView& view, FatTable& table, const Geometry& geometry, std::uint32_t cluster);

  /// In the order of the disk, labels too, but not "." and "..".
  const std::vector<Entry>& entries() const { return entries_; }
  /// The file or folder of that long or short name, whatever its case.
  const Entry* find(std::u16string_view name) const;
  /// What ".." of a folder in this one has to say: 0 for the root.
  std::uint32_t number() const { return number_; }

  /// Errors: fat_folder_full (fixed root, or 65536 entries), fat_full, fat_bad_name.
  Status add(std::u16string_view name, const EntryData& data);
  /// New contents of an entry that stays where it is.
  Status update(const Entry& entry, const EntryData& data);
  Status remove(const Entry& entry);

 private:
  Folder(WritableBlockView& view, FatTable& table, const Geometry& geometry)
      : view_{&view}, table_{&table}, geometry_{&geometry} {}
  Status load_chain(std::uint32_t cluster);
  Status load();
  void read_entries();
  std::size_t slots() const { return bytes_.size() / slot_size; }
  std::span<std::byte> slot(std::size_t index) { return std::span{bytes_}.subspan(index * slot_size, slot_size); }
  Status store(std::size_t index);
  Result<std::size_t> make_room(std::size_t count);
  Status grow();

  WritableBlockView* view_;
  FatTable* table_;
  const Geometry* geometry_;
  std::uint32_t number_ = 0;
  std::vector<std::uint32_t> clusters_;  ///< empty: the fixed root
  std::vector<std::byte> bytes_;
  std::vector<Entry> entries_;
  std::size_t end_ = 0;  ///< first slot that was never used: what follows it means nothing
};

/// The 32 bytes that a folder has for a new file or folder, behind its long name.
Slot new_slot(const ShortName& name, const EntryData& data);

/// The first cluster of a new folder's contents: "." and "..", and zeros.
std::vector<std::byte> new_folder_bytes(std::uint32_t cluster_size, std::uint32_t own, std::uint32_t parent,
                                        Stamp made);

}  // namespace flashline::imaging::fat
