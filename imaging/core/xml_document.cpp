#include "imaging/core/xml_document.h"

#include <algorithm>
#include <pugixml.hpp>
#include <set>

namespace flashline {
namespace {

constexpr std::string_view spaces = " \t\r\n";

/// Byte offsets of the attribute names of the element whose name begins at `at`: pugixml does not keep them.
std::vector<std::size_t> attribute_offsets(std::string_view source, std::size_t at) {
  std::vector<std::size_t> offsets;
  at = source.find_first_of(" \t\r\n/>", at);
  while (at != std::string_view::npos) {
    at = source.find_first_not_of(spaces, at);
    if (at == std::string_view::npos || source[at] == '>' || source[at] == '/') break;
    offsets.push_back(at);
    const std::size_t open = source.find_first_of("\"'", at);
    if (open == std::string_view::npos) break;
    const std::size_t close = source.find(source[open], open + 1);
    at = close == std::string_view::npos ? close : close + 1;
  }
  return offsets;
}

std::size_t offset_of_node(const pugi::xml_node& node) {
  return node.offset_debug() < 0 ? 0 : static_cast<std::size_t>(node.offset_debug());
}

void add_text(XmlElement& element, const pugi::xml_node& node) {
  const std::string_view value = node.value();
  const bool blank = element.text_offset == 0;  // text never stands at the front of a document
  const std::size_t first = value.find_first_not_of(spaces);
  if (blank && first != std::string_view::npos) element.text_offset = offset_of_node(node) + first;
  element.text += value;
}

Result<XmlElement> to_element(const XmlDocument& document, const pugi::xml_node& node, Errc not_well_formed) {
  XmlElement element{.name = node.name(), .offset = offset_of_node(node), .attributes = {}, .children = {}, .text = {}};
  const auto offsets = attribute_offsets(document.source, element.offset);
  std::set<std::string_view> names;
  for (const pugi::xml_attribute& attribute : node.attributes()) {
    const std::size_t index = element.attributes.size();
    const std::size_t offset = index < offsets.size() ? offsets[index] : element.offset;
    if (!names.insert(attribute.name()).second) {
      return document.error(not_well_formed, offset,
                            "attribute '" + std::string{attribute.name()} + "' stands twice in <" + element.name + ">");
    }
    element.attributes.push_back({attribute.name(), attribute.value(), offset});
  }
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() == pugi::node_element) {
      FL_TRY(auto converted, to_element(document, child, not_well_formed));
      element.children.push_back(std::move(converted));
    } else if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
      add_text(element, child);
    }
  }
  return element;
}

}  // namespace

std::string XmlDocument::where(std::size_t offset) const { return file + ":" + places.at(source, offset); }

std::unexpected<Error> XmlDocument::error(Errc code, std::size_t offset, std::string_view what) const {
  return fail(code, where(offset) + ": " + std::string{what});
}

Result<XmlDocument> parse_xml(std::string_view source, std::string file, const XmlRules& rules) {
  XmlDocument document{
      .file = std::move(file), .source = std::string{source.substr(0, rules.max_bytes + 1)}, .places = {}, .root = {}};
  if (source.size() > rules.max_bytes) {
    return fail(rules.too_large, document.file + ": " + std::to_string(source.size()) + " bytes, at most " +
                                     std::to_string(rules.max_bytes) + " are read");
  }
  document.places = TextPlaces{document.source};
  FL_CHECK(check_xml_text(document, rules));
  pugi::xml_document parsed;
  const auto result = parsed.load_buffer(document.source.data(), document.source.size(),
                                         pugi::parse_default | pugi::parse_ws_pcdata, pugi::encoding_utf8);
  if (!result) {
    return document.error(rules.not_well_formed, static_cast<std::size_t>(std::max<std::ptrdiff_t>(result.offset, 0)),
                          result.description());
  }
  FL_TRY(document.root, to_element(document, parsed.document_element(), rules.not_well_formed));
  return document;
}

}  // namespace flashline
