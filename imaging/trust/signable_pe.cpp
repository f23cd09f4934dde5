// Where a program keeps its signature: in the attribute certificate table behind all sections.

#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/signed_message.h"
#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/trust/signable_file.h"

namespace flashline::imaging {
namespace {

constexpr std::uint32_t max_pe_at = 1024 * 1024;
constexpr std::size_t coff_size = 24;  ///< "PE\0\0" and the COFF header
constexpr std::size_t section_size = 40;
/// In the optional header.
constexpr std::size_t checksum_offset = 64;
constexpr std::size_t subsystem_offset = 68;
constexpr std::uint32_t certificate_entry = 4;

struct PeHeader {
  std::size_t optional_at = 0;
  std::uint16_t sections = 0;
  std::uint16_t subsystem = 0;
  std::uint16_t optional_size = 0;
  std::size_t entry_at = 0;  ///< of the certificate table's data directory
  std::uint32_t signature_at = 0, signature_size = 0;
};

Result<std::vector<std::byte>> read_part(BlockView& file, std::uint64_t at, std::uint64_t size, const char* what) {
  if (at + size > file.size().value)
    return fail(errc::truncated, fmt::format("{} goes past the end of the file", what));
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  FL_CHECK(file.read(ByteOffset{at}, bytes));
  return bytes;
}

Result<std::uint32_t> find_pe(BlockView& file) {
  FL_TRY(const std::vector<std::byte> dos, read_part(file, 0, 64, "the DOS header"));
  ByteReader in{dos};
  FL_TRY(const std::uint16_t magic, in.u16("the DOS signature"));
  if (magic != 0x5A4D) return fail(errc::pe_form, "it does not begin with MZ");
  FL_CHECK(in.take(58, "the DOS header"));
  FL_TRY(const std::uint32_t at, in.u32("e_lfanew"));
  if (at >= 4 && at % 2 == 0 && at <= max_pe_at) return at;
  return fail(errc::pe_form, fmt::format("its PE header is said to be at {:#x}", at));
}

Result<PeHeader> parse_coff(BlockView& file, std::uint32_t at) {
  FL_TRY(const std::vector<std::byte> coff, read_part(file, at, coff_size, "the COFF header"));
  ByteReader in{coff, ByteOffset{at}};
  PeHeader header{.optional_at = at + coff_size};
  FL_TRY(const std::uint32_t magic, in.u32("the PE signature"));
  if (magic != 0x00004550) return fail(errc::pe_form, "it has no PE header");
  FL_CHECK(in.u16("Machine"));
  FL_TRY(header.sections, in.u16("NumberOfSections"));
  FL_CHECK(in.take(12, "the COFF header"));
  FL_TRY(header.optional_size, in.u16("SizeOfOptionalHeader"));
  return header;
}

Status parse_optional(BlockView& file, PeHeader& header) {
  FL_TRY(const std::vector<std::byte> bytes,
         read_part(file, header.optional_at, header.optional_size, "the optional header"));
  ByteReader in{bytes, ByteOffset{header.optional_at}};
  FL_TRY(const std::uint16_t magic, in.u16("Magic"));
  if (magic != 0x10B && magic != 0x20B) return fail(errc::pe_form, fmt::format("neither PE32 nor PE32+: {:#x}", magic));
  const std::size_t count_at = magic == 0x20B ? 108 : 92;
  FL_CHECK(in.take(subsystem_offset - 2, "the optional header"));
  FL_TRY(header.subsystem, in.u16("Subsystem"));
  FL_CHECK(in.take(count_at - subsystem_offset - 2, "the optional header"));
  FL_TRY(const std::uint32_t directories, in.u32("NumberOfRvaAndSizes"));
  if (directories <= certificate_entry) return fail(errc::pe_form, "it has no place for a signature");
  FL_CHECK(in.take(std::size_t{8} * certificate_entry, "the data directories"));
  header.entry_at = static_cast<std::size_t>(in.position().value);
  FL_TRY(header.signature_at, in.u32("the certificate table's offset"));
  FL_TRY(header.signature_size, in.u32("the certificate table's size"));
  return {};
}

Status check_place(const PeHeader& header, ByteCount file) {
  if (header.signature_at == 0 && header.signature_size == 0) return {};
  const bool at_end = std::uint64_t{header.signature_at} + header.signature_size == file.value;
  if (!at_end || header.signature_at % 8 != 0 || header.signature_at < header.entry_at + 8 ||
      header.signature_size == 0) {
    return fail(errc::pe_form, "its certificate table is not the last thing in it");
  }
  if (header.signature_size <= max_catalog_size) return {};
  return fail(errc::pe_form, fmt::format("a signature of {} bytes", header.signature_size));
}

/// What is loaded must be covered: no section may reach into the signature.
Status check_sections(BlockView& file, const PeHeader& header, std::uint64_t end) {
  FL_TRY(const std::vector<std::byte> table, read_part(file, header.optional_at + header.optional_size,
                                                       section_size * header.sections, "the section table"));
  ByteReader in{table, ByteOffset{header.optional_at + header.optional_size}};
  for (std::uint16_t i = 0; i < header.sections; ++i) {
    FL_CHECK(in.take(16, "a section"));
    FL_TRY(const std::uint32_t size, in.u32("SizeOfRawData"));
    FL_TRY(const std::uint32_t at, in.u32("PointerToRawData"));
    FL_CHECK(in.take(16, "a section"));
    if (size != 0 && at != 0 && std::uint64_t{at} + size > end) {
      return fail(errc::pe_form, fmt::format("section {} goes past the end of the program", i + 1));
    }
  }
  return {};
}

}  // namespace

Result<bool> looks_like_pe(BlockView& file) {
  const auto at = find_pe(file);
  const auto header = at ? parse_coff(file, *at) : std::unexpected{at.error()};
  if (!header && header.error().code == errc::image_read) return std::unexpected{header.error()};
  return header.has_value();
}

Result<SignableFile> read_signable_pe(BlockView& file) {
  FL_TRY(const std::uint32_t at, find_pe(file));
  FL_TRY(PeHeader header, parse_coff(file, at));
  FL_CHECK(parse_optional(file, header));
  FL_CHECK(check_place(header, file.size()));
  const std::uint64_t end = header.signature_size != 0 ? header.signature_at : file.size().value;
  FL_CHECK(check_sections(file, header, end));
  const std::size_t head_size = header.entry_at + 8;
  const std::size_t checksum_at = header.optional_at + checksum_offset;
  SignableFile form{.kind = SignableFile::Kind::program,
                    .covered = {{0, checksum_at}, {checksum_at + 4, header.entry_at}},
                    .body_at = ByteOffset{head_size},
                    .body = ByteCount{end - head_size},
                    .padding = static_cast<std::uint32_t>((8 - end % 8) % 8),
                    .place_at = header.entry_at,
                    .checksum_at = checksum_at,
                    .subsystem = header.subsystem};
  FL_TRY(form.head, read_part(file, 0, head_size, "the header"));
  FL_TRY(form.signature, read_part(file, end, header.signature_size, "the certificate table"));
  return form;
}

}  // namespace flashline::imaging
