#pragma once
// The way in for full flash update images (FFU): V1, V2 with several stores, and compressed ones (experimental).

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/source/content.h"
#include "imaging/source/image.h"

namespace flashline::imaging {

/// True when a file that begins with `bytes` is a full flash update image. At least 16 bytes are needed to tell.
bool is_ffu(std::span<const std::byte> bytes);

/// Opens the image `file`, which was found at `path` (for messages only). Order of checks: ffu-format.md section 7,
/// steps 1 to 5; nothing is interpreted before its digest was checked, and memory does not grow with the payload.
/// Payload chunks are checked by whoever reads them, against the digests of the plans. The content of V1 and V2 is the
/// file itself. Compressed images need `options.experimental`; their content is a stream of decompressed blocks.
/// Where the image's own table ranges do not keep an interrupted board from booting (none, or all blocks in one), the
/// plan is made safe: both ends zeroed first, the tables last.
/// Errors: truncated, chunk_hash, file_digest, out_of_disk, all ffu_*, and those of verify_catalog.
Result<OpenedImage> open_ffu(FileHandle file, const std::filesystem::path& path, const OpenOptions& options);

/// Bytes that were checked so far, and how many there are in all.
using VerifyProgress = std::function<void(ByteCount done, ByteCount total)>;

/// Reads the whole image, compares each unit of its content with its digest and gives the SHA-256 of the file.
/// For any image whose content is a file, and for compressed FFUs (whose stream stands at its beginning afterwards).
/// Errors: chunk_hash, image_read, truncated, ffu_decompress.
Result<Sha256> verify_payload(OpenedImage& image, const VerifyProgress& progress);

/// SHA-256 of the file behind `fd`, from its first byte to its last. Errors: image_read.
Result<Sha256> digest_of_file(int fd);

}  // namespace flashline::imaging
