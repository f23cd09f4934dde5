#pragma once
// A layout becomes a partition table, by libfdisk.

#include <filesystem>

#include "imaging/core/error.h"
#include "imaging/layout/lay_out.h"

namespace flashline::imaging {

/// Writes the table of `store` into the file `image`, which is as large as the store: MBR with its chain of EBRs, or
/// protective MBR and both GPTs. Bytes outside of them stay. The same layout gives the same bytes.
/// Errors: table_write.
Status write_partition_table(const StoreLayout& store, const std::filesystem::path& image);

}  // namespace flashline::imaging
