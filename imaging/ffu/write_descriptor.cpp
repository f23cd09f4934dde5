#include "imaging/ffu/write_descriptor.h"

#include <algorithm>
#include <limits>
#include <string>

#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/image.h"
#include "imaging/ffu/byte_writer.h"
#include "imaging/ffu/limits.h"

namespace flashline::imaging::ffu {
namespace {

constexpr std::uint32_t disk_begin = 0;
constexpr std::uint32_t disk_end = 2;
constexpr std::uint64_t max_blocks = std::numeric_limits<std::uint32_t>::max();

/// Checks of a descriptor that need nothing but itself.
Status check_locations(const WriteDescriptor& entry, const std::string& where) {
  for (const auto& location : entry.locations) {
    if (std::uint64_t{location.block} + entry.block_count > max_blocks) {
      return fail(errc::ffu_block_index, where + ": block " + std::to_string(location.block) + " and on");
    }
    if (location.anchor == Place::Anchor::end && entry.block_count > 1) {
      return fail(errc::ffu_end_multiblock, where + ": several blocks counted from the disk's end");
    }
  }
  if (entry.locations.size() == 1) return {};
  auto sorted = entry.locations;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) == sorted.end()) return {};
  return fail(errc::ffu_duplicate_location, where + ": the same location twice");
}

/// An entry of a compressed image is decompressed as a whole, so its size is bounded too.
Status check_stored_size(const WriteDescriptor& entry, const StoreHeader& header, const std::string& where) {
  const std::uint64_t plain = std::uint64_t{entry.block_count} * header.block_size;
  if (plain > max_chunk)
    return fail(errc::ffu_block_count, where + ": " + std::to_string(plain) + " bytes in one piece");
  const bool raw = header.compression == Compression::none;
  if (entry.stored_size == 0 || entry.stored_size > plain || (raw && entry.stored_size != plain)) {
    return fail(errc::ffu_data_size, where + ": " + std::to_string(entry.stored_size) + " stored bytes");
  }
  return {};
}

Result<Location> parse_location(ByteReader& in, const std::string& where) {
  FL_TRY(const auto method, in.u32("disk access method"));
  FL_TRY(const auto block, in.u32("block index"));
  if (method == disk_begin) return Location{Place::Anchor::begin, block};
  if (method == disk_end) return Location{Place::Anchor::end, block};
  return fail(errc::ffu_access_method, where + ": disk access method " + std::to_string(method));
}

}  // namespace

std::string DescriptorReader::where() const { return "write descriptor " + std::to_string(done_); }

Result<std::span<const std::byte>> DescriptorReader::take(std::uint64_t count, const char* field) {
  if (count > left_) return fail(errc::ffu_entry_length, where() + " is longer than what is left of its region");
  left_ -= count;
  return in_.take(count, field);
}

Status DescriptorReader::read_locations(WriteDescriptor& out, std::uint32_t count) {
  FL_TRY(const auto bytes, take(std::uint64_t{count} * 8, "locations of a write descriptor"));
  ByteReader fields{bytes};
  out.locations.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    FL_TRY(const auto location, parse_location(fields, where()));
    out.locations.push_back(location);
  }
  return check_locations(out, where());
}

Result<bool> DescriptorReader::next(WriteDescriptor& out) {
  if (done_ == count_) {
    if (left_ == 0) return false;
    return fail(errc::ffu_entry_length, std::to_string(left_) + " bytes after the last write descriptor");
  }
  const bool compressed = header_.format == StoreFormat::v1c;
  FL_TRY(const auto bytes, take(compressed ? 12 : 8, "write descriptor"));
  ByteReader fields{bytes};
  FL_TRY(const auto locations, fields.u32("location count"));
  FL_TRY(out.block_count, fields.u32("block count"));
  if (locations == 0 || locations > max_locations) {
    return fail(errc::ffu_location_count, where() + ": " + std::to_string(locations) + " locations");
  }
  blocks_ += out.block_count;
  if (out.block_count == 0 || blocks_ > max_blocks) {
    return fail(errc::ffu_block_count, where() + ": " + std::to_string(out.block_count) + " blocks");
  }
  if (compressed) {
    FL_TRY(out.stored_size, fields.u32("stored size"));
    FL_CHECK(check_stored_size(out, header_, where()));
  }
  FL_CHECK(read_locations(out, locations));
  ++done_;
  return true;
}

namespace {

Result<ValidationEntry> read_one(ByteReader& in) {
  ValidationEntry entry;
  FL_TRY(entry.sector, in.u32("sector of a validation entry"));
  FL_TRY(entry.offset, in.u32("offset of a validation entry"));
  FL_TRY(const auto count, in.u32("length of a validation entry"));
  FL_TRY(const auto bytes, in.take(count, "data of a validation entry"));
  entry.expected.assign(bytes.begin(), bytes.end());
  return entry;
}

}  // namespace

Result<std::vector<ValidationEntry>> read_validation(VerifiedReader& in, const StoreHeader& header) {
  if (header.validation_count > 0 && !header.partial_update) {
    return fail(errc::ffu_validation, "a full update with validation entries");
  }
  const ByteOffset start = in.position();
  FL_TRY(const auto bytes, in.take(header.validation_length, "validation entries"));
  ByteReader fields{bytes, start};
  std::vector<ValidationEntry> entries;
  for (std::uint32_t i = 0; i < header.validation_count; ++i) {
    auto entry = read_one(fields);
    if (!entry) return fail(errc::ffu_validation, entry.error().detail);
    entries.push_back(std::move(*entry));
  }
  if (fields.left() == 0) return entries;
  return fail(errc::ffu_validation, std::to_string(fields.left()) + " bytes after the last validation entry");
}

Status check_validation(const std::vector<ValidationEntry>& entries, std::uint32_t sector_size, BlockView& target) {
  std::vector<std::byte> found;
  for (const auto& entry : entries) {
    const std::uint64_t at = std::uint64_t{entry.sector} * sector_size + entry.offset;
    found.resize(entry.expected.size());
    FL_CHECK(target.read(ByteOffset{at}, found));
    if (found != entry.expected) {
      return fail(errc::ffu_validation_mismatch,
                  std::to_string(found.size()) + " bytes at offset " + std::to_string(at) + " of the target");
    }
  }
  return {};
}

void append_descriptor(std::vector<std::byte>& out, Location location) {
  ByteWriter fields;
  fields.put<std::uint32_t>(1);
  fields.put<std::uint32_t>(1);
  fields.put<std::uint32_t>(location.anchor == Place::Anchor::begin ? disk_begin : disk_end);
  fields.put<std::uint32_t>(location.block);
  const auto bytes = fields.take();
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace flashline::imaging::ffu
