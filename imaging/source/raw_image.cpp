#include "imaging/source/raw_image.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include "imaging/core/errors/image.h"
#include "imaging/source/file_view.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging {
namespace {

constexpr std::uint64_t hole_unit = 4096;

void add_extent(std::vector<Extent>& extents, std::uint64_t from, std::uint64_t to) {
  if (!extents.empty() && extents.back().at.value + extents.back().length.value >= from) {
    extents.back().length.value = to - extents.back().at.value;
  } else {
    extents.push_back({ByteOffset{from}, ByteCount{to - from}});
  }
}

Run content_run(const Extent& extent, std::uint64_t end) {
  return {.place = {Place::Anchor::begin, extent.at.value},
          .length = ByteCount{end - extent.at.value},
          .from = extent.at.value};
}

/// The last sector, of which the file has only a part, becomes a blob.
Status pad_last_sector(int fd, std::uint64_t size, std::uint32_t sector_size, DiskImage& image) {
  const std::uint64_t start = size - size % sector_size;
  std::vector<std::byte> sector(sector_size);
  FL_CHECK(read_exactly(fd, ByteOffset{start}, std::span{sector}.first(static_cast<std::size_t>(size - start))));
  image.size = ByteCount{start + sector_size};
  image.data.push_back({.place = {Place::Anchor::begin, start},
                        .length = ByteCount{sector_size},
                        .source = Run::Source::blob,
                        .from = image.blobs.size()});
  image.blobs.push_back(std::move(sector));
  return {};
}

}  // namespace

Result<std::vector<Extent>> data_extents(int fd, ByteCount size) {
  std::vector<Extent> extents;
  std::uint64_t at = 0;
  while (at < size.value) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // only a hole is left
    const off_t hole = data < 0 ? -1 : ::lseek(fd, data, SEEK_HOLE);
    if (hole < 0) {  // no holes known here
      add_extent(extents, at, size.value);
      break;
    }
    const std::uint64_t from = static_cast<std::uint64_t>(data) / hole_unit * hole_unit;
    const std::uint64_t to = (static_cast<std::uint64_t>(hole) + hole_unit - 1) / hole_unit * hole_unit;
    if (from >= size.value) break;
    add_extent(extents, from, std::min(to, size.value));
    at = std::max(to, at + 1);
  }
  return extents;
}

Result<PlannedDisk> plan_file(int fd, ByteCount size, const std::vector<Extent>& extents) {
  if (size.value == 0) return fail(errc::truncated, "the image is empty");
  FileView view{fd, size};
  FL_TRY(auto table, read_partition_table(view, size));
  DiskImage image{.size = size};
  const std::uint64_t whole = size.value - size.value % table.sector_size;
  for (const auto& extent : extents) {
    const std::uint64_t end = std::min(whole, extent.at.value + extent.length.value);
    if (extent.at.value < end) image.data.push_back(content_run(extent, end));
  }
  if (whole != size.value) {
    FL_CHECK(pad_last_sector(fd, size.value, table.sector_size, image));
    table.warnings.push_back(
        fmt::format("the image's {} bytes are no multiple of its sectors of {} bytes: padded with zeros", size.value,
                    table.sector_size));
  }
  return PlannedDisk{plan_disk(std::move(image), table), std::move(table)};
}

}  // namespace flashline::imaging
