#pragma once
// An image as the plain disk that a board gets.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "imaging/source/image.h"

namespace flashline::imaging {

struct ExtractOptions {
  std::size_t store = 0;            ///< index into OpenedImage::stores
  std::optional<ByteCount> size{};  ///< of the disk; none: what the image was built for
  bool fit_gpt = false;             ///< move the backup GPT to the end of a larger disk
};

struct ExtractReport {
  ByteCount size;     ///< of the file
  ByteCount written;  ///< bytes of it that are not holes
};

/// Size of the disk that `plan` was built for: gpt_size where the plan places content from the end, else min_size.
ByteCount built_size(const BlockPlan& plan);

/// Writes the disk to `path` as a sparse file, complete or not at all. Content is checked against the plan's digests.
/// `progress` gets bytes of the disk done and in all.
/// Errors: usage (no such store), image_write, those of resolved(), fit_gpt(), PlanView and of the image's stream.
Result<ExtractReport> extract_image(OpenedImage in, const ExtractOptions& options, const std::filesystem::path& path,
                                    const std::function<void(ByteCount done, ByteCount total)>& progress = {});

}  // namespace flashline::imaging
