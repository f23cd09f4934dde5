#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/compression/decompress.h"
#include "imaging/ffu/compression/lz_output.h"

namespace flashline::imaging::ffu {
namespace {

constexpr std::size_t chunk_size = 4096;

std::unexpected<Error> wrong(const char* what, std::size_t at) {
  return fail(errc::ffu_decompress, std::string{"LZNT1: "} + what + " at output byte " + std::to_string(at));
}

unsigned u16_at(std::span<const std::byte> in, std::size_t at) {
  return std::to_integer<unsigned>(in[at]) | (std::to_integer<unsigned>(in[at + 1]) << 8U);
}

/// How many of a match's 16 bits are its length: the further into the chunk, the more bits a distance needs.
unsigned length_bits(std::size_t position) {
  const auto needed = static_cast<unsigned>(std::bit_width(position - 1));
  return 16 - std::clamp(needed, 4U, 12U);
}

/// The tokens of one compressed chunk.
Status unpack_chunk(std::span<const std::byte> in, LzOutput& out) {
  const std::size_t start = out.size();
  std::size_t at = 0;
  while (at < in.size()) {
    const unsigned flags = std::to_integer<unsigned>(in[at++]);
    for (unsigned bit = 0; bit < 8 && at < in.size(); ++bit) {
      if (((flags >> bit) & 1U) == 0) {
        if (!out.literal(in[at++])) return wrong("too much output", out.size());
        continue;
      }
      const std::size_t position = out.size() - start;
      if (in.size() - at < 2 || position == 0) return wrong("a broken match", out.size());
      const unsigned token = u16_at(in, at);
      at += 2;
      const unsigned bits = length_bits(position);
      if (!out.copy((token >> bits) + 1, (token & ((1U << bits) - 1)) + 3, start)) {
        return wrong("a match out of bounds", out.size());
      }
    }
  }
  if (out.size() - start > chunk_size) return wrong("a chunk longer than 4096 bytes", out.size());
  return {};
}

Status store_chunk(std::span<const std::byte> in, LzOutput& out) {
  for (const std::byte b : in) {
    if (!out.literal(b)) return wrong("too much output", out.size());
  }
  return {};
}

}  // namespace

Status decompress_lznt1(std::span<const std::byte> in, std::span<std::byte> out) {
  LzOutput filled{out};
  while (!filled.full()) {
    // Every chunk but the last one of a buffer gives 4096 bytes.
    if (filled.size() % chunk_size != 0 || in.size() < 2) return wrong("the data ends early", filled.size());
    const unsigned header = u16_at(in, 0);
    const std::size_t length = (header & 0xFFFU) + 1;
    if (header == 0 || in.size() - 2 < length) return wrong("the data ends early", filled.size());
    const auto data = in.subspan(2, length);
    if ((header & 0x8000U) != 0) {
      FL_CHECK(unpack_chunk(data, filled));
    } else {
      FL_CHECK(store_chunk(data, filled));
    }
    in = in.subspan(2 + length);
  }
  return {};
}

}  // namespace flashline::imaging::ffu
