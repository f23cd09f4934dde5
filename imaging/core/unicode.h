#pragma once
// UTF-8 and UTF-16, as file systems and lists need them: strict on the way in, forgiving on the way out.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace flashline {

/// Where `text` stops being valid UTF-8 (overlong forms, surrogates and values past U+10FFFF are not valid), as a byte
/// index; nullopt when all of it is valid.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

/// `text` as UTF-16; nullopt when it is not valid UTF-8.
std::optional<std::u16string> utf16_of(std::string_view text);

/// `text` as UTF-8; an unpaired surrogate becomes U+FFFD.
std::string utf8_of(std::u16string_view text);

}  // namespace flashline
