#pragma once
// Registry values: the text that people write, the bytes that hives store.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// UTF-16LE with a terminating zero. `text` is UTF-8.
RegistryValue text_value(std::string_view name, std::string_view text, RegistryType type = RegistryType::sz);
/// Each part with its zero, then one more. No part is empty.
RegistryValue list_value(std::string_view name, const std::vector<std::string>& parts);
RegistryValue dword_value(std::string_view name, std::uint32_t number);
RegistryValue binary_value(std::string_view name, std::vector<std::byte> data,
                           RegistryType type = RegistryType::binary);

/// Little-endian bytes of `number`, put behind `bytes`.
void append_u32(std::vector<std::byte>& bytes, std::uint32_t number);

/// The parts of `text` between any of `dividers`, without white space at their ends; empty ones fall away.
std::vector<std::string> list_parts(std::string_view text, std::string_view dividers);

/// Adds `value` to `path`'s entry when that is the last one, else begins a new one: what belongs together stays so.
void add_value(std::vector<RegistryKey>& keys, const std::string& path, RegistryValue value);

/// wm.xml and pkg.xml divide lists and bytes differently (imaging.md 3.5).
enum class ValueDialect : std::uint8_t { wm, pkg };

/// A value as a definition writes it: `type` is "REG_DWORD" and so on, `text` is expanded already.
/// Errors: registry_value (type unknown, or text that it cannot be).
Result<RegistryValue> parse_registry_value(std::string_view name, std::string_view type, std::string_view text,
                                           ValueDialect dialect);

}  // namespace flashline::imaging
