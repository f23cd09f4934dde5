#include "imaging/layout/detail/element_fields.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/layout.h"
#include "imaging/layout/device_layout.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {

Status ElementFields::only(std::initializer_list<std::string_view> children) const {
  FL_CHECK(check_known(document_, element_, {}, children));
  for (const XmlElement& child : element_.children) {
    if (find_child(element_, local_name(child.name)) == &child) continue;
    return document_.error(errc::layout_repeated, child.offset,
                           fmt::format("<{}> stands twice in <{}>", child.name, element_.name));
  }
  return {};
}

bool ElementFields::has(std::string_view name) const { return find_child(element_, name) != nullptr; }

std::optional<std::string> ElementFields::text(std::string_view name) const { return child_text(element_, name); }

Result<std::string> ElementFields::required(std::string_view name) const {
  auto value = text(name);
  if (value && !value->empty()) return *std::move(value);
  return error(errc::xml_missing, name,
               value ? fmt::format("<{}> is empty", name) : fmt::format("<{}> needs a <{}>", element_.name, name));
}

Result<bool> ElementFields::flag(std::string_view name, bool fallback) const {
  const auto value = text(name);
  if (!value) return fallback;
  return parse_bool(document_, at(name), *value);
}

Result<std::optional<std::uint64_t>> ElementFields::number(std::string_view name) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  FL_TRY(const std::uint64_t parsed, parse_number(document_, at(name), *value));
  if (parsed <= max_layout_number) return std::optional{parsed};
  return error(errc::layout_number, name, fmt::format("<{}>{}: no disk has that many", name, *value));
}

Result<std::optional<std::uint64_t>> ElementFields::positive(std::string_view name) const {
  FL_TRY(const auto value, number(name));
  if (value && *value == 0) return error(errc::layout_number, name, fmt::format("<{}> is 0", name));
  return value;
}

std::size_t ElementFields::at(std::string_view name) const {
  const XmlElement* const child = find_child(element_, name);
  if (child == nullptr) return element_.offset;
  return trimmed(child->text).empty() ? child->offset : child->text_offset;
}

Status check_root(const XmlDocument& document, std::string_view name,
                  std::initializer_list<std::string_view> namespaces) {
  const std::string space = root_namespace(document);
  if (!same_word(local_name(document.root.name), name)) {
    return document.error(errc::layout_namespace, document.root.offset,
                          fmt::format("the root is <{}>, not <{}>", document.root.name, name));
  }
  if (std::ranges::find(namespaces, space) != namespaces.end()) return {};
  return document.error(errc::layout_namespace, document.root.offset,
                        fmt::format("<{}> of namespace '{}'", document.root.name, space));
}

}  // namespace flashline::imaging
