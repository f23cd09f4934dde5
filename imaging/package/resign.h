#pragma once
// A package that somebody signed for test becomes one that is signed for retail, or the other way.

#include <filesystem>

#include "imaging/core/error.h"
#include "imaging/package/cab.h"

namespace flashline::imaging {

/// Signs a package anew, in place: its programs (.sys, .dll, .exe, .efi; HAL extensions keep their own signature, and
/// so do firmware's loaders that somebody signed, but not for test), the catalogs of its provisioning packages, then
/// its catalog and the cabinet. Complete or not at all. The payload is unpacked beside the package meanwhile.
/// `options.signer` is there.
/// Errors: those of extract_cab, PackageSigner and write_cab; image_write.
Status resign_package(const std::filesystem::path& cab, const CabOptions& options);

}  // namespace flashline::imaging
