#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "imaging/core/xml_document.h"

namespace flashline {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// XML 1.0, production 2.
bool is_xml_char(std::uint32_t c) {
  if (c < 0x20) return c == 0x9 || c == 0xA || c == 0xD;
  return c <= 0xD7FF || (c >= 0xE000 && c <= 0xFFFD) || (c >= 0x10000 && c <= 0x10FFFF);
}

/// Length of the UTF-8 sequence at the front of `text`, 0 when it is none or no XML character.
std::size_t sequence_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  std::uint32_t value = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if (next >> 6 != 2) return 0;
    value = value << 6 | (next & 0x3FU);
  }
  constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  return value >= smallest[length] && is_xml_char(value) ? length : 0;
}

bool is_known_reference(std::string_view name) {
  if (!name.starts_with('#')) return name == "amp" || name == "lt" || name == "gt" || name == "quot" || name == "apos";
  name.remove_prefix(1);
  const int base = name.starts_with('x') ? 16 : 10;
  if (base == 16) name.remove_prefix(1);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value, base);
  return error == std::errc{} && end == name.data() + name.size() && is_xml_char(value);
}

/// Walks the markup once; pugixml does the rest.
class Scan {
 public:
  Scan(const XmlDocument& document, const XmlRules& rules)
      : document_{document}, rules_{rules}, text_{document.source} {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  Status run() {
    while (at_ < text_.size()) FL_CHECK(step());
    if (depth_ != 0) return bad(text_.size(), "the file ends inside an element");
    if (roots_ == 0) return bad(text_.size(), "there is no element");
    return {};
  }

 private:
  std::unexpected<Error> bad(std::size_t at, std::string_view what) const {
    return document_.error(rules_.not_well_formed, at, what);
  }

  Status step() {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("<!--")) return comment();
    if (rest.starts_with("<![CDATA["))
      return depth_ == 0 ? bad(at_, "text outside the root element") : skip_to("]]>", 9);
    if (rest.starts_with("<!")) return document_.error(rules_.doctype, at_, "a document type is refused");
    if (rest.starts_with("<?")) return instruction();
    if (rest.starts_with("<")) return tag();
    return character();
  }

  Status skip_to(std::string_view end, std::size_t from) {
    const std::size_t found = text_.find(end, at_ + from);
    if (found == std::string_view::npos) return bad(at_, "'" + std::string{end} + "' is missing");
    at_ = found + end.size();
    return {};
  }

  Status comment() {
    const std::size_t dashes = text_.find("--", at_ + 4);
    if (dashes != std::string_view::npos && text_.substr(dashes, 3) != "-->") {
      return bad(dashes, "'--' is not allowed inside a comment");
    }
    return skip_to("-->", 4);
  }

  Status instruction() {
    const std::size_t start = at_;
    FL_CHECK(skip_to("?>", 2));
    const std::string_view all = text_.substr(start, at_ - start);
    if (!all.starts_with("<?xml") || all.size() < 6 || !is_space(all[5])) return {};
    if (start != 0 && start != 3) return bad(start, "the XML declaration must come first");
    return declared_encoding(all, start);
  }

  Status declared_encoding(std::string_view declaration, std::size_t start) const {
    const std::size_t key = declaration.find("encoding");
    if (key == std::string_view::npos) return {};
    const std::size_t open = declaration.find_first_of("\"'", key);
    if (open == std::string_view::npos) return bad(start + key, "the encoding is not quoted");
    std::string name{declaration.substr(open + 1, declaration.find(declaration[open], open + 1) - open - 1)};
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (name == "UTF-8" || name == "US-ASCII") return {};
    return document_.error(rules_.encoding, start + key, "encoding '" + name + "' is not read");
  }

  Status tag() {
    const std::size_t start = at_;
    const bool closing = text_.substr(at_).starts_with("</");
    bool self_closing = false;
    FL_CHECK(to_tag_end(self_closing));
    if (closing) {
      if (depth_ == 0) return bad(start, "this end tag closes nothing");
      --depth_;
      return {};
    }
    if (depth_ == 0 && ++roots_ > 1) return bad(start, "there is a second root element");
    if (!self_closing && ++depth_ > rules_.max_depth) {
      return document_.error(rules_.too_large, start,
                             "more than " + std::to_string(rules_.max_depth) + " elements deep");
    }
    return {};
  }

  Status to_tag_end(bool& self_closing) {
    const std::size_t start = at_++;
    char quote = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '<') return bad(at_, "'<' inside a tag");
      if (c == '&') FL_CHECK(reference());
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        self_closing = text_[at_ - 1] == '/';
        ++at_;
        return {};
      }
    }
    return bad(start, "the tag does not end");
  }

  Status reference() const {
    const std::size_t end = text_.find(';', at_);
    const std::string_view name = end == std::string_view::npos ? "" : text_.substr(at_ + 1, end - at_ - 1);
    if (is_known_reference(name)) return {};
    if (name.empty() || name.size() > 32) return bad(at_, "'&' must be written as &amp;");
    return document_.error(rules_.doctype, at_, "entity '&" + std::string{name} + ";' is not known");
  }

  Status character() {
    const char c = text_[at_];
    if (depth_ == 0 && !is_space(c)) return bad(at_, "text outside the root element");
    if (c == '&') FL_CHECK(reference());
    if (text_.substr(at_).starts_with("]]>")) return bad(at_, "']]>' must be written as ]]&gt;");
    ++at_;
    return {};
  }

  const XmlDocument& document_;
  const XmlRules& rules_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t roots_ = 0;
};

}  // namespace

Status check_xml_text(const XmlDocument& document, const XmlRules& rules) {
  const std::string_view text = document.source;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text.substr(at));
    if (length == 0) {
      const auto byte = static_cast<unsigned char>(text[at]);
      const std::string hex{"0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
      return document.error(rules.encoding, at, "byte 0x" + hex + " is no UTF-8 text here");
    }
    at += length;
  }
  return Scan{document, rules}.run();
}

}  // namespace flashline
