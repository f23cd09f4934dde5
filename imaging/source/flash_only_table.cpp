#include "imaging/source/flash_only_table.h"

#include <algorithm>

#include "imaging/core/crc32.h"
#include "imaging/source/file_view.h"
#include "imaging/source/gpt.h"

namespace flashline::imaging {

Status keep_only(std::span<std::byte> block, std::uint32_t sector_size, const std::set<std::uint32_t>& numbers) {
  MemoryView view{block};
  FL_TRY(const GptTable table, read_gpt(view, 1, sector_size));
  const auto entries = block.subspan(static_cast<std::size_t>(table.header.entries_lba * sector_size),
                                     static_cast<std::size_t>(table.header.entries_bytes()));
  for (std::uint32_t i = 0; i < table.header.entry_count; ++i) {
    if (numbers.contains(i + 1)) continue;
    std::ranges::fill(entries.subspan(std::size_t{i} * table.header.entry_size, table.header.entry_size), std::byte{});
  }
  GptHeader header = table.header;
  header.entries_crc = crc32(entries);
  std::ranges::copy(gpt_header_sector(table.header_sector, header), block.subspan(sector_size).begin());
  return {};
}

}  // namespace flashline::imaging
