#pragma once
// The table of a disk that holds only what is needed to flash it again.

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// `block` is the beginning of a disk with a GPT, table and all. Of its partitions only those with these numbers (from
/// 1) stay; all other bytes stay as they are. Source: ffu-format.md section 5. Errors: gpt_damaged, image_read.
Status keep_only(std::span<std::byte> block, std::uint32_t sector_size, const std::set<std::uint32_t>& numbers);

}  // namespace flashline::imaging
