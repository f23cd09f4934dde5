#pragma once
// The place in a definition, put before the errors of what it names.

#include <string_view>

#include "imaging/core/xml_document.h"

namespace flashline::imaging {

/// `result`, its error put behind "file:line:column: ".
template <class T>
Result<T> located(const XmlDocument& document, std::size_t offset, Result<T> result) {
  if (!result) return std::unexpected{in_context(document.where(offset), std::move(result).error())};
  return result;
}

}  // namespace flashline::imaging
