#pragma once
// What makes this board different: bytes that replace the image's.

#include <cstddef>
#include <string>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/source/block_plan.h"

namespace flashline::imaging {

/// Replacement bytes at one place, counted from the target's beginning. Offsets and lengths are multiples of
/// CowView::page_size but for the end of the disk.
struct OverlayExtent {
  ByteOffset at;
  std::vector<std::byte> bytes;
};

/// Ascending, without overlap.
struct UnitOverlay {
  std::vector<OverlayExtent> extents;
};

/// The overlay that turns `view.base` into `view`: its changed pages, neighbours joined.
UnitOverlay overlay_of(const CowView& view);

/// Plan + overlay is again a plan: runs that the overlay touches are cut, its bytes become blobs in the same phase, and
/// bytes that no run covers become runs of the last data phase. Zero runs of the initial table stay as they are.
/// `plan` is resolved. Errors: out_of_disk.
Result<BlockPlan> with_overlay(const BlockPlan& plan, const UnitOverlay& overlay, ByteCount target_size);

}  // namespace flashline::imaging
