#include "imaging/package/cab_structure.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/units.h"
#include "imaging/ffu/byte_writer.h"

namespace flashline::imaging::cab {
namespace {

constexpr std::uint32_t signature = 0x4643534D;  // "MSCF"
constexpr std::size_t fixed_header = 36, folder_size = 8, entry_size = 16, reserve_sizes = 4;
constexpr std::uint16_t has_previous = 1, has_next = 2, has_reserve = 4;
constexpr std::size_t max_reserve = 60000;
constexpr std::size_t block_header = 8;
/// More no packed block holds (MS-CAB: 32768 bytes and what packing may add).
constexpr std::size_t max_packed_block = block_size + 6144;

/// The fields of CFHEADER that are not fixed.
struct Header {
  std::uint32_t size = 0;
  std::uint32_t first_entry = 0;
  std::uint16_t folders = 0, entries = 0, flags = 0;
};

std::unexpected<Error> damaged(const std::string& what) { return fail(errc::cab_damaged, what); }
std::unexpected<Error> wrong(const std::string& what) { return fail(errc::cab_structure, what); }

/// A cabinet that ends too early is a damaged cabinet, whatever field it ends in.
template <class T>
Result<T> in_cab(Result<T> result) {
  if (!result && result.error().code == errc::truncated) return damaged(result.error().detail);
  return result;
}

Result<Header> read_header(ByteReader& in) {
  Header header;
  FL_TRY(const std::uint32_t magic, in.u32("signature"));
  if (magic != signature) return damaged("it does not begin with MSCF");
  FL_TRY(std::ignore, in.u32("reserved1"));
  FL_TRY(header.size, in.u32("cbCabinet"));
  FL_TRY(std::ignore, in.u32("reserved2"));
  FL_TRY(header.first_entry, in.u32("coffFiles"));
  FL_TRY(std::ignore, in.u32("reserved3"));
  FL_TRY(std::ignore, in.u16("version"));
  FL_TRY(header.folders, in.u16("cFolders"));
  FL_TRY(header.entries, in.u16("cFiles"));
  FL_TRY(header.flags, in.u16("flags"));
  FL_TRY(std::ignore, in.u16("setID"));
  FL_TRY(std::ignore, in.u16("iCabinet"));
  return header;
}

Result<std::vector<std::byte>> read_reserve(ByteReader& in, const Header& header) {
  if ((header.flags & has_reserve) == 0) return std::vector<std::byte>{};
  FL_TRY(const std::uint16_t size, in.u16("cbCFHeader"));
  FL_TRY(const std::uint16_t others, in.u16("cbCFFolder and cbCFData"));
  if (others != 0) return damaged("it reserves room in folders or blocks");
  if (size == 0 || size > max_reserve) return damaged(fmt::format("its header reserves {} bytes", size));
  FL_TRY(const auto bytes, in.take(size, "abReserve"));
  return std::vector<std::byte>{bytes.begin(), bytes.end()};
}

Result<Folder> read_folder(ByteReader& in) {
  Folder folder;
  FL_TRY(folder.first_block, in.u32("coffCabStart"));
  FL_TRY(folder.blocks, in.u16("cCFData"));
  FL_TRY(folder.packing, in.u16("typeCompress"));
  return folder;
}

Result<std::string> read_name(ByteReader& in) {
  std::string name;
  for (;;) {
    FL_TRY(const std::uint8_t letter, in.u8("szName"));
    if (letter == 0) return name;
    name.push_back(static_cast<char>(letter));
    if (name.size() > max_name_size) return damaged("a member's name is longer than 255 bytes");
  }
}

Result<Entry> read_entry(ByteReader& in) {
  Entry entry;
  FL_TRY(entry.size, in.u32("cbFile"));
  FL_TRY(entry.offset, in.u32("uoffFolderStart"));
  FL_TRY(entry.folder, in.u16("iFolder"));
  FL_TRY(entry.date, in.u16("date"));
  FL_TRY(entry.time, in.u16("time"));
  FL_TRY(entry.attributes, in.u16("attribs"));
  FL_TRY(entry.name, read_name(in));
  return entry;
}

Result<std::vector<std::byte>> bytes_at(BlockView& view, std::uint64_t at, std::uint64_t count, const char* what) {
  if (at > view.size().value || count > view.size().value - at) {
    return damaged(fmt::format("{} at offset {} needs {} bytes, the file has {}", what, at, count, view.size().value));
  }
  std::vector<std::byte> bytes(count);
  FL_CHECK(view.read(ByteOffset{at}, bytes));
  return bytes;
}

/// The most that the entries can take, or what is left of the file.
std::uint64_t entries_room(const Header& header, std::uint64_t file_size) {
  const std::uint64_t most = std::uint64_t{header.entries} * (entry_size + max_name_size + 1);
  return header.first_entry > file_size ? 0 : std::min(most, file_size - header.first_entry);
}

Result<Structure> parse(BlockView& view) {
  Structure structure;
  const std::uint64_t front = std::min<std::uint64_t>(view.size().value, fixed_header + reserve_sizes + max_reserve);
  FL_TRY(const auto front_bytes, bytes_at(view, 0, front, "header"));
  ByteReader in{front_bytes};
  FL_TRY(const Header header, read_header(in));
  if ((header.flags & (has_previous | has_next)) != 0) return fail(errc::cab_set, "it is one of several parts");
  structure.size = header.size;
  FL_TRY(structure.reserve, read_reserve(in, header));
  const std::uint64_t folders_at = in.position().value;
  FL_TRY(const auto folder_bytes, bytes_at(view, folders_at, std::uint64_t{header.folders} * folder_size, "CFFOLDER"));
  ByteReader folders{folder_bytes, ByteOffset{folders_at}};
  for (unsigned i = 0; i < header.folders; ++i) {
    FL_TRY(const Folder folder, read_folder(folders));
    structure.folders.push_back(folder);
  }
  FL_TRY(const auto entry_bytes, bytes_at(view, header.first_entry, entries_room(header, view.size().value), "CFFILE"));
  ByteReader entries{entry_bytes, ByteOffset{header.first_entry}};
  for (unsigned i = 0; i < header.entries; ++i) {
    FL_TRY(Entry entry, read_entry(entries));
    structure.entries.push_back(std::move(entry));
  }
  return structure;
}

Status check_packing(const Folder& folder) {
  const unsigned window = folder.packing >> 8;
  const bool good = folder.packing == stored || folder.packing == mszip ||
                    ((folder.packing & 0xFF) == lzx && window >= 15 && window <= 21);
  if (!good) return wrong(fmt::format("typeCompress is 0x{:04x}", folder.packing));
  return {};
}

/// Members follow each other without gaps, folder by folder. Gives the size of each unpacked folder.
Result<std::vector<std::uint64_t>> folder_sizes(const Structure& structure) {
  std::vector<std::uint64_t> sizes(structure.folders.size());
  std::size_t current = 0;
  for (const Entry& entry : structure.entries) {
    const bool next = current + 1 == entry.folder && entry.folder < sizes.size() && sizes[current] > 0;
    if (entry.folder != current && !next) return wrong(fmt::format("{}: iFolder is {}", entry.name, entry.folder));
    current = entry.folder;
    if (current >= sizes.size() || entry.offset != sizes[current]) {
      return wrong(fmt::format("{}: uoffFolderStart is {}", entry.name, entry.offset));
    }
    sizes[current] += entry.size;
  }
  if (!sizes.empty() && (current + 1 != sizes.size() || sizes[current] == 0)) return wrong("a folder has no members");
  return sizes;
}

/// Nothing vouches for times and attributes but that all are alike.
Status check_alike(const Structure& structure) {
  if (structure.entries.empty()) return wrong("it has no members");
  const Entry& first = structure.entries.front();
  for (const Entry& entry : structure.entries) {
    const bool ascii = std::ranges::all_of(entry.name, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    const auto flags = static_cast<std::uint16_t>(first.attributes & ~name_is_utf8) | (ascii ? 0U : name_is_utf8);
    if (entry.date != first.date || entry.time != first.time || entry.attributes != flags) {
      return wrong(fmt::format("{}: date, time or attributes are not those of the other members", entry.name));
    }
  }
  return {};
}

Result<std::uint64_t> check_block(BlockView& view, std::uint64_t at, std::uint64_t unpacked) {
  FL_TRY(const auto head, bytes_at(view, at, block_header, "CFDATA"));
  ByteReader in{head, ByteOffset{at}};
  FL_TRY(const std::uint32_t checksum, in.u32("csum"));
  FL_TRY(const std::uint16_t packed_size, in.u16("cbData"));
  FL_TRY(const std::uint16_t unpacked_size, in.u16("cbUncomp"));
  if (unpacked_size != unpacked || packed_size == 0 || packed_size > max_packed_block) {
    return wrong(fmt::format("the block at offset {} has sizes {} and {}", at, packed_size, unpacked_size));
  }
  FL_TRY(const auto packed, bytes_at(view, at + block_header, packed_size, "CFDATA"));
  if (checksum != block_checksum(packed, unpacked_size)) {
    return wrong(fmt::format("the block at offset {} does not have its checksum", at));
  }
  return at + block_header + packed_size;
}

/// Gives where the folder's blocks end.
Result<std::uint64_t> check_blocks(BlockView& view, const Folder& folder, std::uint64_t size) {
  if (folder.blocks != (size + block_size - 1) / block_size) {
    return wrong(fmt::format("a folder of {} bytes has {} blocks", size, folder.blocks));
  }
  std::uint64_t at = folder.first_block;
  for (std::uint64_t left = size; left > 0; left -= std::min<std::uint64_t>(left, block_size)) {
    FL_TRY(at, check_block(view, at, std::min<std::uint64_t>(left, block_size)));
  }
  return at;
}

/// What stands in a reserve of 20 bytes (as signing tools make it): where the signature is.
/// Behind the cabinet there is that signature or nothing.
Status check_tail(const Structure& structure, std::uint64_t file_size) {
  if (structure.reserve.empty()) {
    if (file_size != structure.size)
      return wrong(fmt::format("cbCabinet is {}, the file has {} bytes", structure.size, file_size));
    return {};
  }
  ByteReader in{structure.reserve};
  constexpr std::uint32_t mark = 0x00100000;
  const auto first = in.u32("mark");
  const auto at = in.u32("offset of the signature");
  const auto size = in.u32("size of the signature");
  const auto rest = in.u64("rest of the reserve");
  const bool form = first && at && size && rest && in.left() == 0 && *first == mark && *rest == 0;
  const bool none = form && *at == 0 && *size == 0 && file_size == structure.size;
  const bool signature_follows = form && *at == structure.size && *size > 0 && file_size - *at == *size;
  if (!none && !signature_follows) return wrong("the reserved area of the header does not say where the signature is");
  return {};
}

bool is_signed(const Structure& structure, std::uint64_t file_size) { return file_size > structure.size; }

}  // namespace

std::size_t header_size(const Structure& structure) {
  std::size_t size = fixed_header + structure.folders.size() * folder_size;
  if (!structure.reserve.empty()) size += reserve_sizes + structure.reserve.size();
  for (const Entry& entry : structure.entries) size += entry_size + entry.name.size() + 1;
  return size;
}

std::vector<std::byte> header_of(const Structure& structure) {
  ffu::ByteWriter out;
  const bool reserve = !structure.reserve.empty();
  const std::size_t folders_at = fixed_header + (reserve ? reserve_sizes + structure.reserve.size() : 0);
  out.put<std::uint32_t>(signature);
  out.put<std::uint32_t>(0);
  out.put<std::uint32_t>(structure.size);
  out.put<std::uint32_t>(0);
  out.put<std::uint32_t>(static_cast<std::uint32_t>(folders_at + structure.folders.size() * folder_size));
  out.put<std::uint32_t>(0);
  out.put<std::uint16_t>(0x0103);  // version 1.3
  out.put<std::uint16_t>(static_cast<std::uint16_t>(structure.folders.size()));
  out.put<std::uint16_t>(static_cast<std::uint16_t>(structure.entries.size()));
  out.put<std::uint16_t>(reserve ? has_reserve : 0);
  out.put<std::uint32_t>(0);  // set and number in it
  if (reserve) {
    out.put<std::uint16_t>(static_cast<std::uint16_t>(structure.reserve.size()));
    out.put<std::uint16_t>(0);
    out.bytes(structure.reserve);
  }
  for (const Folder& folder : structure.folders) {
    out.put<std::uint32_t>(folder.first_block);
    out.put<std::uint16_t>(folder.blocks);
    out.put<std::uint16_t>(folder.packing);
  }
  for (const Entry& entry : structure.entries) {
    out.put<std::uint32_t>(entry.size);
    out.put<std::uint32_t>(entry.offset);
    out.put<std::uint16_t>(entry.folder);
    out.put<std::uint16_t>(entry.date);
    out.put<std::uint16_t>(entry.time);
    out.put<std::uint16_t>(entry.attributes);
    out.text(entry.name);
    out.zeros(1);
  }
  return out.take();
}

Result<Structure> read_structure(BlockView& view) { return in_cab(parse(view)); }

std::uint32_t block_checksum(std::span<const std::byte> packed, std::uint16_t unpacked_size) {
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(packed[i]); };
  std::uint32_t sum = static_cast<std::uint32_t>(packed.size()) | static_cast<std::uint32_t>(unpacked_size) << 16;
  const std::size_t whole = packed.size() / 4 * 4;
  for (std::size_t i = 0; i < whole; i += 4) sum ^= at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
  // The rest is taken the other way round: the first byte left is the highest.
  std::uint32_t rest = 0;
  for (std::size_t i = whole; i < packed.size(); ++i) rest = rest << 8 | at(i);
  return sum ^ rest;
}

Status check_structure(BlockView& view) {
  FL_TRY(const Structure structure, read_structure(view));
  const std::vector<std::byte> header = header_of(structure);
  FL_TRY(const auto there, bytes_at(view, 0, header.size(), "header"));
  const auto [own, other] = std::ranges::mismatch(header, there);
  if (own != header.end()) {
    return wrong(fmt::format("the byte at offset {} of its header is not what the format says", own - header.begin()));
  }
  FL_TRY(const auto sizes, folder_sizes(structure));
  std::uint64_t at = header.size();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const Folder& folder = structure.folders[i];
    FL_CHECK(check_packing(folder));
    if (folder.first_block != at)
      return wrong(fmt::format("folder {}: coffCabStart is {}, not {}", i, folder.first_block, at));
    FL_TRY(at, check_blocks(view, folder, sizes[i]));
  }
  if (at != structure.size) return wrong(fmt::format("cbCabinet is {}, the blocks end at {}", structure.size, at));
  FL_CHECK(check_tail(structure, view.size().value));
  return is_signed(structure, view.size().value) ? Status{} : check_alike(structure);
}

}  // namespace flashline::imaging::cab
