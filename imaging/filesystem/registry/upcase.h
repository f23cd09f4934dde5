#pragma once
// Upper case as Windows compares registry names: character by character, with the table of its own.

#include <string>
#include <string_view>

namespace flashline::imaging {

/// `unit` in upper case. The table is Windows 7's (Unicode 5.1), which the boot loaders and kernels of Windows 10 agree
/// with on every character that a hive is sorted by; it is also that of NTFS.
char16_t upcased(char16_t unit);
std::u16string upcased(std::u16string_view text);

}  // namespace flashline::imaging
