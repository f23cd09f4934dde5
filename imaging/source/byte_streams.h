#pragma once
// Streams that stand on other streams.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "imaging/source/content.h"

namespace flashline::imaging {

/// Fills `out` as far as the stream goes; less than `out` only at its end.
Result<std::size_t> read_fully(ByteStream& stream, std::span<std::byte> out);

/// `prefix`, then `rest`: what was read to find out what a stream is.
std::unique_ptr<ByteStream> with_prefix(std::vector<std::byte> prefix, std::unique_ptr<ByteStream> rest);

/// `inner` held to `size` bytes: ending before is truncated, going on is trailing_data. Then zeros up to `padded`
/// (>= size). `declared_by` says who gave the size: "the xz index".
std::unique_ptr<ByteStream> of_size(std::unique_ptr<ByteStream> inner, ByteCount size, ByteCount padded,
                                    std::string declared_by);

}  // namespace flashline::imaging
