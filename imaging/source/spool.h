#pragma once
// A stream's bytes in a file, so that they can be read at any place.

#include <filesystem>
#include <functional>

#include "imaging/source/image.h"

namespace flashline::imaging {

/// Bytes done, and how many there will be (0: nobody knows yet).
using SpoolProgress = std::function<void(ByteCount done, ByteCount total)>;

/// Reads `image.content.stream` to its end into a nameless file in `folder`, leaving holes for zeros, and makes it the
/// image's content file; plans the image if that had to wait. An image whose content is a file stays as it is.
/// Errors: image_write, and those of the stream and of plan_spooled.
Status spool(OpenedImage& image, const std::filesystem::path& folder, const SpoolProgress& progress = {});

/// True when all of `bytes` are zero.
bool all_zeros(std::span<const std::byte> bytes);

}  // namespace flashline::imaging
