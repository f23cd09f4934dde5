#include "transport/sdp/boot_container.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/sdp.h"
#include "imaging/core/little_endian.h"

namespace flashline::transport {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t header_size = 16;
constexpr std::size_t entry_size = 128;
// Firmware of the security controller, of the V2X and the user's own: a set has no more.
constexpr std::size_t most_containers = 3;

bool is_header(Bytes file, std::size_t at) {
  return at < file.size() && file.size() - at >= header_size && file[at + 3] == std::byte{0x87};
}

std::size_t spacing_of(Bytes file) { return std::to_integer<unsigned>(file[0]) >= 2 ? 0x4000 : 0x400; }

/// Where the last image of the container at `at` ends; offsets of images count from their container.
Result<std::size_t> end_of_container(Bytes file, std::size_t at) {
  const auto bad = [&](std::string_view what) {
    return fail(errc::sdp_image, fmt::format("boot container at offset {}: {}", at, what));
  };
  const auto images = std::to_integer<std::size_t>(file[at + 11]);
  if (images * entry_size > file.size() - at - header_size) return bad("its list of images does not fit the file");
  std::uint64_t end = at + header_size + images * entry_size;
  for (std::size_t image = 0; image < images; ++image) {
    const Bytes entry = file.subspan(at + header_size + image * entry_size, entry_size);
    end = std::max(end, std::uint64_t{at} + load32(entry) + load32(entry.subspan(4)));
  }
  if (end > file.size()) return bad(fmt::format("its images end at {}, the file at {}", end, file.size()));
  return static_cast<std::size_t>(end);
}

}  // namespace

bool begins_with_container(Bytes file) { return is_header(file, 0); }

Result<std::size_t> first_container_set(Bytes file) {
  if (!begins_with_container(file)) return fail(errc::sdp_image, "the boot image begins with no container");
  const std::size_t spacing = spacing_of(file);
  std::size_t end = 0;
  for (std::size_t each = 0; each < most_containers && is_header(file, each * spacing); ++each) {
    FL_TRY(const std::size_t its_end, end_of_container(file, each * spacing));
    end = std::max(end, its_end);
  }
  // The ROM reads whole KiB; a file may end before the last one is full.
  return std::min((end + 0x3ff) / 0x400 * 0x400, file.size());
}

}  // namespace flashline::transport
