#pragma once
// What commands that read an image's content share.

#include <cstdint>
#include <filesystem>
#include <optional>

#include "imaging/core/error.h"
#include "imaging/source/image.h"

namespace flashline::line {

/// Index of store number `number` (from 1; nullopt: the only one). Errors: usage, naming the stores there are.
Result<std::size_t> pick_store(const imaging::OpenedImage& image, std::optional<std::uint64_t> number);

/// `out` would replace `in`. Errors: usage.
Status refuse_same_file(const std::filesystem::path& in, const std::filesystem::path& out);

}  // namespace flashline::line
