#pragma once
// What differs between one bootloader and the next: filled from a board's profile.

#include <cstdint>
#include <optional>
#include <string>

#include "imaging/core/units.h"

namespace flashline::transport {

/// A medium behind a bootloader, and what this bootloader can do with it.
struct FastbootTarget {
  /// What the size is asked as.
  enum class Size : std::uint8_t {
    mmc,      ///< mmc-sector-count times mmc-sector-size
    bytes,    ///< partition-size:<partition>
    sectors,  ///< the same in sectors, as older U-Boots answer
  };
  /// How the board compares what it holds with what it was sent.
  enum class Verify : std::uint8_t {
    none,
    bmap,   ///< oem bmap-verify: SHA-256 of ranges, as the Raspberry Pi's gadget does
    crc32,  ///< UCmd:mmc read and crc32 -v, as U-Boot does
  };

  std::string partition{};  ///< the whole medium: "mmcblk0", "all"
  Size size = Size::bytes;
  Verify verify = Verify::none;
  bool erases = false;              ///< erase:<partition> is worth asking for
  std::uint32_t sector_size = 512;  ///< where the bootloader does not tell
  ByteCount most_download{64_MiB};  ///< bytes of one segment on the wire
  ByteCount most_written{256_MiB};  ///< bytes of one segment on the medium: what fits into the time for flash
  std::optional<unsigned> mmc{};    ///< U-Boot's number of the medium; none: its current one
  ByteCount read_at_once{16_MiB};   ///< what U-Boot can read to ${loadaddr}
};

/// The Raspberry Pi's gadget: `device` is a name below /dev.
inline FastbootTarget pi_gadget_target(std::string device = "mmcblk0") {
  return {.partition = std::move(device),
          .size = FastbootTarget::Size::mmc,
          .verify = FastbootTarget::Verify::bmap,
          .erases = true};
}

/// A U-Boot whose whole medium is called `partition`. Says nothing while it writes: small segments keep each answer
/// short.
inline FastbootTarget u_boot_target(std::string partition = "all") {
  return {.partition = std::move(partition),
          .verify = FastbootTarget::Verify::crc32,
          .most_download = ByteCount{16_MiB},
          .most_written = ByteCount{64_MiB}};
}

}  // namespace flashline::transport
