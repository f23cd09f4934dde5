#pragma once
// A sparse image to be sent: headers of its own around memory of somebody else. Format: version 1.0, little-endian.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace flashline::transport {

/// Begins at block 0 of the target. Chunks are added in ascending order. The memory of raw chunks outlives it.
class SparseFile {
 public:
  /// `block_size` in bytes, a multiple of 4.
  explicit SparseFile(std::uint32_t block_size);

  void skip(std::uint32_t blocks);
  /// Whole blocks.
  void raw(std::span<const std::byte> bytes);
  /// Blocks of zero bytes.
  void zeros(std::uint32_t blocks);

  std::uint64_t size() const { return size_; }
  /// Fills `into` with the file's bytes from `at` on; they lie inside of the file.
  void read(std::uint64_t at, std::span<std::byte> into) const;

  static constexpr std::uint64_t header_size = 28;
  static constexpr std::uint64_t chunk_header_size = 12;

 private:
  struct Piece {
    std::uint64_t at;  // in the file
    std::size_t length;
    std::size_t own;  // offset in own_, where `memory` is null
    const std::byte* memory;
  };
  void chunk(std::uint16_t type, std::uint32_t blocks, std::span<const std::byte> body);
  void add_own(std::span<const std::byte> bytes);
  void set_totals();

  std::uint32_t block_size_;
  std::uint32_t blocks_ = 0;
  std::uint32_t chunks_ = 0;
  std::uint64_t size_ = 0;
  std::vector<std::byte> own_;
  std::vector<Piece> pieces_;
};

}  // namespace flashline::transport
