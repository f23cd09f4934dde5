#include <algorithm>
#include <array>

#include "imaging/core/errors/build.h"
#include "imaging/feature/feature_manifest.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

/// Bytes of the source that go.
struct Cut {
  std::size_t start, end;
};

/// Behind the '>' of the tag that `at` lies in; '>' may stand in quotes.
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
  return text.size();
}

/// Behind the end of `element`.
std::size_t end_of_element(std::string_view text, const XmlElement& element) {
  const std::size_t end = end_of_tag(text, element.offset);
  if (text.substr(0, end).ends_with("/>")) return end;
  const std::size_t inside = element.children.empty() ? end : end_of_element(text, element.children.back());
  // Comments may stand before the end tag, and say anything.
  for (std::size_t at = inside; at < text.size();) {
    const std::size_t open = text.find('<', at);
    if (open == std::string_view::npos) break;
    const std::string_view rest = text.substr(open);
    if (rest.starts_with("</")) return end_of_tag(text, open);
    const std::string_view close = rest.starts_with("<!--") ? "-->" : rest.starts_with("<![CDATA[") ? "]]>" : "?>";
    const std::size_t behind = text.find(close, open);
    if (behind == std::string_view::npos) break;
    at = behind + close.size();
  }
  return text.size();
}

/// With the line, where nothing else stands on it.
Cut whole_lines(std::string_view text, Cut cut) {
  const std::size_t before = text.find_last_not_of(" \t", cut.start - 1);
  const std::size_t after = std::min(text.find_first_not_of(" \t\r", cut.end), text.size());
  if (before == std::string_view::npos || text[before] != '\n' || after == text.size() || text[after] != '\n')
    return cut;
  return {before + 1, after + 1};
}

bool is_identifier(const XmlElement& element) {
  const auto flag = attribute_of(element, "FeatureIdentifierPackage");
  return flag && (same_word(trimmed(*flag), "true") || trimmed(*flag) == "1");
}

void find_identifiers(std::string_view text, const XmlElement& element, std::vector<Cut>& cuts) {
  for (const XmlElement& child : element.children) {
    if (is_identifier(child)) {
      cuts.push_back(whole_lines(text, {child.offset - 1, end_of_element(text, child)}));
    } else {
      find_identifiers(text, child, cuts);
    }
  }
}

/// An attribute with the white space before it.
Cut attribute_cut(std::string_view text, const XmlAttribute& attribute) {
  const std::size_t open = text.find_first_of("\"'", attribute.offset);
  const std::size_t close = text.find(text[open], open + 1);
  return {text.find_last_not_of(" \t\r\n", attribute.offset - 1) + 1, close + 1};
}

/// What the merger writes on the root and on each package.
void find_owner(std::string_view text, const XmlElement& element, std::vector<Cut>& cuts) {
  constexpr std::array<std::string_view, 4> of_root{"ID", "OwnerName", "OwnerType", "ReleaseType"};
  for (const XmlAttribute& attribute : element.attributes) {
    const auto same = [&](std::string_view name) { return same_word(name, attribute.name); };
    if (std::ranges::any_of(of_root, same)) cuts.push_back(attribute_cut(text, attribute));
  }
}

void find_versions(std::string_view text, const XmlElement& element, std::vector<Cut>& cuts) {
  constexpr std::array<std::string_view, 3> of_package{"Partition", "ID", "Version"};
  for (const XmlElement& child : element.children) {
    if (is_identifier(child)) continue;
    find_versions(text, child, cuts);
    for (const XmlAttribute& attribute : child.attributes) {
      const auto same = [&](std::string_view name) { return same_word(name, attribute.name); };
      if (std::ranges::any_of(of_package, same)) cuts.push_back(attribute_cut(text, attribute));
    }
  }
}

}  // namespace

Result<std::string> strip_merged(const XmlDocument& document) {
  FL_CHECK(check_imaging_root(document, "FeatureManifest"));
  std::vector<Cut> cuts;
  find_owner(document.source, document.root, cuts);
  find_identifiers(document.source, document.root, cuts);
  find_versions(document.source, document.root, cuts);
  std::ranges::sort(cuts, {}, &Cut::start);
  std::string text;
  std::size_t at = 0;
  for (const Cut& cut : cuts) {
    text.append(document.source, at, cut.start - at);
    at = std::max(at, cut.end);
  }
  return text.append(document.source, at);
}

}  // namespace flashline::imaging
