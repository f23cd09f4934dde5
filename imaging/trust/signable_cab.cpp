// Where a cabinet keeps its signature: behind its end, named by a header reserve of 20 bytes.

#include <algorithm>
#include <span>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/signed_message.h"
#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/little_endian.h"
#include "imaging/trust/signable_file.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t fixed_size = 36;
constexpr std::size_t reserve_size = 20;
/// Fixed part, the three sizes of reserves, the reserve itself: where folders begin in a signed cabinet.
constexpr std::size_t signed_fixed_size = fixed_size + 4 + reserve_size;
constexpr std::size_t signature_field = 44;
constexpr std::uint32_t reserve_mark = 0x00100000;
constexpr std::uint16_t reserve_flag = 4;

struct CabHeader {
  std::uint32_t size = 0;
  std::uint32_t files_at = 0;
  std::uint16_t folders = 0;
  std::uint16_t flags = 0;
  std::uint16_t index = 0;
  std::uint16_t reserve = 0;  ///< bytes of the header's reserve
  std::size_t folders_at = fixed_size;
  std::uint32_t mark = 0, signature_at = 0, signature_size = 0, unused = 0;  ///< of a reserve of 20 bytes
  std::size_t end() const { return folders_at + std::size_t{8} * folders; }
};

Result<CabHeader> parse_fixed(ByteReader& in) {
  CabHeader header;
  FL_TRY(const std::uint32_t magic, in.u32("the cabinet's signature"));
  if (magic != 0x4643534D) return fail(errc::cab_form, "it does not begin with MSCF");
  FL_TRY(const std::uint32_t reserved, in.u32("reserved1"));
  FL_TRY(header.size, in.u32("cbCabinet"));
  FL_CHECK(in.u32("reserved2"));
  FL_TRY(header.files_at, in.u32("coffFiles"));
  FL_CHECK(in.u32("reserved3"));
  FL_TRY(const std::uint16_t version, in.u16("the version"));
  FL_TRY(header.folders, in.u16("cFolders"));
  FL_CHECK(in.u16("cFiles"));
  FL_TRY(header.flags, in.u16("flags"));
  FL_CHECK(in.u16("setID"));
  FL_TRY(header.index, in.u16("iCabinet"));
  if (version != 0x0103) return fail(errc::cab_form, fmt::format("version {:#06x}, not 1.3", version));
  // No signature covers these two, so they may not say anything.
  if (reserved != 0) return fail(errc::cab_form, "reserved1 is not zero");
  if ((header.flags & ~reserve_flag) != 0 || header.index != 0) {
    return fail(errc::cab_form, "it is one of a set of cabinets");
  }
  return header;
}

Status parse_reserve(ByteReader& in, CabHeader& header) {
  FL_TRY(header.reserve, in.u16("cbCFHeader"));
  FL_TRY(const std::uint16_t other, in.u16("cbCFFolder and cbCFData"));
  if (other != 0) return fail(errc::cab_form, "its folders or data blocks have reserved areas");
  header.folders_at = fixed_size + 4 + header.reserve;
  if (header.reserve != reserve_size) return {};
  FL_TRY(header.mark, in.u32("the reserve's mark"));
  FL_TRY(header.signature_at, in.u32("the signature's offset"));
  FL_TRY(header.signature_size, in.u32("the signature's size"));
  FL_TRY(header.unused, in.u32("the reserve"));
  return {};
}

Status check(const CabHeader& header, ByteCount file) {
  const bool is_signed = header.signature_size != 0 || header.signature_at != 0;
  if (header.end() > header.files_at || header.files_at > header.size) {
    return fail(errc::cab_form, "its header does not fit into it");
  }
  if (!is_signed && header.size != file.value) {
    return fail(errc::cab_form, fmt::format("the file has {} bytes, its header says {}", file.value, header.size));
  }
  if (!is_signed) return {};
  const bool placed = header.signature_at == header.size && header.signature_size != 0 &&
                      std::uint64_t{header.signature_at} + header.signature_size == file.value;
  if (header.mark != reserve_mark || header.unused != 0 || !placed) {
    return fail(errc::cab_form, "its header does not say where the signature is");
  }
  if (header.signature_size <= max_catalog_size) return {};
  return fail(errc::cab_form, fmt::format("a signature of {} bytes", header.signature_size));
}

/// The header as a signed cabinet has it: with a reserve, and with offsets that are `moved` further behind.
std::vector<std::byte> signed_head(std::span<const std::byte> old, const CabHeader& header, std::uint32_t moved) {
  std::vector<std::byte> head(old.begin(), old.begin() + fixed_size);
  store32(std::span{head}.subspan(8), header.size + moved);
  store32(std::span{head}.subspan(16), header.files_at + moved);
  head[30] |= static_cast<std::byte>(reserve_flag);
  head.resize(signed_fixed_size);
  head[36] = static_cast<std::byte>(reserve_size);
  store32(std::span{head}.subspan(40), reserve_mark);
  store32(std::span{head}.subspan(signature_field), header.signature_at);
  store32(std::span{head}.subspan(signature_field + 4), header.signature_size);
  if (header.reserve == reserve_size) std::ranges::copy(old.subspan(56, 4), head.begin() + 56);
  head.insert(head.end(), old.begin() + static_cast<std::ptrdiff_t>(header.folders_at),
              old.begin() + static_cast<std::ptrdiff_t>(header.end()));
  for (std::size_t at = signed_fixed_size; at < head.size(); at += 8)
    store32(std::span{head}.subspan(at), load32(std::span{head}.subspan(at)) + moved);
  return head;
}

Result<std::vector<std::byte>> read_header(BlockView& file) {
  constexpr std::size_t largest = fixed_size + 4 + 65535 + std::size_t{8} * 65535;
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(largest, file.size().value)));
  FL_CHECK(file.read(ByteOffset{0}, bytes));
  return bytes;
}

}  // namespace

Result<SignableFile> read_signable_cab(BlockView& file) {
  FL_TRY(const std::vector<std::byte> bytes, read_header(file));
  ByteReader in{bytes};
  FL_TRY(CabHeader header, parse_fixed(in));
  if ((header.flags & reserve_flag) != 0) FL_CHECK(parse_reserve(in, header));
  if (header.end() > bytes.size()) return fail(errc::cab_form, "its folders go past its end");
  FL_CHECK(check(header, file.size()));
  const auto moved = static_cast<std::int64_t>(signed_fixed_size) - static_cast<std::int64_t>(header.folders_at);
  if (header.size + moved > UINT32_MAX) return fail(errc::cab_form, "no room for a signature below 4 GiB");
  SignableFile form{.kind = SignableFile::Kind::cabinet,
                    // Two's complement: adding it also moves back, when a larger reserve goes.
                    .head = signed_head(bytes, header, static_cast<std::uint32_t>(moved)),
                    .body_at = ByteOffset{header.end()},
                    .body = ByteCount{header.size - header.end()},
                    .place_at = signature_field};
  // iCabinet, the sizes of reserves and the signature's place are left out; check() knows what they say.
  form.covered = {{0, 4}, {8, 34}, {56, form.head.size()}};
  form.signature.resize(header.signature_size);
  FL_CHECK(file.read(ByteOffset{header.signature_at}, form.signature));
  return form;
}

}  // namespace flashline::imaging
