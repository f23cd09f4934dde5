#pragma once
// Serials, MAC addresses and host names as pure functions; who gets which is the batch's business.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// How {c} is made of the digits of the rest of the serial; letters do not count.
enum class CheckDigit : std::uint8_t {
  none,
  luhn,   ///< ISO/IEC 7812-1, annex B
  mod11,  ///< weights 2, 3, ... 7, 2, 3, ... from the right; eleven minus the rest; 10 is 'X', 11 is '0'
};

/// The serial number `n` of a pattern such as "FL-{n:6}{c}": {n:W} is the counter with at least W digits, {c} the check
/// digit. Errors: serial_pattern, bad_serial.
Result<std::string> serial_of(std::string_view pattern, std::uint64_t n, CheckDigit check);

/// A serial may have 1 to 64 letters, digits and "-._:+#", and begins with a letter or digit: it becomes a file name, a
/// field of a CSV and part of a URL. Errors: bad_serial.
Status check_serial(std::string_view serial);

/// A host name of RFC 1123: labels of 1 to 63 letters, digits and inner hyphens, 253 characters at most.
/// Errors: bad_hostname.
Status check_hostname(std::string_view name);

/// An address that one interface may have: 48 bits, not multicast, not zero.
struct MacAddress {
  std::uint64_t value = 0;
  auto operator<=>(const MacAddress&) const = default;
};

/// "02:00:5E:10:00:00", with ':' or '-' or nothing between the bytes. Errors: bad_mac.
Result<MacAddress> parse_mac_address(std::string_view text);
/// "02:00:5E:10:00:00".
std::string to_text(MacAddress mac);

/// Addresses that are handed out in blocks of `count` a unit. first <= last.
struct MacBlocks {
  MacAddress first;
  MacAddress last;
  std::uint32_t count = 1;
};

/// How many units the pool serves.
std::uint64_t blocks_in(const MacBlocks& pool);
/// The addresses of block `index`, from 0. Errors: mac_pool_exhausted.
Result<std::vector<MacAddress>> mac_block(const MacBlocks& pool, std::uint64_t index);

}  // namespace flashline::imaging
