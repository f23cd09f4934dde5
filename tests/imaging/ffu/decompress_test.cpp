#include "imaging/ffu/compression/decompress.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>
#include <wimlib.h>

#include "imaging/core/errors/image.h"
#include "tests/fakes/ffu_builder.h"

namespace flashline::imaging::ffu {
namespace {

using fakes::Bytes;

Bytes from_hex(std::string_view text) {
  Bytes out;
  std::string digits;
  for (const char c : text) {
    if (c != ' ') digits.push_back(c);
    if (digits.size() < 2) continue;
    out.push_back(static_cast<std::byte>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return out;
}

Bytes text_bytes(std::string_view text) {
  Bytes out;
  fakes::put_text(out, text);
  return out;
}

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

using Decoder = Status (*)(std::span<const std::byte>, std::span<std::byte>);

/// Examples printed in MS-XCA, section 3.
struct Example {
  const char* name;
  Decoder decode;
  std::string plain;
  Bytes packed;
};

/// 256 bytes of code lengths, zero but for those of the letters, of the end mark and of one match.
Bytes huffman_table(std::string_view letters, std::byte end_mark, std::byte match_of_three) {
  Bytes table(256);
  std::ranges::copy(from_hex(letters), table.begin() + 48);
  table[128] = end_mark;
  table[143] = match_of_three;
  return table;
}

Bytes joined(Bytes first, const Bytes& second) {
  fakes::put_bytes(first, second);
  return first;
}

const std::string tune =
    "F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G F# E D E A F# "
    "F# G A A G F# E D D E F# E D D";

std::vector<Example> examples() {
  return {
      {"lznt1_tune", decompress_lznt1, tune + std::string(1, '\0'),
       from_hex("38 b0 88 46 23 20 00 20 47 20 41 00 10 a2 47 01 a0 45 20 44 00 08 45 01 50 79 00 c0 45 20 05 24 13 88 "
                "05 b4 02 4a 44 ef 03 58 02 8c 09 16 01 48 45 00 be 00 9e 00 04 01 18 90 00")},
      {"xpress_alphabet", decompress_xpress, "abcdefghijklmnopqrstuvwxyz",
       joined(from_hex("3f 00 00 00"), text_bytes("abcdefghijklmnopqrstuvwxyz"))},
      {"xpress_abc", decompress_xpress, repeated("abc", 100), from_hex("ff ff ff 1f 61 62 63 17 00 0f ff 26 01")},
      {"xpress_huffman_alphabet", decompress_xpress_huffman, "abcdefghijklmnopqrstuvwxyz",
       joined(huffman_table("50 55 55 55 55 55 55 55 55 55 55 45 44 04", std::byte{0x04}, std::byte{0}),
              from_hex("d8 52 3e d7 94 11 5b e9 19 5f f9 d6 7c df 8d 04 00 00 00 00"))},
      {"xpress_huffman_abc", decompress_xpress_huffman, repeated("abc", 100),
       joined(huffman_table("30 23", std::byte{0x02}, std::byte{0x20}), from_hex("a8 dc 00 00 ff 26 01"))},
  };
}

TEST(Decompress, TheExamplesOfItsDescription) {
  for (const auto& example : examples()) {
    Bytes out(example.plain.size());
    const auto done = example.decode(example.packed, out);
    EXPECT_TRUE(done) << example.name << ": " << (done ? "" : done.error().detail);
    EXPECT_EQ(out, text_bytes(example.plain)) << example.name;
  }
}

/// However it is cut, the data either gives what it gave before (what was cut off was not needed) or an error.
TEST(Decompress, CutDataIsRefused) {
  for (const auto& example : examples()) {
    for (std::size_t size = 0; size + 5 < example.packed.size(); ++size) {
      Bytes out(example.plain.size());
      const auto done = example.decode(std::span{example.packed}.first(size), out);
      if (done) {
        EXPECT_EQ(out, text_bytes(example.plain)) << example.name << " cut to " << size;
      } else {
        EXPECT_EQ(done.error().code, errc::ffu_decompress) << example.name << " cut to " << size;
      }
    }
  }
}

struct Broken {
  const char* name;
  Decoder decode;
  const char* packed;
};

TEST(Decompress, NonsenseIsRefused) {
  constexpr Broken rows[] = {
      {"lznt1: a match before any output", decompress_lznt1, "02 b0 01 00 00"},
      {"lznt1: a distance before the chunk", decompress_lznt1, "04 b0 02 61 00 f0 00"},
      {"lznt1: half a match", decompress_lznt1, "02 b0 02 61 00"},
      {"lznt1: no chunk", decompress_lznt1, "00 00 00 00"},
      {"lznt1: a chunk longer than the data", decompress_lznt1, "ff bf 00 00"},
      {"lznt1: a short chunk that is not the last", decompress_lznt1, "00 30 61 00 30 61"},
      {"xpress: a match before any output", decompress_xpress, "00 00 00 80 00 00"},
      {"xpress: a distance before the output", decompress_xpress, "00 00 00 40 61 08 00"},
      {"xpress: a length in too long a form", decompress_xpress, "00 00 00 40 61 07 00 0f ff 05 00"},
      {"xpress: a length of 4 GiB", decompress_xpress, "00 00 00 40 61 07 00 0f ff 00 00 ff ff ff ff"},
      {"xpress: a copy past the end", decompress_xpress, "00 00 00 40 61 06 00"},
      {"huffman: no codes at all", decompress_xpress_huffman, ""},
  };
  for (const auto& row : rows) {
    Bytes out(8);
    Bytes packed = from_hex(row.packed);
    if (row.decode == decompress_xpress_huffman) packed.resize(300);
    const auto done = row.decode(packed, out);
    ASSERT_FALSE(done) << row.name;
    EXPECT_EQ(done.error().code, errc::ffu_decompress) << row.name;
  }
}

TEST(Decompress, LznTakesStoredChunksAndSeveralChunks) {
  Bytes plain;
  Bytes packed;
  for (unsigned chunk = 0; chunk < 3; ++chunk) {
    const std::size_t size = chunk == 2 ? 100 : 4096;
    const Bytes block = fakes::fake_block(chunk, size);
    fakes::put_bytes(plain, block);
    fakes::put_number<std::uint16_t>(packed, static_cast<std::uint16_t>(0x3000 + size - 1));
    fakes::put_bytes(packed, block);
  }
  Bytes out(plain.size());
  ASSERT_TRUE(decompress_lznt1(packed, out));
  EXPECT_EQ(out, plain);
}

/// wimlib's "XPRESS" is the variant with Huffman codes, 64 KiB at most in one piece. Empty: it found nothing to save.
Bytes packed_by_wimlib(std::span<const std::byte> plain, unsigned level) {
  wimlib_compressor* compressor = nullptr;
  Bytes out(plain.size());
  if (wimlib_create_compressor(WIMLIB_COMPRESSION_TYPE_XPRESS, plain.size(), level, &compressor) != 0) return {};
  out.resize(wimlib_compress(plain.data(), plain.size(), out.data(), out.size(), compressor));
  wimlib_free_compressor(compressor);
  return out;
}

/// Text-like, with matches near and far.
Bytes sample(std::size_t size, std::uint32_t seed) {
  Bytes out;
  std::uint32_t state = seed;
  const auto next = [&state] { return state = state * 1664525U + 1013904223U, state >> 16U; };
  while (out.size() < size) {
    const bool copy = out.size() > 100 && next() % 3 != 0;
    const std::size_t length = copy ? 3 + next() % (next() % 20 == 0 ? 2000 : 30) : 1 + next() % 8;
    const std::size_t from = copy ? next() % (out.size() - 1) : 0;
    for (std::size_t i = 0; i < length && out.size() < size; ++i) {
      out.push_back(copy ? out[from + i] : static_cast<std::byte>('a' + next() % 40));
    }
  }
  return out;
}

TEST(Decompress, WhatWimlibPacked) {
  for (const unsigned level : {20U, 50U, 100U}) {
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
      const Bytes plain = sample(seed % 4 == 0 ? 65536 : 1000 + seed * 997, seed);
      const Bytes packed = packed_by_wimlib(plain, level);
      ASSERT_FALSE(packed.empty());
      Bytes out(plain.size());
      const auto done = decompress_xpress_huffman(packed, out);
      ASSERT_TRUE(done) << done.error().detail;
      ASSERT_EQ(out, plain) << "level " << level << " seed " << seed;
    }
  }
}

/// Codes of nine bits for each symbol, so that a symbol is its own code: literals, and matches of three bytes one back.
Bytes packed_with_flat_codes(const Bytes& plain) {
  Bytes out(256, std::byte{0x99});
  std::uint32_t bits = 0;
  unsigned count = 0;
  const auto put = [&](unsigned symbol) {
    bits = bits << 9U | symbol;
    for (count += 9; count >= 16; count -= 16) {
      fakes::put_number<std::uint16_t>(out, static_cast<std::uint16_t>(bits >> (count - 16)));
    }
  };
  for (std::size_t i = 0; i < plain.size();) {
    const bool match = i > 0 && i + 3 <= plain.size() && plain[i] == plain[i - 1] && plain[i + 1] == plain[i - 1] &&
                       plain[i + 2] == plain[i - 1];
    put(match ? 256 : std::to_integer<unsigned>(plain[i]));
    i += match ? 3 : 1;
  }
  if (count > 0) fakes::put_number<std::uint16_t>(out, static_cast<std::uint16_t>(bits << (16 - count)));
  fakes::put_number<std::uint16_t>(out, 0);  // a decoder is one word ahead
  return out;
}

/// A block of 128 KiB is two pieces of 64 KiB, each with its own table, back to back.
TEST(Decompress, TwoHuffmanTables) {
  for (const std::uint32_t seed : {5U, 6U, 7U}) {
    const Bytes first = sample(65536, seed);
    const Bytes second = sample(65536, seed + 100);
    Bytes out(131072);
    const auto done =
        decompress_xpress_huffman(joined(packed_with_flat_codes(first), packed_with_flat_codes(second)), out);
    ASSERT_TRUE(done) << done.error().detail;
    EXPECT_EQ(out, joined(first, second));
  }
}

}  // namespace
}  // namespace flashline::imaging::ffu
