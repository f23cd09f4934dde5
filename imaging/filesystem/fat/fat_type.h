#pragma once
// The three widths of a FAT.

#include <cstdint>

namespace flashline::imaging {

enum class FatType : std::uint8_t { fat12, fat16, fat32 };

}  // namespace flashline::imaging
