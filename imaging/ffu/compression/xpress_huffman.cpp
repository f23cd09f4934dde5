#include <array>
#include <cstdint>
#include <string>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/compression/decompress.h"
#include "imaging/ffu/compression/lz_output.h"

namespace flashline::imaging::ffu {
namespace {

constexpr std::size_t symbols = 512;  // 256 literals, then 16 distances x 16 lengths
constexpr std::size_t table_bytes = symbols / 2;
constexpr unsigned longest_code = 15;
constexpr std::size_t block_size = 65536;  // output of one table

std::unexpected<Error> wrong(const char* what) {
  return fail(errc::ffu_decompress, std::string{"XPRESS_HUFF: "} + what);
}

/// The next 15 bits of input name the symbol and how many of them are its code.
struct CodeTable {
  struct Entry {
    std::uint16_t symbol;
    std::uint8_t length;
  };
  std::array<Entry, 1U << longest_code> entries;

  /// Canonical codes from 512 lengths of four bits, low half first. False: they do not fill the code space exactly.
  bool build(std::span<const std::byte> lengths) {
    std::size_t next = 0;
    for (unsigned length = 1; length <= longest_code; ++length) {
      for (std::size_t symbol = 0; symbol < symbols; ++symbol) {
        const auto both = std::to_integer<unsigned>(lengths[symbol / 2]);
        if ((symbol % 2 == 0 ? both & 15U : both >> 4U) != length) continue;
        const std::size_t end = next + (std::size_t{1} << (longest_code - length));
        if (end > entries.size()) return false;
        for (; next < end; ++next) {
          entries[next] = {static_cast<std::uint16_t>(symbol), static_cast<std::uint8_t>(length)};
        }
      }
    }
    return next == entries.size();
  }
};

/// Bits come in little-endian words of 16, most significant first; bytes of long lengths lie between the words, behind
/// those that were already fetched. Past the end the words are zero: only the last symbols look that far.
class BitSource {
 public:
  explicit BitSource(std::span<const std::byte> in) : in_{in} {}

  /// Starts the bits anew at the next byte, behind a table.
  void start() {
    bits_ = word() << 16U;
    bits_ |= word();
    extra_ = 16;
  }
  unsigned peek(unsigned count) const { return count == 0 ? 0 : bits_ >> (32 - count); }
  void skip(unsigned count) {
    bits_ <<= count;
    extra_ -= static_cast<int>(count);
    if (extra_ >= 0) return;
    bits_ |= word() << static_cast<unsigned>(-extra_);
    extra_ += 16;
  }
  std::span<const std::byte> take(std::size_t count) {
    if (count > in_.size()) return {};
    const auto taken = in_.first(count);
    in_ = in_.subspan(count);
    return taken;
  }
  /// `count` bytes as a number, -1 when they are not there.
  std::int64_t number(std::size_t count) {
    const auto bytes = take(count);
    if (bytes.size() != count) return -1;
    std::int64_t value = 0;
    for (std::size_t i = count; i-- > 0;) value = value * 256 + std::to_integer<int>(bytes[i]);
    return value;
  }
  /// More bits were consumed than there were: of the 16 + extra_ that wait, the missing words are none.
  bool overrun() const { return 16 * missing_ > 16 + extra_; }

 private:
  std::uint32_t word() {
    const auto bytes = take(2);
    if (bytes.empty()) {
      ++missing_;
      return 0;
    }
    return std::to_integer<std::uint32_t>(bytes[0]) | (std::to_integer<std::uint32_t>(bytes[1]) << 8U);
  }

  std::span<const std::byte> in_;
  std::uint32_t bits_ = 0;
  int extra_ = 0;
  int missing_ = 0;  // words
};

/// Length of a match whose symbol says 15 or more, without the 3 that each match has at least; -1: not there.
std::int64_t long_length(BitSource& in) {
  const std::int64_t byte = in.number(1);
  if (byte < 255) return byte < 0 ? -1 : byte + 15;
  std::int64_t length = in.number(2);
  if (length == 0) length = in.number(4);
  return length < 15 ? -1 : length;
}

Status copy_match(unsigned symbol, BitSource& in, LzOutput& out) {
  std::int64_t length = symbol & 15U;
  const unsigned distance_bits = symbol >> 4U;
  if (length == 15) length = long_length(in);
  if (length < 0) return wrong("a broken length");
  const unsigned distance = (1U << distance_bits) + in.peek(distance_bits);
  in.skip(distance_bits);
  if (!out.copy(distance, static_cast<std::uint64_t>(length) + 3)) return wrong("a match out of bounds");
  return {};
}

Status fill_block(const CodeTable& codes, BitSource& in, LzOutput& out) {
  const std::size_t end = out.size() + block_size;
  while (!out.full() && out.size() < end) {
    const auto [symbol, length] = codes.entries[in.peek(longest_code)];
    in.skip(length);
    if (in.overrun()) return wrong("the data ends early");
    if (symbol < 256) {
      out.literal(static_cast<std::byte>(symbol));
    } else {
      FL_CHECK(copy_match(symbol - 256U, in, out));
    }
  }
  return {};
}

}  // namespace

Status decompress_xpress_huffman(std::span<const std::byte> in, std::span<std::byte> out) {
  BitSource source{in};
  LzOutput filled{out};
  CodeTable codes;
  while (!filled.full()) {
    const auto lengths = source.take(table_bytes);
    if (lengths.empty()) return wrong("the data ends early");
    if (!codes.build(lengths)) return wrong("a broken code table");
    source.start();
    FL_CHECK(fill_block(codes, source, filled));
  }
  return {};
}

}  // namespace flashline::imaging::ffu
