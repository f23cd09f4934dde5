#pragma once
// Who may do what with the keys of a hive that is made from nothing.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace flashline::imaging {

enum class KeyReaders : std::uint8_t { administrators, everybody };

/// A self-relative security descriptor, inherited by keys below: SYSTEM and administrators have full control, users may
/// read when everybody may. Owner and group: administrators.
std::vector<std::byte> key_security(KeyReaders readers);

}  // namespace flashline::imaging
