// Partition tables: any disk gives a table whose partitions lie inside of it, or an error, and a GPT that is taken can
// be fitted to a larger disk. The first byte says how large sectors are and whether to make the CRCs right, which no
// mutation would hit.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "imaging/core/crc32.h"
#include "imaging/source/disk_plan.h"
#include "imaging/source/file_view.h"
#include "imaging/source/fit_gpt.h"
#include "imaging/source/gpt.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

std::uint64_t number(std::span<const std::byte> bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value |= std::to_integer<std::uint64_t>(bytes[at + i]) << (8 * i);
  return value;
}

void put(std::span<std::byte> bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i));
}

/// Makes both CRCs of the header at `at` fit, as far as its fields allow.
void repair(std::span<std::byte> disk, std::size_t at, std::size_t sector) {
  if (at + sector > disk.size()) return;
  const auto header = disk.subspan(at, sector);
  const std::uint64_t entries = number(header, 72, 8);
  const std::uint64_t length = number(header, 80, 4) * number(header, 84, 4);
  if (entries < disk.size() / sector && length <= disk.size() - entries * sector) {
    put(header, 88, crc32(disk.subspan(static_cast<std::size_t>(entries * sector), static_cast<std::size_t>(length))));
  }
  const std::uint64_t size = number(header, 12, 4);
  if (size < 92 || size > sector) return;
  put(header, 16, 0);
  put(header, 16, crc32(header.first(static_cast<std::size_t>(size))));
}

void try_fitting(const std::vector<std::byte>& disk, const PartitionTable& table) {
  const ByteCount size{disk.size()};
  const auto plan = plan_disk({.size = size, .data = {{.place = {}, .length = size}}, .blobs = {}}, table);
  const PlanContent content{[&](ByteOffset at, std::span<std::byte> out) { return MemoryView{disk}.read(at, out); },
                            size};
  const ByteCount target{table.gpt_size->value + 1_MiB};
  const auto fitted = fit_gpt(plan, content, target);
  if (!fitted) return;
  PlanView view{*fitted, content, target};
  const auto after = read_partition_table(view, target);
  if (!after || after->kind != PartitionTable::Kind::gpt || after->gpt_size != target) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t sector = (data[0] & 1U) != 0 ? 4096 : 512;
  const auto bytes = std::as_bytes(std::span{data, size}.subspan(1));
  std::vector<std::byte> disk{bytes.begin(), bytes.end()};
  disk.resize((disk.size() + sector - 1) / sector * sector);
  if ((data[0] & 2U) != 0) {
    repair(disk, sector, sector);
    if (disk.size() > 2 * sector) repair(disk, disk.size() - sector, sector);
  }
  MemoryView view{disk};
  const auto table = read_partition_table(view, ByteCount{disk.size()});
  if (!table) return 0;
  for (const auto& partition : table->partitions) {
    if (partition.start.value + partition.length.value > disk.size()) std::abort();
  }
  const bool sane = table->gpt_size && table->gpt_size->value < 1ULL << 60U;
  if (sane && disk.size() >= 512) try_fitting(disk, *table);
  return 0;
}
