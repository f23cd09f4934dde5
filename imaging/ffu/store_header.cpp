#include "imaging/ffu/store_header.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <span>

#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/unicode.h"
#include "imaging/ffu/byte_writer.h"
#include "imaging/ffu/limits.h"
#include "imaging/ffu/write_descriptor.h"

namespace flashline::imaging::ffu {
namespace {

constexpr std::size_t fixed_length = 248;
constexpr std::size_t platform_field = 192;
constexpr std::size_t v2_length = 14;
constexpr std::uint32_t smallest_block = 512;

struct Version {
  std::array<std::uint16_t, 4> quadruple;
  StoreFormat format;
};
constexpr std::array versions{Version{{1, 0, 2, 0}, StoreFormat::v1}, Version{{2, 0, 2, 0}, StoreFormat::v2},
                              Version{{1, 0, 3, 0}, StoreFormat::v1c}};

Result<StoreFormat> read_version(ByteReader& in) {
  std::array<std::uint16_t, 4> found{};
  for (auto& part : found) {
    FL_TRY(part, in.u16("store version"));
  }
  for (const auto& version : versions) {
    if (version.quadruple == found) return version.format;
  }
  std::string text = "store version";
  for (const auto part : found) text.append(" ").append(std::to_string(part));
  return fail(errc::ffu_store_version, text);
}

bool is_printable(char c) { return c >= ' ' && c <= '~'; }

/// NUL-terminated strings back to back, the rest NUL.
Result<std::vector<std::string>> read_platform_ids(std::span<const std::byte> field) {
  std::vector<std::string> ids;
  std::string id;
  bool ended = false;
  for (const std::byte b : field) {
    const char c = std::to_integer<char>(b);
    if (c == '\0') {
      ended = ended || id.empty();
      if (!id.empty()) ids.push_back(std::move(id));
      id.clear();
      continue;
    }
    if (ended || !is_printable(c)) return fail(errc::ffu_platform_id, "the platform ids are not a list of plain texts");
    id.push_back(c);
  }
  if (!id.empty()) return fail(errc::ffu_platform_id, "the platform ids do not end");
  return ids;
}

Result<bool> read_update_type(ByteReader& in) {
  FL_TRY(const auto type, in.u32("update type"));
  if (type <= 1) return type == 1;
  return fail(errc::ffu_update_type, "update type " + std::to_string(type));
}

Status check_block_size(std::uint32_t size, std::uint32_t chunk_size) {
  if (!std::has_single_bit(size) || size < smallest_block || size > max_chunk) {
    return fail(errc::ffu_block_size, "blocks of " + std::to_string(size) + " bytes");
  }
  if (size == chunk_size) return {};
  return fail(errc::ffu_chunk_block,
              "blocks of " + std::to_string(size) + " bytes in chunks of " + std::to_string(chunk_size));
}

/// Counts against lengths before anything loops over them.
Status check_counts(const StoreHeader& header) {
  if (header.write_count > max_entries) {
    return fail(errc::ffu_entry_count, std::to_string(header.write_count) + " write descriptors");
  }
  const auto smallest = smallest_entry(header.format);
  if (std::uint64_t{header.write_count} * smallest > header.write_length) {
    return fail(errc::ffu_entry_count, std::to_string(header.write_count) + " write descriptors in " +
                                           std::to_string(header.write_length) + " bytes");
  }
  const bool impossible = std::uint64_t{header.validation_count} * 12 > header.validation_length;
  if (impossible || header.validation_length > max_validation) {
    return fail(errc::ffu_validation, std::to_string(header.validation_count) + " validation entries in " +
                                          std::to_string(header.validation_length) + " bytes");
  }
  return {};
}

Status check_ranges(const StoreHeader& header) {
  std::uint64_t end = 0;
  for (const auto* range : {&header.initial, &header.flash_only, &header.final}) {
    if (range->count == 0) continue;
    if (range->first < end) return fail(errc::ffu_table_range, "the table ranges are not in order");
    end = range->end();
  }
  return {};
}

Result<TableRange> read_range(ByteReader& in) {
  TableRange range;
  FL_TRY(range.first, in.u32("index of a table range"));
  FL_TRY(range.count, in.u32("count of a table range"));
  return range;
}

Result<StoreHeader> parse_fixed(std::span<const std::byte> bytes, std::uint32_t chunk_size) {
  ByteReader in{bytes};
  StoreHeader header;
  FL_TRY(header.partial_update, read_update_type(in));
  FL_TRY(header.format, read_version(in));
  FL_TRY(const auto ids, in.take(platform_field, "platform ids"));
  FL_TRY(header.platform_ids, read_platform_ids(ids));
  FL_TRY(header.block_size, in.u32("block size"));
  FL_CHECK(check_block_size(header.block_size, chunk_size));
  FL_TRY(header.write_count, in.u32("number of write descriptors"));
  FL_TRY(header.write_length, in.u32("length of the write descriptors"));
  FL_TRY(header.validation_count, in.u32("number of validation entries"));
  FL_TRY(header.validation_length, in.u32("length of the validation entries"));
  FL_TRY(header.initial, read_range(in));
  FL_TRY(header.flash_only, read_range(in));
  FL_TRY(header.final, read_range(in));
  return header;
}

/// nullopt: not valid UTF-16, or not printable.
std::optional<std::string> device_path_of(std::span<const std::byte> utf16le) {
  std::u16string text;
  for (std::size_t i = 0; i + 1 < utf16le.size(); i += 2) {
    const auto unit = std::to_integer<unsigned>(utf16le[i]) | (std::to_integer<unsigned>(utf16le[i + 1]) << 8U);
    if (unit < 0x20 || (unit >= 0x7F && unit < 0xA0)) return std::nullopt;
    text.push_back(static_cast<char16_t>(unit));
  }
  auto path = utf8_of(text);
  // utf8_of() forgives; the way back shows whether it had to.
  if (utf16_of(path) != text) return std::nullopt;
  return path;
}

Status read_v2_part(VerifiedReader& in, StoreHeader& header) {
  FL_TRY(const auto bytes, in.take(v2_length, "V2 part of the store header"));
  ByteReader fields{bytes};
  FL_TRY(header.store_count, fields.u16("number of stores"));
  FL_TRY(header.store_index, fields.u16("store index"));
  FL_TRY(header.payload_size, fields.u64("store payload size"));
  FL_TRY(const auto length, fields.u16("device path length"));
  if (header.store_count == 0 || header.store_count > max_stores) {
    return fail(errc::ffu_store_count, std::to_string(header.store_count) + " stores");
  }
  if (length == 0) return fail(errc::ffu_device_path, "a store without a device path");
  FL_TRY(const auto text, in.take(std::uint64_t{length} * 2, "device path"));
  auto path = device_path_of(text);
  if (!path) return fail(errc::ffu_device_path, "a device path that is not printable UTF-16");
  header.device_path = std::move(*path);
  return {};
}

Status read_compression(VerifiedReader& in, StoreHeader& header) {
  FL_TRY(const auto bytes, in.take(4, "compression algorithm"));
  FL_TRY(const auto number, ByteReader{bytes}.u32("compression algorithm"));
  header.compression = static_cast<Compression>(number);
  // 1 is "the default one" of the Windows interface and names no algorithm.
  if (number != 1 && number <= 4) return {};
  return fail(errc::ffu_compression, "compression algorithm " + std::to_string(number));
}

}  // namespace

Result<StoreHeader> read_store_header(VerifiedReader& in, std::uint32_t chunk_size) {
  FL_TRY(const auto bytes, in.take(fixed_length, "store header"));
  FL_TRY(auto header, parse_fixed(bytes, chunk_size));
  FL_CHECK(check_counts(header));
  FL_CHECK(check_ranges(header));
  if (header.format == StoreFormat::v2) FL_CHECK(read_v2_part(in, header));
  if (header.format == StoreFormat::v1c) FL_CHECK(read_compression(in, header));
  return header;
}

std::vector<std::byte> build_store_header(const StoreHeader& header) {
  const bool v2 = header.format == StoreFormat::v2;
  ByteWriter out;
  out.put<std::uint32_t>(header.partial_update ? 1 : 0);
  for (const auto part : versions[v2 ? 1 : 0].quadruple) out.put<std::uint16_t>(part);
  const std::size_t ids_end = out.size() + platform_field;
  for (const auto& id : header.platform_ids) {
    out.text(id);
    out.zeros(1);
  }
  out.zeros(ids_end - out.size());
  out.put<std::uint32_t>(header.block_size);
  out.put<std::uint32_t>(header.write_count);
  out.put<std::uint32_t>(header.write_length);
  out.put<std::uint32_t>(header.validation_count);
  out.put<std::uint32_t>(header.validation_length);
  for (const auto* range : {&header.initial, &header.flash_only, &header.final}) {
    out.put<std::uint32_t>(range->first);
    out.put<std::uint32_t>(range->count);
  }
  if (!v2) return out.take();
  out.put<std::uint16_t>(header.store_count);
  out.put<std::uint16_t>(header.store_index);
  out.put<std::uint64_t>(header.payload_size);
  out.put<std::uint16_t>(static_cast<std::uint16_t>(header.device_path.size()));
  for (const char c : header.device_path) out.put<std::uint16_t>(static_cast<unsigned char>(c));
  return out.take();
}

}  // namespace flashline::imaging::ffu
