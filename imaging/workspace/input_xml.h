#pragma once
// The XML files that a product is built from, read as people write them: UTF-8 or UTF-16, marks or not, any case.

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"

namespace flashline::imaging {

/// Reads `path`; its positions are shown with `path` as it is given. Errors: input_open, xml_too_large, xml_encoding,
/// xml_not_well_formed, xml_doctype.
Result<XmlDocument> read_input_xml(const std::filesystem::path& path);
/// The same from bytes; `file` is how messages call them.
Result<XmlDocument> parse_input_xml(std::span<const std::byte> bytes, std::string file);

/// `name` without its namespace prefix.
std::string_view local_name(std::string_view name);
/// The namespace that the root element lies in; empty when it declares none.
std::string root_namespace(const XmlDocument& document);

/// ASCII letters compared without case: how names of files, features, macros and languages are compared.
bool same_word(std::string_view a, std::string_view b);
/// ASCII letters made small: `same_word` as a key.
std::string folded(std::string_view word);
/// `text` without white space at its ends.
std::string_view trimmed(std::string_view text);

/// The attribute of that name (prefix and case aside), or nullptr.
const XmlAttribute* find_attribute(const XmlElement& element, std::string_view name);
/// Its value, or nothing.
std::optional<std::string> attribute_of(const XmlElement& element, std::string_view name);
/// The first child of that name (prefix and case aside), or nullptr.
const XmlElement* find_child(const XmlElement& element, std::string_view name);
/// The trimmed text of that child, or nothing.
std::optional<std::string> child_text(const XmlElement& element, std::string_view name);

/// Refuses what nobody would read: attributes and children that are not of these names (namespace declarations and
/// xsi: aside). Errors: xml_unknown, at the first one, with the nearest name.
Status check_known(const XmlDocument& document, const XmlElement& element,
                   std::initializer_list<std::string_view> attributes,
                   std::initializer_list<std::string_view> children);

/// The required attribute's value. Errors: xml_missing.
Result<std::string> required_attribute(const XmlDocument& document, const XmlElement& element, std::string_view name);

/// "true", "false", "1", "0", in any case. Errors: xml_value.
Result<bool> parse_bool(const XmlDocument& document, std::size_t offset, std::string_view text);
/// Decimal, or hexadecimal after 0x. Errors: xml_value.
Result<std::uint64_t> parse_number(const XmlDocument& document, std::size_t offset, std::string_view text);

}  // namespace flashline::imaging
