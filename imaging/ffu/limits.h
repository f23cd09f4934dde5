#pragma once
// What this reader takes at most (ffu-format.md section 9), so that no field decides how much memory is used.

#include <cstdint>

#include "imaging/core/units.h"

namespace flashline::imaging::ffu {

inline constexpr std::uint64_t max_catalog = 16_MiB;
inline constexpr std::uint64_t max_hash_table = 1_GiB;  ///< 4 TiB of image in chunks of 128 KiB
inline constexpr std::uint64_t max_manifest = 4_MiB;
inline constexpr std::uint64_t max_chunk = 64_MiB;
inline constexpr std::uint32_t max_stores = 64;
inline constexpr std::uint32_t max_locations = 4096;  ///< of one write descriptor
inline constexpr std::uint32_t max_entries = 1U << 26U;
inline constexpr std::uint64_t max_validation = 16_MiB;
inline constexpr std::uint32_t max_targeting_records = 256;
inline constexpr std::uint32_t max_targeting_text = 4096;

}  // namespace flashline::imaging::ffu
