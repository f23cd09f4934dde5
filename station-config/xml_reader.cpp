#include "station-config/xml_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "imaging/core/errors/config.h"
#include "imaging/core/nearest.h"
#include "station-config/values.h"

namespace flashline::config {
namespace {

constexpr XmlRules config_rules{.max_bytes = 1024 * 1024,
                                .max_depth = 16,
                                .too_large = errc::config_too_large,
                                .encoding = errc::config_encoding,
                                .not_well_formed = errc::config_not_well_formed,
                                .doctype = errc::config_doctype};

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
  const auto meant = nearest(word, known);
  return meant ? fmt::format("; did you mean '{}'?", *meant) : std::string{};
}

Status ElementReader::check(const Shape& shape) const {
  FL_CHECK(check_attributes(shape));
  FL_CHECK(check_children(shape));
  if (!shape.text && element_->text.find_first_not_of(" \t\r\n") != std::string::npos) {
    return document_->error(errc::config_unexpected_text, element_->text_offset,
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
        errc::config_unknown_attribute, attribute.offset,
        fmt::format("<{}> has no attribute '{}'{}", name(), attribute.name, did_you_mean(attribute.name, known)));
  }
  for (const AttributeRule& rule : shape.attributes) {
    if (!rule.required || find(rule.name) != nullptr) continue;
    return error(errc::config_missing_attribute, fmt::format("<{}> needs the attribute '{}'", name(), rule.name));
  }
  return {};
}

Status ElementReader::check_children(const Shape& shape) const {
  const auto known = names_of(shape.children);
  for (const XmlElement& inner : element_->children) {
    if (std::ranges::count(known, inner.name) != 0) continue;
    return document_->error(
        errc::config_unknown_element, inner.offset,
        fmt::format("<{}> has no element <{}>{}", name(), inner.name, did_you_mean(inner.name, known)));
  }
  for (const ChildRule& rule : shape.children) {
    std::size_t count = 0;
    for (const XmlElement& inner : element_->children) {
      if (inner.name != rule.name || ++count <= rule.most) continue;
      return document_->error(errc::config_repeated_element, inner.offset,
                              fmt::format("<{}> may hold {} <{}> at most", name(), rule.most, rule.name));
    }
    if (count < rule.least) {
      return error(errc::config_missing_element, fmt::format("<{}> needs the element <{}>", name(), rule.name));
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
  return not_a(*found, errc::config_number, fmt::format("a number from {} to {}", least, most));
}

Result<std::filesystem::path> ElementReader::path(std::string_view attribute, const std::filesystem::path& base,
                                                  std::string_view fallback) const {
  const std::string value = text_of(attribute, fallback);
  if (value.empty()) return error_at(attribute, errc::config_path, fmt::format("{} is empty", attribute));
  return (base / value).lexically_normal();
}

std::unexpected<Error> ElementReader::not_a(const XmlAttribute& found, Errc code, std::string_view what) const {
  return document_->error(code, found.offset, fmt::format("{}=\"{}\" is not {}", found.name, found.value, what));
}

std::unexpected<Error> ElementReader::not_one_of(const XmlAttribute& found,
                                                 const std::vector<std::string_view>& known) const {
  return document_->error(errc::config_choice, found.offset,
                          fmt::format("{}=\"{}\" is not one of {}{}", found.name, found.value, fmt::join(known, ", "),
                                      did_you_mean(found.value, known)));
}

Result<XmlDocument> parse_rooted(std::string_view xml, const std::filesystem::path& file, std::string_view root) {
  FL_TRY(XmlDocument document, parse_xml(xml, file.string(), config_rules));
  if (document.root.name == root) return document;
  return document.error(errc::config_root, document.root.offset,
                        fmt::format("the root element is <{}>, not <{}>", document.root.name, root));
}

Result<std::string> read_text_file(const std::filesystem::path& file) {
  std::error_code code;
  if (std::filesystem::is_directory(file, code)) {
    return fail(errc::config_open, fmt::format("{}: is a folder", file.string()));
  }
  errno = 0;
  std::ifstream in{file, std::ios::binary};
  if (!in) return fail(errc::config_open, fmt::format("{}: {}", file.string(), std::strerror(errno)));
  std::string text(config_rules.max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(errc::config_open, fmt::format("{}: cannot be read", file.string()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() <= config_rules.max_bytes) return text;
  return fail(errc::config_too_large, fmt::format("{}: more than {} bytes", file.string(), config_rules.max_bytes));
}

}  // namespace flashline::config
