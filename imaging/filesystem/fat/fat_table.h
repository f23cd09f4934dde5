#pragma once
// The file allocation table: who follows whom, and what is free. Both copies and FSInfo are kept right.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/filesystem/fat/boot_sector.h"

namespace flashline::imaging::fat {

class FatTable {
 public:
  /// What FSInfo says; both are hints that are taken only when they can be true.
  struct Space {
    std::optional<std::uint32_t> free;     ///< clusters
    std::uint32_t search = first_cluster;  ///< where the search for a free cluster begins
    bool operator==(const Space&) const = default;
  };

  /// Reads FSInfo, where there is one. `view` outlives the table.
  static Result<FatTable> open(WritableBlockView& view, const Geometry& geometry);

  /// The clusters of the chain that begins at `head`. Errors: fat_damaged (a link that leads nowhere), fat_loop (more
  /// than `limit` clusters).
  Result<std::vector<std::uint32_t>> chain(std::uint32_t head, std::uint64_t limit);
  /// A new chain of `count` clusters, whose contents are whatever they were. Errors: fat_full.
  Result<std::vector<std::uint32_t>> allocate(std::uint64_t count);
  /// Hangs `tail`, the head of a chain, behind `last`.
  Status append(std::uint32_t last, std::uint32_t tail) { return set(last, tail); }
  Status release(std::span<const std::uint32_t> clusters);

  /// Free clusters; counted once when nobody noted them down.
  Result<std::uint32_t> free_clusters();
  /// The volume was not unmounted cleanly, by what the table's second entry says.
  Result<bool> dirty();

  const Space& space() const { return space_; }
  /// Writes FSInfo.
  Status store_space();
  /// After a rollback of the view: forgets what is cached and takes up `space` again.
  void reset(const Space& space);

 private:
  FatTable(WritableBlockView& view, const Geometry& geometry) : view_{&view}, geometry_{geometry} {}
  Status load_space();
  Result<std::uint32_t> get(std::uint32_t cluster);
  Status set(std::uint32_t cluster, std::uint32_t value);
  Result<std::span<std::byte>> entry(std::uint32_t cluster);
  Result<std::uint32_t> take_free();
  std::uint32_t end_mark() const;

  WritableBlockView* view_;
  Geometry geometry_;
  Space space_;
  std::vector<std::byte> window_;  ///< a piece of the table, so that a scan does not read entry by entry
  std::uint64_t window_at_ = 0;
};

}  // namespace flashline::imaging::fat
