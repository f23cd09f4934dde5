#pragma once
// Where everything of a new image goes, and how many descriptors are repeated to stay clear of readers' mistakes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/ffu/store_header.h"
#include "imaging/ffu/write_ffu.h"

namespace flashline::imaging::ffu {

struct StoreLayoutOut {
  StoreHeader header;
  /// How often the store's first block is written again before the others. It goes to the same place with the same
  /// content, so that only the length of the metadata changes.
  std::uint32_t repeats = 0;
};

struct WriteLayout {
  std::string manifest;  ///< text, lengthened by empty lines where its region would end near a border
  std::vector<StoreLayoutOut> stores;
  std::uint64_t metadata_chunks = 0;  ///< image header to the last store's descriptors
  std::uint64_t payload_blocks = 0;
  std::uint64_t hash_table_size() const { return (metadata_chunks + payload_blocks) * sizeof(Sha256); }
};

/// `catalog_size` in bytes. Errors: ffu_unwritable.
Result<WriteLayout> plan_layout(const FfuContent& content, std::uint64_t catalog_size);

/// A region that ends this close to a chunk border, or on it, is read wrong by somebody: tools that leave out the 32
/// bytes of the security header, that skip a chunk when no padding is needed, that count the characters of a device
/// path instead of its bytes (`extra`, in bytes).
constexpr bool ends_clear(std::uint64_t length, std::uint32_t chunk_size, std::uint64_t extra = 0) {
  constexpr std::uint64_t margin = 64;
  const std::uint64_t rest = length % chunk_size;
  return rest >= margin + extra && rest <= chunk_size - margin;
}

}  // namespace flashline::imaging::ffu
