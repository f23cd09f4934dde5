#include "tests/lab/emulators/boot_images.h"

#include <algorithm>
#include <array>
#include <span>

#include "imaging/core/little_endian.h"

namespace flashline::lab {
namespace {

constexpr std::size_t boot_data_at = 32;
constexpr std::size_t dcd_at = 64;
constexpr std::size_t csf_size = 64;

std::size_t up(std::size_t value) { return (value + 0x3ff) / 0x400 * 0x400; }

std::size_t spacing(const ContainerPlan& plan) { return plan.version >= 2 ? 0x4000 : 0x400; }

void put_container(std::span<std::byte> file, std::size_t at, std::uint8_t version,
                   std::span<const std::uint32_t> sizes, std::size_t first_image) {
  const auto header = file.subspan(at);
  header[0] = std::byte{version};
  store16(header.subspan(1), static_cast<std::uint32_t>(16 + sizes.size() * 128));
  header[3] = std::byte{0x87};
  header[11] = static_cast<std::byte>(sizes.size());
  std::size_t image = first_image;
  for (std::size_t each = 0; each < sizes.size(); ++each) {
    const auto entry = header.subspan(16 + each * 128);
    store32(entry, static_cast<std::uint32_t>(image - at));
    store32(entry.subspan(4), sizes[each]);
    image = up(image + sizes[each]);
  }
}

}  // namespace

Bytes pattern(std::size_t size, std::uint32_t seed) {
  Bytes bytes(size);
  std::uint32_t state = seed * 2654435761U + 1;
  for (std::byte& each : bytes) {
    state = state * 1664525U + 1013904223U;
    each = static_cast<std::byte>(state >> 24U);
  }
  return bytes;
}

Bytes ivt_image(const IvtImagePlan& plan) {
  Bytes file = pattern(plan.table_at + plan.length + plan.rest, 7);
  // The pattern must not look like a table by chance where the reader searches.
  const auto table = std::span{file}.subspan(plan.table_at);
  const auto address = [&](std::size_t offset) { return plan.self + static_cast<std::uint32_t>(offset); };
  std::ranges::fill(table.first(dcd_at), std::byte{0});
  store32(table, plan.header);
  store32(table.subspan(4), address(0x1000));
  store32(table.subspan(16), address(boot_data_at));
  store32(table.subspan(20), plan.self);
  store32(table.subspan(boot_data_at), plan.self - plan.before);
  store32(table.subspan(boot_data_at + 4), static_cast<std::uint32_t>(plan.length) + plan.before);
  store32(table.subspan(boot_data_at + 8), plan.plugin);
  if (plan.dcd_length > 0) {
    store32(table.subspan(12), address(dcd_at));
    table[dcd_at] = std::byte{0xd2};
    table[dcd_at + 1] = static_cast<std::byte>(plan.dcd_length >> 8U);
    table[dcd_at + 2] = static_cast<std::byte>(plan.dcd_length & 0xffU);
    table[dcd_at + 3] = std::byte{0x40};
  }
  if (plan.is_signed) {
    store32(table.subspan(24), address(plan.length - csf_size));
    table[plan.length - csf_size] = std::byte{0xd4};
  }
  return file;
}

std::size_t container_set_size(const ContainerPlan& plan) {
  std::size_t end = spacing(plan) * 2;
  if (plan.firmware) end = up(end + 2000);
  for (const std::uint32_t size : plan.images) end = up(end + size);
  return end;
}

Bytes container_image(const ContainerPlan& plan) {
  Bytes file = pattern(container_set_size(plan) + plan.rest, 9);
  const std::size_t headers = spacing(plan) * 2;
  std::ranges::fill(std::span{file}.first(headers), std::byte{0});
  constexpr std::array<std::uint32_t, 1> firmware{2000};
  if (plan.firmware) put_container(file, 0, plan.version, firmware, headers);
  put_container(file, plan.firmware ? spacing(plan) : 0, plan.version, plan.images,
                plan.firmware ? up(headers + firmware[0]) : headers);
  return file;
}

}  // namespace flashline::lab
