#pragma once
// What stands before the manifest, and the targeting records after it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/ffu/verified_reader.h"

namespace flashline::imaging::ffu {

/// Source: "FFU image format", Microsoft Learn; ffu-format.md section 2.4.
struct ImageHeader {
  static constexpr std::uint32_t length = 24;
  static constexpr std::uint32_t length_with_targeting = 28;

  std::uint32_t header_size = length;
  std::uint32_t manifest_length = 0;
  std::uint32_t targeting_records = 0;  ///< 0 when the header has no such field
};

/// A device the image is meant for, in the words of its SMBIOS tables: manufacturer, family, product name, product
/// version, SKU number, baseboard manufacturer, baseboard product.
using TargetingRecord = std::array<std::string, 7>;

/// `chunk_size` in bytes is the security header's. Errors: truncated, ffu_image_signature, ffu_image_size,
/// ffu_chunk_mismatch, ffu_manifest_length, ffu_targeting, and those of VerifiedReader.
Result<ImageHeader> read_image_header(VerifiedReader& in, std::uint32_t chunk_size);

/// Errors: ffu_targeting, and those of VerifiedReader.
Result<std::vector<TargetingRecord>> read_targeting(VerifiedReader& in, std::uint32_t count);

/// The 24 bytes before a manifest of `manifest_length` bytes.
std::vector<std::byte> build_image_header(std::uint32_t manifest_length, std::uint32_t chunk_size);

}  // namespace flashline::imaging::ffu
