#pragma once
// The bytes of a tree's file, checked on their way into an image.

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/filesystem/file_tree.h"

namespace flashline::imaging {

/// Bytes that are copied at once. A multiple of every cluster and block size.
constexpr std::size_t content_piece = 1U << 20U;

using TakeContent = std::function<Status(std::span<const std::byte> piece)>;

/// Hands `entry`'s bytes to `take`, in order, in pieces of content_piece bytes but for the last.
/// Errors: image_open, image_read, content_changed (other size, other digest); those of `take`.
Status read_content(const TreeEntry& entry, const TakeContent& take);

/// The first `limit` bytes of `entry`, fewer when it has not as many. Errors: image_open, image_read.
Result<std::vector<std::byte>> content_start(const TreeEntry& entry, std::size_t limit);

/// Writes what is not zero of `bytes`, so that a sparse file stays one. `view` reads as zeros there before.
Status write_sparse(WritableBlockView& view, ByteOffset at, std::span<const std::byte> bytes);

}  // namespace flashline::imaging
