#pragma once
// Everything before the payload, checked.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/ffu/image_header.h"
#include "imaging/ffu/manifest.h"
#include "imaging/ffu/security_header.h"
#include "imaging/ffu/store_header.h"
#include "imaging/ffu/store_plan.h"
#include "imaging/ffu/write_descriptor.h"
#include "imaging/source/block_plan.h"

namespace flashline::imaging::ffu {

/// What stands before the image header. Nothing in it is trustworthy until the catalog was verified over the table.
struct SecurityRegion {
  SecurityHeader header;
  std::vector<std::byte> catalog;
  std::vector<std::byte> hash_table;
};

/// Errors: those of parse_security_header, truncated, image_read.
Result<SecurityRegion> read_security_region(int fd, ByteCount file_size);

struct Store {
  StoreHeader header;
  StoreLayout layout;
  std::vector<ValidationEntry> validation;
};

struct Metadata {
  HashTable hashes;  ///< the whole table, from the image header on
  Manifest manifest{};
  std::vector<TargetingRecord> targeting{};
  std::vector<Store> stores{};
  ByteOffset payload{};  ///< where the first store's payload begins in the file
  std::uint64_t metadata_chunks = 0;
  std::vector<std::string> warnings{};
};

/// Reads the metadata of an image whose catalog was verified, each chunk hashed before it is looked at; steps 3 to 5 of
/// ffu-format.md section 7: at the end the payload's length, the file's and the hash table's are known to agree.
Result<Metadata> read_metadata(int fd, ByteCount file_size, const SecurityRegion& region);

}  // namespace flashline::imaging::ffu
