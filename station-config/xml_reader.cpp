#include "station-config/xml_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "station-config/values.h"

namespace flashline::config {
namespace {

/// Edits between two short words: a letter added, dropped, changed, or swapped with its neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const std::size_t changed = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({changed, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost.back().back();
}

/// Editors find the schema by these two.
bool is_schema_attribute(std::string_view name) {
  return name == "xmlns:xsi" || name == "xsi:noNamespaceSchemaLocation";
}

std::vector<std::string_view> names_of(const auto& rules) {
  std::vector<std::string_view> names;
  for (const auto& rule : rules) names.push_back(rule.name);
  return names;
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.size() > 64) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t d = distance(word, candidate);
    if (d >= best_distance) continue;
    best = candidate;
    best_distance = d;
  }
  return best.empty() ? std::string{} : fmt::format("; did you mean '{}'?", best);
}

Status ElementReader::check(const Shape& shape) const {
  FL_CHECK(check_attributes(shape));
  FL_CHECK(check_children(shape));
  if (!shape.text && element_->text.find_first_not_of(" \t\r\n") != std::string::npos) {
    return document_->error(Errc::config_unexpected_text, element_->text_offset,
                            fmt::format("text inside <{}>", name()));
  }
  return {};
}

Status ElementReader::check_attributes(const Shape& shape) const {
  const auto known = names_of(shape.attributes);
  for (const XmlAttribute& attribute : element_->attributes) {
    if (element_ == &document_->root && is_schema_attribute(attribute.name)) continue;
    if (std::ranges::count(known, attribute.name) != 0) continue;
    return document_->error(
        Errc::config_unknown_attribute, attribute.offset,
        fmt::format("<{}> has no attribute '{}'{}", name(), attribute.name, did_you_mean(attribute.name, known)));
  }
  for (const AttributeRule& rule : shape.attributes) {
    if (!rule.required || find(rule.name) != nullptr) continue;
    return error(Errc::config_missing_attribute, fmt::format("<{}> needs the attribute '{}'", name(), rule.name));
  }
  return {};
}

Status ElementReader::check_children(const Shape& shape) const {
  const auto known = names_of(shape.children);
  for (const XmlElement& inner : element_->children) {
    if (std::ranges::count(known, inner.name) != 0) continue;
    return document_->error(
        Errc::config_unknown_element, inner.offset,
        fmt::format("<{}> has no element <{}>{}", name(), inner.name, did_you_mean(inner.name, known)));
  }
  for (const ChildRule& rule : shape.children) {
    std::size_t count = 0;
    for (const XmlElement& inner : element_->children) {
      if (inner.name != rule.name || ++count <= rule.most) continue;
      return document_->error(Errc::config_repeated_element, inner.offset,
                              fmt::format("<{}> may hold {} <{}> at most", name(), rule.most, rule.name));
    }
    if (count < rule.least) {
      return error(Errc::config_missing_element, fmt::format("<{}> needs the element <{}>", name(), rule.name));
    }
  }
  return {};
}

const XmlAttribute* ElementReader::find(std::string_view attribute) const {
  const auto found = std::ranges::find(element_->attributes, attribute, &XmlAttribute::name);
  return found == element_->attributes.end() ? nullptr : &*found;
}

std::optional<ElementReader> ElementReader::child(std::string_view wanted) const {
  const auto found = std::ranges::find(element_->children, wanted, &XmlElement::name);
  if (found == element_->children.end()) return std::nullopt;
  return ElementReader{*document_, *found};
}

std::vector<ElementReader> ElementReader::children(std::string_view wanted) const {
  std::vector<ElementReader> found;
  for (const XmlElement& inner : element_->children) {
    if (inner.name == wanted) found.emplace_back(*document_, inner);
  }
  return found;
}

std::unexpected<Error> ElementReader::error_at(std::string_view attribute, Errc code, std::string_view what) const {
  const XmlAttribute* found = find(attribute);
  return document_->error(code, found == nullptr ? element_->offset : found->offset, what);
}

std::string ElementReader::text_of(std::string_view attribute, std::string_view fallback) const {
  const XmlAttribute* found = find(attribute);
  return found == nullptr ? std::string{fallback} : found->value;
}

Result<std::uint64_t> ElementReader::number(std::string_view attribute, std::uint64_t least, std::uint64_t most,
                                            std::uint64_t fallback) const {
  const XmlAttribute* found = find(attribute);
  if (found == nullptr) return fallback;
  const auto parsed = parse_number(found->value);
  if (parsed && *parsed >= least && *parsed <= most) return *parsed;
  return not_a(*found, Errc::config_number, fmt::format("a number from {} to {}", least, most));
}

Result<std::filesystem::path> ElementReader::path(std::string_view attribute, const std::filesystem::path& base,
                                                  std::string_view fallback) const {
  const std::string value = text_of(attribute, fallback);
  if (value.empty()) return error_at(attribute, Errc::config_path, fmt::format("{} is empty", attribute));
  return (base / value).lexically_normal();
}

std::unexpected<Error> ElementReader::not_a(const XmlAttribute& found, Errc code, std::string_view what) const {
  return document_->error(code, found.offset, fmt::format("{}=\"{}\" is not {}", found.name, found.value, what));
}

std::unexpected<Error> ElementReader::not_one_of(const XmlAttribute& found,
                                                 const std::vector<std::string_view>& known) const {
  return document_->error(Errc::config_choice, found.offset,
                          fmt::format("{}=\"{}\" is not one of {}{}", found.name, found.value, fmt::join(known, ", "),
                                      did_you_mean(found.value, known)));
}

Result<XmlDocument> parse_rooted(std::string_view xml, const std::filesystem::path& file, std::string_view root) {
  FL_TRY(XmlDocument document, parse_xml(xml, file.string()));
  if (document.root.name == root) return document;
  return document.error(Errc::config_root, document.root.offset,
                        fmt::format("the root element is <{}>, not <{}>", document.root.name, root));
}

Result<std::string> read_text_file(const std::filesystem::path& file) {
  std::error_code code;
  if (std::filesystem::is_directory(file, code)) {
    return fail(Errc::config_open, fmt::format("{}: is a folder", file.string()));
  }
  errno = 0;
  std::ifstream in{file, std::ios::binary};
  if (!in) return fail(Errc::config_open, fmt::format("{}: {}", file.string(), std::strerror(errno)));
  std::string text(max_config_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(Errc::config_open, fmt::format("{}: cannot be read", file.string()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() <= max_config_bytes) return text;
  return fail(Errc::config_too_large, fmt::format("{}: more than {} bytes", file.string(), max_config_bytes));
}

}  // namespace flashline::config
