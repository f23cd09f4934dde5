#pragma once
// A GPT image on a larger medium than it was built for.

#include "imaging/core/error.h"
#include "imaging/source/block_plan.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging {

/// `plan` (as its image gives it, not resolved) for a target of `size` bytes, larger than plan.needs.gpt_size: the
/// backup GPT goes to the target's real end; LastUsableLBA and AlternateLBA of both headers and the protective MBR say
/// so; the place where the backup was becomes zeros. Partitions stay as they are. The new backup is the last thing
/// written. The result is resolved, and its needs.gpt_size is `size`.
/// A target of just gpt_size bytes gives resolved(plan, size). `content` is read where the tables are.
/// Errors: gpt_fit (no GPT, or no room for the backup), target_too_small, gpt_damaged, and those of PlanView.
Result<BlockPlan> fit_gpt(const BlockPlan& plan, const PlanContent& content, ByteCount size);

}  // namespace flashline::imaging
