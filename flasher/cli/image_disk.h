#pragma once
// An opened image as what its target will be, byte for byte: what extract writes and diff compares.

#include <filesystem>
#include <string>
#include <vector>

#include "flasher/cli/console.h"
#include "imaging/source/image.h"
#include "imaging/source/plan_view.h"

namespace flashline::line {

/// Opens `path`; the content of a compressed image goes to a nameless file in `spool_folder` first.
/// Errors: those of open_image and of the stream, image_write.
Result<imaging::OpenedImage> open_for_access(const std::filesystem::path& path, const imaging::OpenOptions& options,
                                             const std::filesystem::path& spool_folder, Console& console);

/// Store number `number` (from 1; nullopt: the only one). Errors: usage, naming the stores there are.
Result<const imaging::StorePlan*> pick_store(const imaging::OpenedImage& image, std::optional<std::uint64_t> number);

/// `out` would replace `in`. Errors: usage.
Status refuse_same_file(const std::filesystem::path& in, const std::filesystem::path& out);

/// Size of the medium the store was made for, in bytes.
ByteCount own_size(const imaging::StorePlan& store);

}  // namespace flashline::line
