#include <cstdint>
#include <optional>
#include <string>

#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/image.h"
#include "imaging/ffu/compression/decompress.h"
#include "imaging/ffu/compression/lz_output.h"

namespace flashline::imaging::ffu {
namespace {

/// Plain LZ77: groups of 32 flags, most significant first; a match is 13 bits of distance and 3 of length, longer
/// lengths follow in half a byte that two matches share, a byte, two, or four.
class XpressDecoder {
 public:
  explicit XpressDecoder(std::span<const std::byte> in) : in_{in} {}
  Status fill(LzOutput& out);

 private:
  Result<bool> next_flag();
  Status copy_match(LzOutput& out);
  Result<std::uint64_t> long_length();

  ByteReader in_;
  std::uint32_t flags_ = 0;
  unsigned flags_left_ = 0;
  std::optional<unsigned> spare_half_;
};

std::unexpected<Error> wrong(const std::string& what) { return fail(errc::ffu_decompress, "XPRESS: " + what); }

Result<bool> XpressDecoder::next_flag() {
  if (flags_left_ == 0) {
    FL_TRY(flags_, in_.u32("flags"));
    flags_left_ = 32;
  }
  --flags_left_;
  return ((flags_ >> flags_left_) & 1U) != 0;
}

/// What a length field of 7 goes on with, the 7 included.
Result<std::uint64_t> XpressDecoder::long_length() {
  unsigned half = 0;
  if (spare_half_) {
    half = *spare_half_;
    spare_half_.reset();
  } else {
    FL_TRY(const auto both, in_.u8("length"));
    half = both & 15U;
    spare_half_ = both >> 4U;
  }
  if (half < 15) return half + 7U;
  FL_TRY(const auto byte, in_.u8("length"));
  if (byte < 255) return byte + 15U + 7U;
  FL_TRY(const auto word, in_.u16("length"));
  std::uint64_t length = word;
  if (word == 0) {
    FL_TRY(length, in_.u32("length"));
  }
  if (length < 15 + 7) return wrong("a length in too long a form");
  return length;
}

Status XpressDecoder::copy_match(LzOutput& out) {
  FL_TRY(const auto token, in_.u16("match"));
  std::uint64_t length = token & 7U;
  if (length == 7) {
    FL_TRY(length, long_length());
  }
  if (!out.copy((token >> 3U) + 1U, length + 3)) return wrong("a match out of bounds at " + std::to_string(out.size()));
  return {};
}

Status XpressDecoder::fill(LzOutput& out) {
  while (!out.full()) {
    FL_TRY(const bool is_match, next_flag());
    if (is_match) {
      FL_CHECK(copy_match(out));
    } else {
      FL_TRY(const auto literal, in_.u8("literal"));
      out.literal(std::byte{literal});
    }
  }
  return {};
}

}  // namespace

Status decompress_xpress(std::span<const std::byte> in, std::span<std::byte> out) {
  LzOutput filled{out};
  const auto done = XpressDecoder{in}.fill(filled);
  if (!done && done.error().code == errc::truncated) return wrong("the data ends early");
  return done;
}

}  // namespace flashline::imaging::ffu
