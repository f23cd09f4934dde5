#pragma once
// Which partition table a disk image has, and what it says.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/source/image.h"

namespace flashline::imaging {

struct PartitionTable {
  enum class Kind : std::uint8_t { none, mbr, gpt };
  Kind kind = Kind::none;
  std::uint32_t sector_size = 512;
  std::optional<ByteCount> gpt_size{};  ///< disk size that the GPT describes
  std::vector<PartitionFact> partitions{};
  std::vector<std::string> warnings{};
};

/// "gpt", "mbr" or "none".
std::string_view name_of(PartitionTable::Kind kind);

/// Reads the table of `disk`. GPT: sectors of 512 and 4096 bytes; a damaged primary is an error, a damaged, missing or
/// displaced backup a warning. MBR: with logical partitions. A partition that reaches past the end: truncated, since a
/// file that was cut is otherwise told by nothing.
/// `disk_size` is the image's whole size, or nullopt while nobody knows it. `disk` may be shorter: then it is the
/// image's beginning, and what lies behind it (backup, logical partitions) is left out.
/// Errors: gpt_damaged, truncated, image_read.
Result<PartitionTable> read_partition_table(BlockView& disk, std::optional<ByteCount> disk_size);

}  // namespace flashline::imaging
