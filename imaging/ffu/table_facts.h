#pragma once
// Which partition table a plan leaves on its target, and where its bytes are.

#include <optional>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/ffu/store_plan.h"
#include "imaging/source/block_plan.h"
#include "imaging/source/image.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging::ffu {

struct TableFacts {
  std::string kind = "none";  ///< "gpt", "mbr" or "none"
  std::optional<ByteCount> gpt_size;
  std::vector<PartitionFact> partitions;
  std::optional<TablePlaces> places;  ///< nullopt: there is no table
  std::vector<std::string> warnings;
};

/// Reads the table through `plan`, checking the chunks it needs. A damaged table is a warning, not an error: what is
/// written is what was signed. Errors: chunk_hash, image_read, truncated.
Result<TableFacts> read_table_facts(const BlockPlan& plan, PlanContent content);

}  // namespace flashline::imaging::ffu
