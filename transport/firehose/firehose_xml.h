#pragma once
// What a Firehose programmer says. It looks like XML and often is none: quotes stand unescaped inside of logged values,
// documents follow each other in one transfer, zeros fill its end. So it is read with a tolerant eye and hard limits.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::transport {

struct FirehoseAttribute {
  std::string name;
  std::string value;  ///< entities resolved; any bytes
};

/// An element inside of <data>.
struct FirehoseElement {
  std::string name;
  std::vector<FirehoseAttribute> attributes;

  /// Null when there is none. Names are compared case-blind: programmers differ.
  const std::string* find(std::string_view name) const;
  /// A decimal or 0x number; nothing when it is none or does not fit.
  std::optional<std::uint64_t> number(std::string_view name) const;
};

struct FirehoseText {
  std::vector<FirehoseElement> elements{};
  std::size_t used = 0;  ///< bytes that need not be looked at again: all but the beginning of a document
};

/// Most bytes that are looked at together, and most elements in them.
constexpr std::size_t firehose_text_limit = 64 * 1024;
constexpr std::size_t firehose_element_limit = 512;

/// The elements of all whole documents at the beginning of `text`. Errors: firehose_reply (no XML, a document type,
/// more than the limits).
Result<FirehoseText> read_firehose(std::string_view text);

/// A whole number, decimal or 0x, without anything around it.
std::optional<std::uint64_t> whole_number(std::string_view text);

/// `<?xml ...?><data><verb attributes/></data>`. `verb` and names are the program's own, values are escaped.
std::string firehose_command(std::string_view verb, const std::vector<FirehoseAttribute>& attributes);

}  // namespace flashline::transport
