#pragma once
// A recipe and a unit's fields become the bytes that make its board different.

#include <chrono>

#include "flasher/engine/loaded_image.h"
#include "imaging/core/error.h"
#include "imaging/provisioning/unit_fields.h"
#include "imaging/provisioning/unit_overlay.h"
#include "station-config/recipe.h"

namespace flashline::line {

/// The overlay of the image's first store on a board of `capacity` bytes. Reads the image and blocks: not for the event
/// thread. Errors: those of render_overlay and of the image.
Result<imaging::UnitOverlay> render_unit(const LoadedImage& image, ByteCount capacity, const config::Recipe& recipe,
                                         const imaging::UnitFields& fields, std::chrono::sys_seconds time);

}  // namespace flashline::line
