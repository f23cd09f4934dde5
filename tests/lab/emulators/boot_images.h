#pragma once
// The smallest boot images that NXP's ROMs would look at: no program in them, but whole tables.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

struct IvtImagePlan {
  std::uint32_t header = 0x402000d1;
  std::size_t table_at = 0;         ///< offset of the table in the file
  std::uint32_t self = 0x277ff400;  ///< address of the table on the chip
  std::uint32_t before = 0x400;     ///< bytes between the start of the image and its table
  std::size_t length = 5000;        ///< of the image from the table on
  std::size_t dcd_length = 40;      ///< 0: no DCD
  bool is_signed = false;
  std::uint32_t plugin = 0;
  std::size_t rest = 0;  ///< bytes of the file behind the image
};
/// Table, boot data behind it, DCD at 64, a pattern, a command sequence at the end where it is signed.
Bytes ivt_image(const IvtImagePlan& plan);

struct ContainerPlan {
  std::uint8_t version = 0;
  std::vector<std::uint32_t> images{3000};  ///< sizes; they lie behind the headers, each on a KiB
  bool firmware = true;                     ///< a container of the security controller goes before the user's
  std::size_t rest = 4000;                  ///< bytes of the file behind the set
};
Bytes container_image(const ContainerPlan& plan);
/// How long the first set in it is.
std::size_t container_set_size(const ContainerPlan& plan);

/// Bytes that are different everywhere, so that what was swapped or lost is seen.
Bytes pattern(std::size_t size, std::uint32_t seed);

}  // namespace flashline::lab
