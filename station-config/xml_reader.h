#pragma once
// Checked access to one element: first its shape, then its values. Private to this room.

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/xml_document.h"

namespace flashline::config {

struct AttributeRule {
  std::string_view name;
  bool required = false;
};

struct ChildRule {
  std::string_view name;
  std::size_t least = 0;
  std::size_t most = 1;
};

/// What may stand in an element; the XSD files say the same.
struct Shape {
  std::vector<AttributeRule> attributes;
  std::vector<ChildRule> children;
  bool text = false;
};

/// A kind of value: how it is read, and the error when it is not one.
template <class T>
struct Form {
  std::optional<T> (*parse)(std::string_view);
  Errc code;
  std::string_view what;  ///< "a size"
};

template <class T>
struct Word {
  std::string_view word;
  T value;
};

/// View of one element; document and element outlive it.
class ElementReader {
 public:
  ElementReader(const XmlDocument& document, const XmlElement& element) : document_{&document}, element_{&element} {}

  /// Errors: config_unknown_attribute, config_missing_attribute, config_unknown_element, config_missing_element,
  /// config_repeated_element, config_unexpected_text.
  Status check(const Shape& shape) const;

  /// nullptr when it is not there.
  const XmlAttribute* find(std::string_view name) const;
  /// The only child of that name.
  std::optional<ElementReader> child(std::string_view name) const;
  std::vector<ElementReader> children(std::string_view name) const;
  std::string_view name() const { return element_->name; }
  const std::string& text() const { return element_->text; }
  std::size_t text_offset() const { return element_->text_offset; }
  std::string where() const { return document_->where(element_->offset); }

  std::unexpected<Error> error(Errc code, std::string_view what) const {
    return document_->error(code, element_->offset, what);
  }
  /// The same, pointing at an attribute where it is there.
  std::unexpected<Error> error_at(std::string_view attribute, Errc code, std::string_view what) const;

  /// The attribute's text, or `fallback` when it is not there.
  std::string text_of(std::string_view attribute, std::string_view fallback = {}) const;

  template <class T>
  Result<T> value(std::string_view attribute, const Form<T>& form, T fallback = {}) const {
    const XmlAttribute* found = find(attribute);
    if (found == nullptr) return fallback;
    if (const auto parsed = form.parse(found->value)) return *parsed;
    return not_a(*found, form.code, form.what);
  }

  template <class T>
  Result<T> choice(std::string_view attribute, std::initializer_list<Word<T>> words, T fallback) const {
    const XmlAttribute* found = find(attribute);
    if (found == nullptr) return fallback;
    std::vector<std::string_view> known;
    for (const Word<T>& row : words) {
      if (row.word == found->value) return row.value;
      known.push_back(row.word);
    }
    return not_one_of(*found, known);
  }

  Result<std::uint64_t> number(std::string_view attribute, std::uint64_t least, std::uint64_t most,
                               std::uint64_t fallback) const;
  /// The path, absolute from `base`, normalised. Errors: config_path (empty, or ends in '/').
  Result<std::filesystem::path> path(std::string_view attribute, const std::filesystem::path& base,
                                     std::string_view fallback = {}) const;

 private:
  Status check_attributes(const Shape& shape) const;
  Status check_children(const Shape& shape) const;
  std::unexpected<Error> not_a(const XmlAttribute& found, Errc code, std::string_view what) const;
  std::unexpected<Error> not_one_of(const XmlAttribute& found, const std::vector<std::string_view>& known) const;

  const XmlDocument* document_;
  const XmlElement* element_;
};

/// The root element of `xml` once it has the name `root`. Errors: those of parse_xml, config_root.
Result<XmlDocument> parse_rooted(std::string_view xml, const std::filesystem::path& file, std::string_view root);

/// All of a text file. Errors: config_open, config_too_large.
Result<std::string> read_text_file(const std::filesystem::path& file);

/// "; did you mean 'slot'?" for the closest of `known`, or nothing when none is close.
std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace flashline::config
