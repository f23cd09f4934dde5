#pragma once
// Strict DER: one encoding for a value, nothing hidden between values.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "imaging/core/error.h"

namespace flashline::imaging::der {

/// One value. The spans point into the bytes that were read.
struct Value {
  std::uint8_t tag = 0;
  std::span<const std::byte> content;
  std::span<const std::byte> whole;  ///< with tag and length
  std::size_t content_at = 0;        ///< offset of `content` in the outermost bytes, for messages
};

/// Cursor over the values of one constructed value.
/// Errors of all reads: catalog_der (broken encoding), catalog_structure (another value than the one expected).
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes, std::size_t base = 0) : bytes_{bytes}, base_{base} {}
  explicit Reader(const Value& parent) : Reader{parent.content, parent.content_at} {}

  bool done() const { return at_ == bytes_.size(); }
  /// The next value has this tag. False at the end.
  bool next_is(std::uint8_t tag) const { return !done() && std::to_integer<std::uint8_t>(bytes_[at_]) == tag; }
  Result<Value> next(const char* what);
  Result<Value> expect(std::uint8_t tag, const char* what);
  /// A reader over the children of the next value, which has this tag.
  Result<Reader> enter(std::uint8_t tag, const char* what);
  /// Dotted text of the next value, an object identifier.
  Result<std::string> oid(const char* what);
  /// The next value is this object identifier.
  Status expect_oid(std::string_view dotted, const char* what);
  /// Nothing follows inside this constructed value.
  Status end(const char* what) const;

 private:
  Result<std::size_t> length(const char* what);
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  std::size_t base_ = 0;
};

/// Walks the whole tree of `bytes`, which must be exactly one value: definite minimal lengths, children that end with
/// their parent, minimal integers, no high tag numbers, depth ≤ 32, at most `max_values` values. Errors: catalog_der.
Status check_tree(std::span<const std::byte> bytes, std::size_t max_values = 65536);

/// An AlgorithmIdentifier whose parameters are absent or NULL, as for all algorithms that signatures here use.
Result<std::string> parse_algorithm(Reader& in, const char* what);

}  // namespace flashline::imaging::der
