#pragma once
// Registry keys as text: the `.reg` form that phone-style packages hold. Versions 5.00 and REGEDIT4.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// `keys` in their order, as text of version 5.00: UTF-16LE with its mark, CRLF. Read back it gives the same keys,
/// bytes and all: data that its type's own notation would change is written as hex.
/// Errors: registry_name (a path with a line break, a name that is no UTF-8).
Result<std::vector<std::byte>> registry_text(std::span<const RegistryKey> keys);

/// The keys of a file, in its order; a key that stands twice comes twice. Text may be UTF-16LE with a mark, UTF-8, and
/// under REGEDIT4 also Windows-1252. `file` is how messages call it.
/// Errors: registry_text, with file:line:column; deletions (`[-key]`, `"name"=-`) are such an error.
Result<std::vector<RegistryKey>> parse_registry_text(std::span<const std::byte> text, std::string_view file);

}  // namespace flashline::imaging
