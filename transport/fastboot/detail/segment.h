#pragma once
// What one download and one flash put onto the medium: runs gathered until there are enough of them.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "imaging/core/units.h"
#include "transport/fastboot/sparse_file.h"

namespace flashline::transport::detail {

struct SegmentLimits {
  std::uint64_t memory = 0;   ///< bytes of data
  std::uint64_t file = 0;     ///< bytes of the sparse file
  std::uint64_t written = 0;  ///< bytes on the medium
  std::size_t runs = 4096;
};

class Segment {
 public:
  struct Run {
    std::uint64_t length = 0;
    std::optional<std::size_t> from{};  ///< where in memory(); nothing: zeros
  };

  Segment(SegmentLimits limits, std::uint32_t sector_size) : limits_{limits}, sector_size_{sector_size} {}

  bool empty() const { return runs_.empty(); }
  /// Some of these bytes are in it already: they cannot be twice in one sparse file.
  bool overlaps(std::uint64_t at, std::uint64_t length) const;
  /// How many of `length` bytes still fit; what is cut off begins at a multiple of 4096 where it can.
  std::uint64_t room_for(std::uint64_t at, std::uint64_t length, bool zeros) const;
  void add(std::uint64_t at, std::span<const std::byte> bytes);
  void add_zeros(std::uint64_t at, std::uint64_t length);
  void clear();

  /// By place on the medium, none overlapping.
  const std::map<std::uint64_t, Run>& runs() const { return runs_; }
  std::span<const std::byte> bytes_of(const Run& run) const {
    return std::span{memory_}.subspan(*run.from, run.length);
  }
  std::uint64_t written() const { return written_; }
  /// Lives as long as nothing is added.
  SparseFile file() const;

 private:
  void add_run(std::uint64_t at, Run run);
  std::uint32_t block_size() const;

  SegmentLimits limits_;
  std::uint32_t sector_size_;
  std::map<std::uint64_t, Run> runs_;
  std::vector<std::byte> memory_;
  std::uint64_t written_ = 0;
};

}  // namespace flashline::transport::detail
