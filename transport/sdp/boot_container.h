#pragma once
// Boot containers: what the i.MX8ULP, 8X, 9x start from. Source: the boot chapters of NXP's reference manuals
// ("Container format").

#include <cstddef>
#include <cstdint>
#include <span>

#include "imaging/core/error.h"

namespace flashline::transport {

/// True when a container header stands at the beginning of `file`.
bool begins_with_container(std::span<const std::byte> file);

/// Bytes from the beginning of `file` to the end of its first set of containers: what the ROM takes by itself. Behind
/// it lies what the first stage fetches. Errors: sdp_image (no container, or images past the end of the file).
Result<std::size_t> first_container_set(std::span<const std::byte> file);

}  // namespace flashline::transport
