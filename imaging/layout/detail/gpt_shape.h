#pragma once
// How large a GPT has to be, and may be.

#include "imaging/core/error.h"
#include "imaging/layout/lay_out.h"

namespace flashline::imaging::detail {

/// Sets entry count and usable sectors of `store`, whose size is known: room for 128 entries, or for the defined ones
/// alone where the layout asks for that; fewer where a partition is to begin inside of so large an array (some boot
/// ROMs want their loader at sector 16). Errors: layout_overlap, layout_too_large.
Status shape_gpt(StoreLayout& store, const LayoutStore& from);

}  // namespace flashline::imaging::detail
