#pragma once
// DER values as expressions: the code that makes a structure reads like the structure.

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace flashline::imaging::der {

using Bytes = std::vector<std::byte>;

/// Identifier octets used in catalogs.
enum Tag : std::uint8_t {
  integer_tag = 0x02,
  octets_tag = 0x04,
  null_tag = 0x05,
  oid_tag = 0x06,
  bmp_tag = 0x1E,
  utc_time_tag = 0x17,
  generalized_time_tag = 0x18,
  sequence_tag = 0x30,
  set_tag = 0x31,
  context_0 = 0xA0,            ///< [0], constructed
  context_1 = 0xA1,            ///< [1], constructed
  context_2 = 0xA2,            ///< [2], constructed
  context_0_primitive = 0x80,  ///< [0] IMPLICIT of a string
};

/// Tag, minimal definite length, content.
Bytes value(std::uint8_t tag, std::span<const std::byte> content);
/// Constructed value of already encoded children, in the given order.
Bytes group(std::uint8_t tag, std::initializer_list<Bytes> children);
inline Bytes sequence(std::initializer_list<Bytes> children) { return group(sequence_tag, children); }
inline Bytes set(std::initializer_list<Bytes> children) { return group(set_tag, children); }
/// SET OF: DER wants its children sorted by their encoding. `tag` is set_tag or a context tag that replaces it.
Bytes set_of(std::vector<Bytes> children, std::uint8_t tag = set_tag);

Bytes integer(std::uint32_t number);
Bytes null();
Bytes octets(std::span<const std::byte> content);
/// `dotted` is a valid object identifier of this program, such as oid::ctl.
Bytes oid(std::string_view dotted);
/// ASCII text as big-endian UTF-16.
Bytes bmp(std::string_view ascii);
/// UTCTime up to 2049, GeneralizedTime after it (RFC 5280); `when` in seconds since 1970, UTC.
Bytes time(std::time_t when);

}  // namespace flashline::imaging::der
