#include "imaging/package/element_reader.h"

#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/located.h"
#include "imaging/package/package_content.h"

namespace flashline::imaging {

Status ElementReader::check_once(const XmlElement& parent, std::string_view name) const {
  const XmlElement* first = find_child(parent, name);
  for (const XmlElement& child : parent.children) {
    if (first == &child || !same_word(local_name(child.name), name)) continue;
    return document_.error(errc::definition_repeated, child.offset,
                           fmt::format("a second <{}>, after {}", child.name, document_.where(first->offset)));
  }
  return {};
}

Status ElementReader::refuse(const XmlElement& element, std::initializer_list<std::string_view> names) const {
  for (const std::string_view name : names) {
    const XmlAttribute* const found = find_attribute(element, name);
    if (found == nullptr) continue;
    return document_.error(errc::definition_unsupported, found->offset,
                           fmt::format("attribute '{}' of <{}>", found->name, element.name));
  }
  return {};
}

Result<bool> ElementReader::included(const XmlElement& element, const MacroScope& scope) const {
  const XmlAttribute* const filter = find_attribute(element, "buildFilter");
  if (filter == nullptr) return true;
  FL_TRY(const std::string text, located(document_, filter->offset, scope.text(filter->value)));
  return located(document_, filter->offset, passes_filter(text, facts_));
}

Result<std::string> ElementReader::text_of(const XmlElement& element, std::string_view name,
                                           const MacroScope& scope) const {
  FL_TRY(const std::string raw, required_attribute(document_, element, name));
  return located(document_, find_attribute(element, name)->offset, scope.text(raw));
}

Result<std::filesystem::path> ElementReader::source(const XmlElement& element, std::string_view attribute,
                                                    std::string_view source) const {
  return located(document_, find_attribute(element, attribute)->offset, find_source(folder_, source));
}

Result<PackageFile> ElementReader::payload(const XmlElement& element, std::string_view attribute,
                                           std::string_view source, std::string place) const {
  FL_TRY(const std::filesystem::path path, this->source(element, attribute, source));
  return located(document_, find_attribute(element, attribute)->offset, read_payload(path, std::move(place)));
}

}  // namespace flashline::imaging
