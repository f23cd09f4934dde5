#pragma once
// Where the payload's blocks go, and what must be on the target beforehand.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/ffu/store_header.h"
#include "imaging/ffu/verified_reader.h"
#include "imaging/source/block_plan.h"

namespace flashline::imaging::ffu {

/// DISK_LOCATION. `block` counts from 0, from the target's beginning or backwards from its last block.
struct Location {
  Place::Anchor anchor = Place::Anchor::begin;
  std::uint32_t block = 0;
  auto operator<=>(const Location&) const = default;
};

/// BLOCK_DATA_ENTRY; ffu-format.md section 4.2.
struct WriteDescriptor {
  std::vector<Location> locations;
  std::uint32_t block_count = 1;
  std::uint32_t stored_size = 0;  ///< V1C: bytes of the entry's data in the file
};

/// VALIDATION_ENTRY; ffu-format.md section 4.1.
struct ValidationEntry {
  std::uint32_t sector = 0;
  std::uint32_t offset = 0;  ///< bytes after the sector's beginning
  std::vector<std::byte> expected;
};

/// Bytes of a write descriptor with one location.
constexpr std::uint32_t smallest_entry(StoreFormat format) { return format == StoreFormat::v1c ? 20 : 16; }

/// The write descriptors of a store, one by one, so that none but the last is in memory.
class DescriptorReader {
 public:
  /// `in` stands at the first descriptor and outlives this.
  DescriptorReader(VerifiedReader& in, const StoreHeader& header)
      : in_{in}, header_{header}, left_{header.write_length}, count_{header.write_count} {}

  /// False: there are no more, and their region was consumed exactly.
  /// Errors: ffu_entry_length, ffu_location_count, ffu_block_count, ffu_access_method, ffu_block_index,
  /// ffu_end_multiblock, ffu_duplicate_location, ffu_data_size, and those of VerifiedReader.
  Result<bool> next(WriteDescriptor& out);

 private:
  Result<std::span<const std::byte>> take(std::uint64_t count, const char* field);
  Status read_locations(WriteDescriptor& out, std::uint32_t count);
  std::string where() const;

  VerifiedReader& in_;
  const StoreHeader& header_;
  std::uint64_t left_;
  std::uint32_t count_;
  std::uint32_t done_ = 0;
  std::uint64_t blocks_ = 0;
};

/// Errors: ffu_validation, and those of VerifiedReader.
Result<std::vector<ValidationEntry>> read_validation(VerifiedReader& in, const StoreHeader& header);

/// A partial update may be applied if, and only if, all entries match the target. Errors: ffu_validation_mismatch, with
/// the first that does not, and those of `target`.
Status check_validation(const std::vector<ValidationEntry>& entries, std::uint32_t sector_size, BlockView& target);

/// The 16 bytes of a descriptor with one location and one block.
void append_descriptor(std::vector<std::byte>& out, Location location);

}  // namespace flashline::imaging::ffu
