#include "imaging/ffu/image_header.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/image.h"
#include "imaging/ffu/byte_writer.h"
#include "imaging/ffu/limits.h"

namespace flashline::imaging::ffu {
namespace {

constexpr std::string_view signature = "ImageFlash  ";

Status check_size(std::uint32_t size) {
  if (size == ImageHeader::length || size == ImageHeader::length_with_targeting) return {};
  return fail(errc::ffu_image_size, "image header of " + std::to_string(size) + " bytes instead of 24 or 28");
}

Status check_chunk(std::uint32_t kib, std::uint32_t chunk_size) {
  if (std::uint64_t{kib} * 1024 == chunk_size) return {};
  return fail(errc::ffu_chunk_mismatch, "image header says chunks of " + std::to_string(kib) +
                                            " KiB, the security header " + std::to_string(chunk_size / 1024) + " KiB");
}

Result<std::uint32_t> read_targeting_count(VerifiedReader& in) {
  FL_TRY(const auto bytes, in.take(4, "number of targeting records"));
  FL_TRY(const auto count, ByteReader{bytes}.u32("number of targeting records"));
  if (count <= max_targeting_records) return count;
  return fail(errc::ffu_targeting, std::to_string(count) + " targeting records");
}

Result<TargetingRecord> read_record(VerifiedReader& in) {
  constexpr std::uint64_t lengths_size = 7 * 4;
  FL_TRY(const auto bytes, in.take(lengths_size, "targeting record"));
  ByteReader numbers{bytes};
  std::array<std::uint32_t, 7> lengths{};
  for (auto& length : lengths) {
    FL_TRY(length, numbers.u32("length in a targeting record"));
    if (length > max_targeting_text) {
      return fail(errc::ffu_targeting, "text of " + std::to_string(length) + " bytes in a targeting record");
    }
  }
  TargetingRecord record;
  for (std::size_t i = 0; i < record.size(); ++i) {
    FL_TRY(const auto text, in.take(lengths[i], "text of a targeting record"));
    for (const std::byte b : text) record[i].push_back(std::to_integer<char>(b));
  }
  return record;
}

}  // namespace

Result<ImageHeader> read_image_header(VerifiedReader& in, std::uint32_t chunk_size) {
  FL_TRY(const auto bytes, in.take(ImageHeader::length, "image header"));
  ByteReader fields{bytes};
  ImageHeader header;
  FL_TRY(header.header_size, fields.u32("size of the image header"));
  FL_TRY(const auto magic, fields.take(signature.size(), "signature of the image header"));
  if (!std::ranges::equal(magic, std::as_bytes(std::span{signature}))) {
    return fail(errc::ffu_image_signature, "no \"ImageFlash  \" where the image header begins");
  }
  FL_CHECK(check_size(header.header_size));
  FL_TRY(header.manifest_length, fields.u32("manifest length"));
  FL_TRY(const auto kib, fields.u32("chunk size in the image header"));
  FL_CHECK(check_chunk(kib, chunk_size));
  if (header.manifest_length == 0 || header.manifest_length > max_manifest) {
    return fail(errc::ffu_manifest_length, "manifest of " + std::to_string(header.manifest_length) + " bytes");
  }
  if (header.header_size == ImageHeader::length_with_targeting) {
    FL_TRY(header.targeting_records, read_targeting_count(in));
  }
  return header;
}

Result<std::vector<TargetingRecord>> read_targeting(VerifiedReader& in, std::uint32_t count) {
  std::vector<TargetingRecord> records;
  for (std::uint32_t i = 0; i < count; ++i) {
    FL_TRY(auto record, read_record(in));
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<std::byte> build_image_header(std::uint32_t manifest_length, std::uint32_t chunk_size) {
  ByteWriter out;
  out.put<std::uint32_t>(ImageHeader::length);
  out.text(signature);
  out.put<std::uint32_t>(manifest_length);
  out.put<std::uint32_t>(chunk_size / 1024);
  return out.take();
}

}  // namespace flashline::imaging::ffu
