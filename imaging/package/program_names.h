#pragma once
// Which files of a package are programs that carry a signature of their own. Source: imaging.md section 9.

#include <string_view>

namespace flashline::imaging {

/// Ends with .sys, .dll, .exe or .efi, in any case.
bool is_program_name(std::string_view path);

/// HAL extensions (halext*.dll) have a certificate of their own. `path` in either system's form.
bool is_hal_extension(std::string_view path);

}  // namespace flashline::imaging
