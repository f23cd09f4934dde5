#pragma once
// The system areas of a new FAT volume: boot sectors, FSInfo, tables.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/filesystem/fat/boot_sector.h"
#include "imaging/filesystem/fat/fat_name.h"
#include "imaging/filesystem/make_fat.h"

namespace flashline::imaging::fat {

/// The eleven characters of a volume label, in capitals; nullopt for an empty one. Errors: volume_label.
Result<std::optional<ShortName>> label_field(std::string_view label);

/// The boot sector, and for FAT32 FSInfo and the copies of both. The first `used` clusters are in use. `label` may be
/// null.
Status write_boot_area(WritableBlockView& view, const Geometry& geometry, const FatFormat& format,
                       const ShortName* label, std::uint32_t used);

/// All copies of the table, for chains of these lengths that lie one behind the other from the first cluster on.
Status write_table(WritableBlockView& view, const Geometry& geometry, std::span<const std::uint32_t> chains);

}  // namespace flashline::imaging::fat
