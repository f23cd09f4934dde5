#include "imaging/filesystem/fat/lay_out.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/filesystem.h"

namespace flashline::imaging::fat {
namespace {

constexpr std::uint64_t most_fat12 = 4084;
constexpr std::uint64_t most_fat16 = 65524;
constexpr std::uint64_t most_fat32 = 0x0FFFFFF5 - 2;
constexpr std::uint32_t copies = 2;
constexpr std::uint32_t usual_root_slots = 512;
/// Entries of a fixed root folder that are left for later.
constexpr std::uint32_t spare_root_slots = 64;

/// From this many bytes on, clusters of that size.
struct Step {
  std::uint64_t above;
  std::uint32_t cluster;
};

std::uint32_t step_for(std::uint64_t bytes, std::initializer_list<Step> steps) {
  std::uint32_t cluster = 512;
  for (const Step& step : steps) {
    if (bytes > step.above) cluster = step.cluster;
  }
  return cluster;
}

std::uint32_t default_cluster(FatType type, std::uint64_t bytes) {
  if (type == FatType::fat32) {
    return step_for(bytes, {{260_MiB, 4096}, {8_GiB, 8192}, {16_GiB, 16384}, {32_GiB, 32768}});
  }
  if (type == FatType::fat16) {
    return step_for(bytes,
                    {{0, 1024}, {16_MiB, 2048}, {128_MiB, 4096}, {256_MiB, 8192}, {512_MiB, 16384}, {1_GiB, 32768}});
  }
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(512, std::bit_ceil(bytes / most_fat12 + 1)));
}

Status check_sizes(const FatFormat& format, std::uint32_t cluster) {
  if (format.sector_size != 512 && format.sector_size != 4096) {
    return fail(errc::cluster_size, fmt::format("sectors of {} bytes", format.sector_size));
  }
  const bool legal = std::has_single_bit(cluster) && cluster >= format.sector_size && cluster <= 64_KiB;
  if (legal) return {};
  return fail(errc::cluster_size, fmt::format("FAT has clusters of a power of two from {} to 65536 bytes, not of {}",
                                              format.sector_size, cluster));
}

std::uint64_t table_bytes(FatType type, std::uint64_t clusters) {
  const std::uint64_t entries = clusters + first_cluster;
  if (type == FatType::fat12) return (entries * 3 + 1) / 2;
  return entries * (type == FatType::fat16 ? 2 : 4);
}

/// Sizes in sectors while they are sought.
struct Areas {
  std::uint64_t sectors = 0, reserved = 0, table = 1, root = 0, per_cluster = 0;
  std::uint64_t head() const { return reserved + copies * table + root; }
  std::uint64_t clusters() const { return sectors > head() ? (sectors - head()) / per_cluster : 0; }
};

Areas areas_of(FatType type, const FatFormat& format, std::uint64_t sectors, std::uint32_t cluster,
               std::uint32_t root_slots) {
  Areas areas{.sectors = sectors,
              .reserved = type == FatType::fat32 ? 32U : 1U,
              .root = std::uint64_t{root_slots} * slot_size / format.sector_size,
              .per_cluster = cluster / format.sector_size};
  for (;;) {
    const std::uint64_t bytes = table_bytes(type, areas.clusters());
    const std::uint64_t needed = (bytes + format.sector_size - 1) / format.sector_size;
    if (needed <= areas.table) break;
    areas.table = needed;
  }
  // Flash memory is written in pages: a cluster that lies across two of them costs two writes.
  const std::uint64_t over = areas.head() % areas.per_cluster;
  if (over != 0) areas.reserved += areas.per_cluster - over;
  return areas;
}

Status check_count(FatType type, std::uint32_t cluster, std::uint64_t clusters) {
  const std::uint64_t most = type == FatType::fat12 ? most_fat12 : type == FatType::fat16 ? most_fat16 : most_fat32;
  const std::uint64_t least = type == FatType::fat12 ? 1 : type == FatType::fat16 ? most_fat12 + 1 : most_fat16 + 1;
  if (clusters > most) {
    return fail(errc::cluster_size,
                fmt::format("{} clusters of {} bytes are more than the {} that there can be", clusters, cluster, most));
  }
  if (clusters >= least) return {};
  const Errc code = type == FatType::fat32 ? errc::fat32_too_small : errc::partition_too_small;
  return fail(code, fmt::format("{} clusters of {} bytes fit, at least {} are needed", clusters, cluster, least));
}

Result<Geometry> lay_out_as(FatType type, const FatFormat& format, std::uint64_t sectors, std::uint64_t root_slots) {
  const std::uint64_t bytes = sectors * format.sector_size;
  std::uint32_t cluster = format.cluster_size;
  if (cluster == 0) cluster = std::max(default_cluster(type, bytes), format.sector_size);
  FL_CHECK(check_sizes(format, cluster));
  const std::uint64_t wanted = root_slots + spare_root_slots;
  const std::uint64_t per_sector = format.sector_size / slot_size;
  const std::uint64_t slots =
      (std::max<std::uint64_t>(usual_root_slots, wanted) + per_sector - 1) / per_sector * per_sector;
  if (type != FatType::fat32 && slots > std::numeric_limits<std::uint16_t>::max()) {
    return fail(errc::partition_too_small, fmt::format("{} entries in the root folder", root_slots));
  }
  Geometry g;
  g.root_slots = type == FatType::fat32 ? 0 : static_cast<std::uint32_t>(slots);
  const Areas areas = areas_of(type, format, sectors, cluster, g.root_slots);
  FL_CHECK(check_count(type, cluster, areas.clusters()));
  g.type = type;
  g.sector_size = format.sector_size;
  g.cluster_size = cluster;
  g.clusters = static_cast<std::uint32_t>(areas.clusters());
  g.copies = copies;
  g.table = {areas.reserved * format.sector_size};
  g.table_size = {areas.table * format.sector_size};
  g.root = {g.table.value + copies * g.table_size.value};
  g.data = {g.root.value + areas.root * format.sector_size};
  if (type == FatType::fat32) {
    g.root_cluster = first_cluster;
    g.fs_info = ByteOffset{format.sector_size};
  }
  g.serial = format.serial;
  return g;
}

/// What "FAT" means for a size, in the order of preference.
std::vector<FatType> types_for(const FatFormat& format, std::uint64_t bytes) {
  if (format.type) return {*format.type};
  if (format.cluster_size != 0) return {FatType::fat12, FatType::fat16, FatType::fat32};
  if (bytes <= 16_MiB) return {FatType::fat12};
  if (bytes <= 512_MiB) return {FatType::fat16};
  return {FatType::fat32};
}

}  // namespace

Result<Geometry> lay_out(const FatFormat& format, std::uint64_t sectors, std::uint64_t root_slots) {
  if (sectors > std::numeric_limits<std::uint32_t>::max()) {
    return fail(errc::cluster_size, fmt::format("FAT counts 4294967295 sectors, the partition has {}", sectors));
  }
  Result<Geometry> result;
  for (const FatType type : types_for(format, sectors * format.sector_size)) {
    result = lay_out_as(type, format, sectors, root_slots);
    if (result) break;
  }
  return result;
}

}  // namespace flashline::imaging::fat
