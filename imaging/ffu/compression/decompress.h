#pragma once
// The algorithms of compressed images. Source: MS-XCA, "Xpress Compression Algorithm", Microsoft Open Specifications.

#include <cstddef>
#include <span>

#include "imaging/core/error.h"

namespace flashline::imaging::ffu {

/// Each fills all of `out` or fails: input that ends early, a distance before the output's beginning, and output that
/// would not fit are ffu_decompress. What is left of `in` when `out` is full is ignored.

/// LZNT1 (MS-XCA 2.5): chunks of 4096 bytes.
Status decompress_lznt1(std::span<const std::byte> in, std::span<std::byte> out);
/// Plain LZ77, "XPRESS" (MS-XCA 2.4).
Status decompress_xpress(std::span<const std::byte> in, std::span<std::byte> out);
/// LZ77+Huffman, "XPRESS_HUFF" (MS-XCA 2.2): a table each 64 KiB of output.
Status decompress_xpress_huffman(std::span<const std::byte> in, std::span<std::byte> out);

}  // namespace flashline::imaging::ffu
