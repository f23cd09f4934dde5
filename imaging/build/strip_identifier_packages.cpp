#include "imaging/build/detail/strip_identifier_packages.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "imaging/workspace/input_xml.h"

namespace flashline::imaging::detail {
namespace {

/// First byte behind `mark`, looked for from `at`; the text is well-formed, so it is there.
std::size_t behind(std::string_view text, std::string_view mark, std::size_t at) {
  const std::size_t found = text.find(mark, at);
  return found == std::string_view::npos ? text.size() : found + mark.size();
}

/// First byte behind the tag whose '<' is at `at`: a '>' inside of an attribute's value is text.
std::size_t end_of_tag(std::string_view text, std::size_t at) {
  char quote = 0;
  for (; at < text.size(); ++at) {
    if (quote != 0) {
      if (text[at] == quote) quote = 0;
    } else if (text[at] == '"' || text[at] == '\'') {
      quote = text[at];
    } else if (text[at] == '>') {
      return at + 1;
    }
  }
  return at;
}

/// First byte behind the element whose '<' is at `at`.
std::size_t end_of_element(std::string_view text, std::size_t at) {
  std::size_t open = 0;
  while (at < text.size()) {
    at = text.find('<', at);
    if (at == std::string_view::npos) break;
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("<!--")) {
      at = behind(text, "-->", at + 4);
    } else if (rest.starts_with("<![CDATA[")) {
      at = behind(text, "]]>", at);
    } else if (rest.starts_with("<?")) {
      at = behind(text, "?>", at);
    } else {
      const std::size_t end = end_of_tag(text, at);
      const bool closes = rest.starts_with("</");
      const bool empty = text[end - 1] == '>' && text[end - 2] == '/';
      at = end;
      if (closes) --open;
      if (!closes && !empty) ++open;
      if (open == 0) return at;
    }
  }
  return text.size();
}

/// The element, and the line that it leaves empty.
std::pair<std::size_t, std::size_t> range_of(std::string_view text, const XmlElement& element) {
  std::size_t start = element.offset - 1;
  std::size_t end = end_of_element(text, start);
  const std::size_t before = text.find_last_not_of(" \t", start == 0 ? 0 : start - 1);
  const std::size_t after = text.find_first_not_of(" \t\r", end);
  const bool alone = before != std::string_view::npos && text[before] == '\n' && after != std::string_view::npos &&
                     text[after] == '\n';
  if (alone) {
    start = before + 1;
    end = after + 1;
  }
  return {start, end};
}

void collect(const XmlElement& element, std::vector<const XmlElement*>& found) {
  for (const XmlElement& child : element.children) {
    const auto mark = attribute_of(child, "FeatureIdentifierPackage");
    const bool is_entry = same_word(local_name(child.name), "PackageFile");
    if (is_entry && mark && (same_word(trimmed(*mark), "true") || trimmed(*mark) == "1")) {
      found.push_back(&child);
    } else {
      collect(child, found);
    }
  }
}

}  // namespace

StrippedManifest strip_identifier_packages(const XmlDocument& manifest) {
  std::vector<const XmlElement*> entries;
  collect(manifest.root, entries);
  const std::string_view source = manifest.source;
  StrippedManifest result{.text = {}, .entries = entries.size()};
  std::size_t at = 0;
  for (const XmlElement* const entry : entries) {
    const auto [start, end] = range_of(source, *entry);
    result.text += source.substr(at, start - at);
    at = end;
  }
  result.text += source.substr(at);
  return result;
}

}  // namespace flashline::imaging::detail
