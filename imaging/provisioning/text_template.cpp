#include "imaging/provisioning/text_template.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/unit.h"

namespace flashline::imaging {
namespace {

/// "origin:line:column" of byte `at`; columns count characters, not bytes.
std::string place_of(std::string_view text, std::size_t at, std::string_view origin) {
  const std::string_view before = text.substr(0, at);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  return fmt::format("{}:{}:{}", origin, std::ranges::count(before, '\n') + 1,
                     std::ranges::count_if(before.substr(line_start), begins_character) + 1);
}

/// The name between the braces that open at `at` ("${"). Errors: template_syntax.
Result<std::string_view> name_at(std::string_view text, std::size_t at, std::string_view origin) {
  const auto bad = [&](std::string_view what) {
    return fail(errc::template_syntax, fmt::format("{}: {}", place_of(text, at, origin), what));
  };
  if (!text.substr(at).starts_with("${")) return bad("a '$' that begins neither ${name} nor $$");
  const std::size_t end = text.find_first_of("}\n", at);
  if (end == std::string_view::npos || text[end] != '}') return bad("\"${\" without '}'");
  const std::string_view name = text.substr(at + 2, end - at - 2);
  if (name.empty()) return bad("\"${}\" names no field");
  return name;
}

/// Hands literal text and field names to the two callbacks, in order.
template <class Literal, class Field>
Status walk(std::string_view text, std::string_view origin, Literal literal, Field field) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t dollar = std::min(text.find('$', at), text.size());
    literal(text.substr(at, dollar - at));
    if (dollar == text.size()) break;
    if (text.substr(dollar).starts_with("$$")) {
      literal("$");
      at = dollar + 2;
      continue;
    }
    FL_TRY(const std::string_view name, name_at(text, dollar, origin));
    FL_CHECK(field(name, dollar));
    at = dollar + name.size() + 3;
  }
  return {};
}

std::string known_names(const UnitFields& fields) {
  std::string names;
  for (const auto& [name, value] : fields) names.append(names.empty() ? "" : ", ").append(name);
  return names;
}

}  // namespace

Result<std::string> render_template(std::string_view text, const UnitFields& fields, std::string_view origin) {
  std::string out;
  FL_CHECK(walk(
      text, origin, [&](std::string_view literal) { out.append(literal); },
      [&](std::string_view name, std::size_t at) -> Status {
        const auto found = fields.find(name);
        if (found == fields.end()) {
          return fail(errc::template_field, fmt::format("{}: there is no field \"{}\", only {}",
                                                        place_of(text, at, origin), name, known_names(fields)));
        }
        out.append(found->second);
        return {};
      }));
  return out;
}

Result<std::vector<std::string>> template_fields(std::string_view text, std::string_view origin) {
  std::vector<std::string> names;
  FL_CHECK(walk(
      text, origin, [](std::string_view) {},
      [&](std::string_view name, std::size_t) -> Status {
        if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
        return {};
      }));
  return names;
}

}  // namespace flashline::imaging
