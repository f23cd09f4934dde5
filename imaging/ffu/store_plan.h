#pragma once
// From write descriptors to runs in phases.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/ffu/store_header.h"
#include "imaging/ffu/write_descriptor.h"
#include "imaging/source/block_plan.h"

namespace flashline::imaging::ffu {

/// What the descriptors of one store say. `from` of the runs counts bytes of the store's own payload, decompressed.
struct StoreLayout {
  /// Without a flash-only table, which is for boards that flash themselves: no table before the last one (promise 2).
  std::vector<Phase> phases;
  std::uint64_t blocks = 0;  ///< of payload
  /// The table ranges keep promise 2: old tables are zeroed first and the real one comes last. If not, all runs are in
  /// one data phase.
  bool guarded = false;
  ByteCount begin_end;     ///< where the last block counted from the beginning ends
  ByteCount end_distance;  ///< how far the blocks counted from the end reach back

  struct Stored {
    std::uint32_t size;
    std::uint32_t blocks;
  };
  std::vector<Stored> stored;  ///< V1C: each entry's data in the file, in order
};

/// Collects the descriptors of one store, in order. Runs that go on both in the payload and on the target become one.
class StorePlanner {
 public:
  /// `header` outlives this. `disk` is the smallest target, where the manifest names it: no block may lie outside.
  StorePlanner(const StoreHeader& header, std::optional<ByteCount> disk) : header_{header}, disk_{disk} {}

  /// Errors: ffu_table_range, out_of_disk.
  Status add(const WriteDescriptor& entry);
  /// Errors: ffu_table_range, ffu_payload_size.
  Result<StoreLayout> finish();

 private:
  Status check_borders(const WriteDescriptor& entry) const;
  Status add_run(Location location, std::uint32_t count);
  Phase::Kind kind_at(std::uint64_t block) const;
  bool is_guarded() const;

  const StoreHeader& header_;
  std::optional<ByteCount> disk_;
  StoreLayout layout_;
};

/// Zeros both ends first and writes whatever lies in the tables' places last. `first_table` and `backup_table` are the
/// bytes that the image's tables take, counted from the beginning; a GPT's blocks counted from the end are moved too.
struct TablePlaces {
  Extent first;
  std::optional<Extent> backup;
  bool gpt = false;
};
std::vector<Phase> with_tables_last(const std::vector<Phase>& phases, const TablePlaces& tables,
                                    std::uint32_t block_size);

/// Blocks that more than one run of the data phases writes, as a sentence; the last writer wins. Empty: none.
std::string overlap_warning(const std::vector<Phase>& phases);

/// Stretches that on a target of `size` bytes are written both from the beginning and from the end outside of the table
/// phases: such an image was not meant for this size.
std::vector<Extent> collisions(const BlockPlan& plan, ByteCount size);

}  // namespace flashline::imaging::ffu
