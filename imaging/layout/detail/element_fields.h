#pragma once
// An element whose children hold one value each: the form of layouts and platforms.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"

namespace flashline::imaging {

/// `document` and `element` outlive it. Positions are those of the values, where there are any.
class ElementFields {
 public:
  ElementFields(const XmlDocument& document, const XmlElement& element) : document_{document}, element_{element} {}

  /// Nothing but these children, each at most once, and no attributes. Errors: xml_unknown, layout_repeated.
  Status only(std::initializer_list<std::string_view> children) const;

  bool has(std::string_view name) const;
  std::optional<std::string> text(std::string_view name) const;
  /// Errors: xml_missing, also for an empty one.
  Result<std::string> required(std::string_view name) const;
  /// Errors: xml_value.
  Result<bool> flag(std::string_view name, bool fallback) const;
  /// Errors: xml_value, layout_number (more than `max_layout_number`).
  Result<std::optional<std::uint64_t>> number(std::string_view name) const;
  /// As number(), and not 0. Errors: layout_number too.
  Result<std::optional<std::uint64_t>> positive(std::string_view name) const;

  /// Byte offset of that child's value; of the element itself when it has no such child.
  std::size_t at(std::string_view name) const;
  /// "file:line:column" of it.
  std::string where(std::string_view name) const { return document_.where(at(name)); }
  /// An error at that child's value.
  std::unexpected<Error> error(Errc code, std::string_view name, std::string_view what) const {
    return document_.error(code, at(name), what);
  }

  const XmlDocument& document() const { return document_; }
  const XmlElement& element() const { return element_; }

 private:
  const XmlDocument& document_;
  const XmlElement& element_;
};

/// The root's name and namespace, both without case but the latter. Errors: layout_namespace.
Status check_root(const XmlDocument& document, std::string_view name,
                  std::initializer_list<std::string_view> namespaces);

}  // namespace flashline::imaging
