#include "imaging/core/xml_escape.h"

namespace flashline {

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) {
          out += c;
        } else {
          out.append("&#").append(std::to_string(static_cast<int>(c))).append(";");
        }
    }
  }
  return out;
}

}  // namespace flashline
