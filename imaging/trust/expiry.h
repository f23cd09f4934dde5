#pragma once
// Certificates that end soon, in words.

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace flashline::imaging {

/// "the certificates of CN=... end in 12 days", when expiry_warning says that it is time; nullopt: it is not.
std::optional<std::string> expiry_sentence(std::string_view whose, std::time_t not_after, std::time_t now);

}  // namespace flashline::imaging
