#pragma once
// Text on its way into XML or HTML.

#include <string>
#include <string_view>

namespace flashline {

/// `text` as it may stand between tags and in a quoted attribute. Control characters become references: as they are,
/// white space in an attribute would come back as a space.
std::string xml_escaped(std::string_view text);

}  // namespace flashline
