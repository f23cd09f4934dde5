#pragma once
// The image vector table: where in a boot image of the i.MX6/7/8M the ROM finds what to load, to set up and to run.
// Source: the boot chapters of NXP's reference manuals ("Image Vector Table and Boot Data", "Device Configuration
// Data").

#include <cstddef>
#include <cstdint>
#include <span>

#include "imaging/core/error.h"

namespace flashline::transport {

/// A part of the file, inside of it for certain.
struct FilePart {
  std::size_t at = 0;
  std::size_t length = 0;
};

struct ImageVectorTable {
  /// Offset of the DCD pointer inside the table.
  static constexpr std::size_t dcd_pointer = 12;
  static constexpr std::size_t size = 32;

  std::uint32_t self = 0;  ///< address of the table itself on the chip: where `image` goes, and where the ROM jumps to
  FilePart image{};        ///< from the table on; cut to the file, since boot data count padding that files leave out
  FilePart dcd{};          ///< the memory set-up; length 0: none
  bool is_signed = false;  ///< a command sequence file is there: closed chips want one
};

/// The first table in `file` that is whole; tables of the HDMI firmware that i.MX8MQ images begin with are passed over.
/// Errors: sdp_image (none there, or what is wrong with the only ones).
Result<ImageVectorTable> find_ivt(std::span<const std::byte> file);

}  // namespace flashline::transport
