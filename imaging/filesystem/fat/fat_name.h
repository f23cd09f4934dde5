#pragma once
// Names in a folder: the long one people see and its 8.3 alias. Pure functions.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging::fat {

/// Eight characters and three, upper case, filled up with spaces, without the dot; as it lies on the disk.
using ShortName = std::array<char, 11>;
/// One 32-byte folder entry as it lies on the disk.
using Slot = std::array<std::byte, 32>;

constexpr std::size_t most_long_name_units = 255;

/// `name` as UTF-16 if a new entry may have it. Errors: fat_bad_name (empty, too long, not UTF-8, a character that FAT
/// forbids, a dot or space at the end).
Result<std::u16string> checked_name(std::string_view name);

/// Equal but for case. Case is folded for Latin, Greek and Cyrillic letters, as far as Windows and Linux agree on them.
bool same_name(std::u16string_view a, std::u16string_view b);

/// What a new entry is called on the disk.
struct NewName {
  ShortName short_name{};
  bool needs_long = false;  ///< the short form does not say it all
};

/// `name` in capitals: equal for names that same_name() calls equal.
std::u16string capitals(std::u16string_view name);

/// The 8.3 alias of `name`, different from all of `taken`: NAME.EXT where that is exact, else NAME~1.EXT and so on.
/// Errors: fat_bad_name when all aliases are taken.
Result<NewName> new_name(std::u16string_view name, const std::set<ShortName>& taken);

/// The name that a short entry shows. `case_flags` is byte 12: 0x08 lower case name, 0x10 lower case extension. Bytes
/// above 127 are code page 437.
std::u16string shown_name(const ShortName& name, std::uint8_t case_flags);

/// A volume label, UTF-8: one field of eleven characters, shown without a dot and its padding.
std::string shown_label(const ShortName& field);

/// What ties long name entries to their short one.
std::uint8_t checksum_of(const ShortName& name);

/// The entries that hold `name`, in their order on the disk.
std::vector<Slot> long_slots(std::u16string_view name, std::uint8_t checksum);

/// Puts the long name together as its entries go by; entries out of order or of another file are dropped.
class LongNameReader {
 public:
  void take(std::span<const std::byte> slot);
  /// The whole name, if it belongs to the short entry that follows now. Begins anew.
  std::optional<std::u16string> finish(const ShortName& short_name);
  void drop() { expected_ = 0, units_.clear(); }

 private:
  std::u16string units_;
  unsigned expected_ = 0;  ///< sequence number due next; 0 with units: complete
  std::uint8_t checksum_ = 0;
};

}  // namespace flashline::imaging::fat
