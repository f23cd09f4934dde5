#pragma once
// The smallest files that Authenticode signs: a cabinet and programs, built field by field so that tests can spoil
// each.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace flashline::fakes {

using FileBytes = std::vector<std::byte>;

inline void put(FileBytes& bytes, std::size_t at, std::uint64_t value, std::size_t width) {
  if (bytes.size() < at + width) bytes.resize(at + width);
  for (std::size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
}

/// An uncompressed cabinet with a folder for each file, since offsets of folders move when it is signed.
inline FileBytes small_cab(const std::vector<std::string_view>& contents = {"first", "the second"}) {
  const std::size_t count = contents.size();
  const std::size_t files_at = 36 + 8 * count;
  FileBytes cab(files_at);
  put(cab, 0, 0x4643534D, 4);
  put(cab, 16, files_at, 4);
  put(cab, 24, 0x0103, 2);
  put(cab, 26, count, 2);
  put(cab, 28, count, 2);
  for (std::size_t i = 0; i < count; ++i) {  // CFFILE: size, offset, folder, date, time, attributes, name
    const std::size_t at = cab.size();
    put(cab, at, contents[i].size(), 4);
    put(cab, at + 8, i, 2);
    put(cab, at + 10, 0x5C21, 2);
    put(cab, at + 14, 0x20, 2);
    put(cab, at + 16, static_cast<std::uint64_t>('a') + i, 1);
    put(cab, at + 17, 0, 1);
  }
  for (std::size_t i = 0; i < count; ++i) {  // CFDATA: no checksum, packed and unpacked size
    const std::size_t at = cab.size();
    put(cab, 36 + 8 * i, at, 4);
    put(cab, 36 + 8 * i + 4, 1, 2);
    put(cab, at, 0, 4);
    put(cab, at + 4, contents[i].size(), 2);
    put(cab, at + 6, contents[i].size(), 2);
    for (const char letter : contents[i]) cab.push_back(static_cast<std::byte>(letter));
  }
  put(cab, 8, cab.size(), 4);
  return cab;
}

/// A program with one section and `tail` bytes behind it (debug data and the like); not meant to run.
inline FileBytes small_pe(bool plus = true, std::size_t tail = 0) {
  constexpr std::size_t pe = 0x80;
  const std::size_t optional_size = plus ? 240 : 224;
  const std::size_t sections_at = pe + 24 + optional_size;
  FileBytes file(0x400 + tail, std::byte{0x33});
  for (std::size_t i = 0; i < 0x200; ++i) file[i] = {};
  put(file, 0, 0x5A4D, 2);
  put(file, 60, pe, 4);
  put(file, pe, 0x00004550, 4);
  put(file, pe + 4, plus ? 0x8664 : 0x14C, 2);
  put(file, pe + 6, 1, 2);
  put(file, pe + 20, optional_size, 2);
  put(file, pe + 22, 0x2022, 2);
  put(file, pe + 24, plus ? 0x20B : 0x10B, 2);
  put(file, pe + 24 + 32, 0x1000, 4);
  put(file, pe + 24 + 36, 0x200, 4);
  put(file, pe + 24 + 56, 0x2000, 4);
  put(file, pe + 24 + 60, 0x200, 4);
  put(file, pe + 24 + (plus ? 108 : 92), 16, 4);
  put(file, sections_at, 0x747865742E, 8);  // ".text"
  put(file, sections_at + 8, 0x200, 4);
  put(file, sections_at + 12, 0x1000, 4);
  put(file, sections_at + 16, 0x200, 4);
  put(file, sections_at + 20, 0x200, 4);
  return file;
}

/// Offset of the data directory that names the certificate table of small_pe().
inline std::size_t certificate_entry_of(bool plus) { return 0x80 + 24 + (plus ? 112U : 96U) + 32; }

}  // namespace flashline::fakes
