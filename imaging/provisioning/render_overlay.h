#pragma once
// A unit's own files, placed into the image's FAT partitions without touching the image.

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/provisioning/unit_fields.h"
#include "imaging/provisioning/unit_overlay.h"

namespace flashline::imaging {

/// A file that every unit gets, with its own fields filled in.
struct OverlayFile {
  std::string partition;  ///< number from 1, GPT name, or FAT volume label
  std::string path;       ///< inside of the partition, '/' between names
  std::string text;       ///< a template, see text_template.h
  std::string origin;     ///< where `text` came from, for messages
};

/// The overlay that puts `files` onto a disk. `disk` is the target as the image makes it and is only read; the files
/// are dated `time`. A disk without a partition table is taken as one partition with number 1. Errors: template_syntax,
/// template_field, overlay_partition (none, several, or not FAT); those of FatVolume and of read_partition_table.
Result<UnitOverlay> render_overlay(BlockView& disk, std::span<const OverlayFile> files, const UnitFields& fields,
                                   std::chrono::sys_seconds time);

}  // namespace flashline::imaging
