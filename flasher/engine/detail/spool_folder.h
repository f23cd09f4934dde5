#pragma once
// Names, room and leftovers of the folder that spools lie in.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/source/content.h"

namespace flashline::line::detail {

/// The files of one spool.
struct SpoolNames {
  std::filesystem::path complete;
  std::filesystem::path sums;  ///< size and unit digests of the complete one
  std::filesystem::path part;  ///< while it is being made; locked by who makes it
};

/// Errors: image_open.
Result<SpoolNames> spool_names(const std::filesystem::path& folder, const std::filesystem::path& image_file);

/// What `sums` says. nullopt: there is none, or it is damaged.
struct SpoolSums {
  ByteCount size;
  std::vector<Sha256> digests;
};
std::optional<SpoolSums> read_sums(const std::filesystem::path& sums, std::uint32_t unit);
Status write_sums(const std::filesystem::path& sums, const SpoolSums& content);

/// A new, locked file of `names.part`. Errors: image_write.
Result<imaging::FileHandle> make_part(const SpoolNames& names);

/// Ensures room for bytes [from, from + length) of `fd` in `folder`, at the cost of other complete spools.
/// Errors: spool_space, image_write.
Status ensure_room(int fd, const std::filesystem::path& folder, ByteOffset from, ByteCount length);

}  // namespace flashline::line::detail
