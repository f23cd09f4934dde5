#include "imaging/ffu/security_header.h"

#include <bit>
#include <string>
#include <string_view>

#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/image.h"
#include "imaging/ffu/byte_writer.h"
#include "imaging/ffu/limits.h"

namespace flashline::imaging::ffu {
namespace {

constexpr std::string_view signature = "SignedImage ";
constexpr std::uint32_t sha256_algorithm = 0x800C;  // CAPI's CALG_SHA_256
constexpr std::uint32_t digest_size = 32;

bool begins_with_signature(std::span<const std::byte> bytes) {
  return bytes.size() == signature.size() && std::ranges::equal(bytes, std::as_bytes(std::span{signature}));
}

Result<std::uint32_t> chunk_bytes(std::uint32_t kib) {
  if (std::has_single_bit(kib) && kib <= max_chunk / 1_KiB) return kib * 1024;
  return fail(errc::ffu_chunk_size, "chunk size is " + std::to_string(kib) + " KiB");
}

Status check_sizes(const SecurityHeader& header) {
  if (header.catalog_size == 0 || header.catalog_size > max_catalog) {
    return fail(errc::catalog_size, "catalog of " + std::to_string(header.catalog_size) + " bytes");
  }
  if (header.hash_table_size == 0 || header.hash_table_size % digest_size != 0 ||
      header.hash_table_size > max_hash_table) {
    return fail(errc::ffu_hash_table_size, "hash table of " + std::to_string(header.hash_table_size) + " bytes");
  }
  return {};
}

}  // namespace

ByteOffset SecurityHeader::image_offset() const {
  // Three 32-bit sizes: cannot overflow.
  return ByteOffset{*align_up(length + std::uint64_t{catalog_size} + hash_table_size, chunk_size)};
}

Result<SecurityHeader> parse_security_header(std::span<const std::byte> bytes) {
  ByteReader in{bytes};
  FL_TRY(const auto size, in.u32("size of the security header"));
  FL_TRY(const auto magic, in.take(signature.size(), "signature of the security header"));
  if (!begins_with_signature(magic)) return fail(errc::ffu_security_signature, "no \"SignedImage \" at offset 4");
  if (size != SecurityHeader::length) {
    return fail(errc::ffu_security_size, "security header of " + std::to_string(size) + " bytes");
  }
  SecurityHeader header;
  FL_TRY(const auto kib, in.u32("chunk size"));
  FL_TRY(header.chunk_size, chunk_bytes(kib));
  FL_TRY(const auto algorithm, in.u32("hash algorithm"));
  if (algorithm != sha256_algorithm) {
    return fail(errc::ffu_hash_algorithm, "hash algorithm id " + std::to_string(algorithm) + " instead of 32780");
  }
  FL_TRY(header.catalog_size, in.u32("catalog size"));
  FL_TRY(header.hash_table_size, in.u32("hash table size"));
  FL_CHECK(check_sizes(header));
  return header;
}

std::vector<std::byte> build_security_header(const SecurityHeader& header) {
  ByteWriter out;
  out.put<std::uint32_t>(SecurityHeader::length);
  out.text(signature);
  out.put<std::uint32_t>(header.chunk_size / 1024);
  out.put<std::uint32_t>(sha256_algorithm);
  out.put<std::uint32_t>(header.catalog_size);
  out.put<std::uint32_t>(header.hash_table_size);
  return out.take();
}

bool looks_like_ffu(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 + signature.size() && begins_with_signature(bytes.subspan(4, signature.size()));
}

}  // namespace flashline::imaging::ffu
