#pragma once
// Registry keys as text: the `.reg` form that phone-style packages hold. Versions 5.00 and REGEDIT4.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// The two texts that a package's registry is divided into: `.reg` sets values, `.rga` has lists whose parts join those
/// that other packages set (RegistryValue::append).
enum class RegistryPart : std::uint8_t { settings, additions };

/// That part of `keys`, in their order, as text of version 5.00: UTF-16LE with its mark, CRLF; empty when nothing
/// belongs there. Read back it gives the same keys, bytes and all: data that its type's own notation would change is
/// written as hex. Errors: registry_name (a path with a line break, a name that is no UTF-8).
Result<std::vector<std::byte>> registry_text(std::span<const RegistryKey> keys,
                                             RegistryPart part = RegistryPart::settings);

/// The keys of a file, in its order; a key that stands twice comes twice. Text may be UTF-16LE with a mark, UTF-8, and
/// under REGEDIT4 also Windows-1252. `file` is how messages call it.
/// Errors: registry_text, with file:line:column; deletions (`[-key]`, `"name"=-`) are such an error, and so is what is
/// no list among additions.
Result<std::vector<RegistryKey>> parse_registry_text(std::span<const std::byte> text, std::string_view file,
                                                     RegistryPart part = RegistryPart::settings);

/// What lies on a device of a package's registry: `\Windows\Packages\RegistryFiles\NAME.reg`, then `NAME.rga`; each
/// only where there is something in it. Errors: registry_name.
Result<std::vector<PackageFile>> registry_files(const Package& package);

/// `.reg` and `.rga` are told from each other by their names alone, any case.
RegistryPart registry_part_of(std::string_view file);

}  // namespace flashline::imaging
