#pragma once
// An XML file as elements that know where they stand.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/text_places.h"

namespace flashline {

/// How much a kind of file may hold, and which errors its mistakes are.
struct XmlRules {
  std::size_t max_bytes;  ///< more is a mistake or an attack
  std::size_t max_depth;  ///< of nested elements
  Errc too_large;
  Errc encoding;
  Errc not_well_formed;
  Errc doctype;
};

struct XmlAttribute {
  std::string name;
  std::string value;
  std::size_t offset = 0;  ///< of its name, in bytes
};

struct XmlElement {
  std::string name;
  std::size_t offset = 0;  ///< of its name, in bytes
  std::vector<XmlAttribute> attributes;
  std::vector<XmlElement> children;
  std::string text;             ///< all text directly inside, entities resolved
  std::size_t text_offset = 0;  ///< of the first text that is not white space
};

struct XmlDocument {
  std::string file;  ///< as the user named it
  std::string source;
  TextPlaces places;  ///< of `source`
  XmlElement root;

  /// "file:line:column" of a byte; lines and columns count from 1, columns in characters.
  std::string where(std::size_t offset) const;
  std::unexpected<Error> error(Errc code, std::size_t offset, std::string_view what) const;
};

/// `source` is UTF-8, with or without a byte order mark. Errors: those of the rules.
Result<XmlDocument> parse_xml(std::string_view source, std::string file, const XmlRules& rules);

/// What pugixml lets pass and a strict reader does not: bytes that are no UTF-8 text, document types, unknown
/// entities, text outside the root, a second root. `document.root` is not used.
Status check_xml_text(const XmlDocument& document, const XmlRules& rules);

}  // namespace flashline
