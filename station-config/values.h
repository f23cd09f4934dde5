#pragma once
// The lexical forms of attribute values and of command line options. Each is also a pattern in the XSD files.

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string_view>

#include "imaging/core/digest.h"

namespace flashline::config {

/// Digits only, no sign; at most 20 of them.
std::optional<std::uint64_t> parse_number(std::string_view text);
/// Digits and a unit: none or B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB. Bytes.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// A size and "/s". Bytes per second.
std::optional<std::uint64_t> parse_rate(std::string_view text);
/// Digits and ms or s; at most an hour.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
/// RFC 3339 in UTC without fractions, "2026-01-01T00:00:00Z". Seconds since 1970.
std::optional<std::time_t> parse_utc(std::string_view text);
std::optional<bool> parse_boolean(std::string_view text);
/// 64 hex digits of either case.
std::optional<Sha256> parse_sha256(std::string_view text);
/// Letters, digits, '.', '_', '-', beginning with a letter or digit; 1 to `longest` characters.
bool is_name(std::string_view text, std::size_t longest);
/// "pci-0000:00:14.0/2.3" or "pci-0000:00:14.0/2.3#1": the text form of transport's PortPath, which this room must not
/// know; a test holds the two against each other.
bool is_port(std::string_view text);
/// One line of 1 to 64 characters that neither begins nor ends with a blank.
bool is_title(std::string_view text);

}  // namespace flashline::config
