#pragma once
// A plain disk as the blocks of a full flash update image, in the phases that keep a board unbootable until it is done.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/ffu/write_ffu.h"
#include "imaging/source/image.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging {

/// What goes into the phases besides all that is not zeros.
struct BlockPhases {
  bool dense = false;                ///< blocks of zeros too
  std::set<std::string> required{};  ///< partitions of a GPT that are marked RequiredToFlash, by name
};

/// The disk that a raw image becomes, cut into blocks of 128 KiB. A GPT disk that is no whole number of blocks has its
/// last one counted from the end, which overlaps the one before it.
class DiskBlocks {
 public:
  /// `image` is open and, if it was compressed, unpacked; its file outlives this. Errors: import_refused (too large).
  static Result<DiskBlocks> cut(const OpenedImage& image);

  /// Of the disk, as it is on the target: whole blocks unless the last one is counted from the end.
  ByteCount size() const { return ByteCount{disk_}; }

  /// Zeros over the tables; data; block 0 and then the last block. With partitions that are required to flash their
  /// blocks come first, followed by block 0 with a table of only those. Blocks of zeros that are left out are counted
  /// in `zero_blocks`. Errors: those of the image's content.
  Result<std::vector<FfuPhase>> phases(const BlockPhases& wanted, std::uint64_t& zero_blocks);

  /// The bytes of `block`. Errors: those of the image's content; gpt_damaged.
  Status fill(const FfuBlock& block, std::span<std::byte> out);

 private:
  DiskBlocks() = default;
  FfuBlock first() const { return {.anchor = Place::Anchor::begin, .index = 0}; }
  FfuBlock last() const;
  std::uint64_t data_end() const { return from_end_ ? count_ : count_ - 1; }
  std::uint64_t offset_of(const FfuBlock& block) const;
  Result<bool> is_zero(const FfuBlock& block);
  Result<bool> reads_zero(std::uint64_t from, std::uint64_t to);
  std::vector<bool> required_blocks(const std::set<std::string>& names) const;
  FfuPhase zeroed_tables() const;

  std::uint64_t disk_ = 0;
  std::uint64_t count_ = 0;  // whole blocks counted from the beginning
  bool from_end_ = false;
  bool has_table_ = false;
  std::uint64_t size_ = 0;  // of the image
  std::uint32_t sector_size_ = 512;
  std::vector<PartitionFact> gpt_;  // empty: another table, or none
  std::set<std::uint32_t> required_;
  std::unique_ptr<const BlockPlan> plan_;  // the view refers to it
  std::vector<Run> runs_;
  std::unique_ptr<PlanView> view_;
};

}  // namespace flashline::imaging
