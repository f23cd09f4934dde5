#include "station-config/recipe.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/config.h"
#include "station-config/values.h"
#include "station-config/xml_reader.h"

namespace flashline::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_overlay_files = 256;
constexpr std::uint64_t max_counter = 999999999999999999;  // what {n} can print and a record can store
constexpr std::uint64_t multicast_bit = std::uint64_t{1} << 40;

constexpr Form<bool> boolean{parse_boolean, errc::config_boolean, "true or false"};
constexpr Form<std::uint64_t> mac_form{parse_mac, errc::config_mac, "a MAC address"};

const Shape recipe_shape{.attributes = {{"name", true}}, .children = {{"identity"}, {"overlay"}, {"write"}}};
const Shape identity_shape{.attributes = {}, .children = {{"serial"}, {"mac"}, {"hostname"}}};
const Shape serial_shape{.attributes = {{"pattern", true}, {"first"}, {"check-digit"}}, .children = {}};
const Shape mac_shape{.attributes = {{"first", true}, {"last", true}, {"count"}}, .children = {}};
const Shape hostname_shape{.attributes = {{"pattern", true}}, .children = {}};
const Shape overlay_shape{.attributes = {}, .children = {{"file", 0, max_overlay_files}}};
const Shape file_shape{.attributes = {{"partition", true}, {"path", true}, {"template"}}, .children = {}, .text = true};
const Shape write_shape{.attributes = {{"stale"}, {"verify"}, {"fit-gpt"}, {"probe"}}, .children = {}};

Result<SerialRule> read_serial(const ElementReader& in) {
  FL_CHECK(in.check(serial_shape));
  SerialRule rule{.pattern = in.text_of("pattern"), .parts = {}};
  std::string why;
  auto parts = parse_serial_pattern(rule.pattern, why);
  if (!parts) return in.error_at("pattern", errc::config_pattern, fmt::format("pattern=\"{}\": {}", rule.pattern, why));
  rule.parts = std::move(*parts);
  FL_TRY(rule.first, in.number("first", 0, max_counter, 1));
  FL_TRY(rule.check,
         in.choice<CheckDigit>("check-digit",
                               {{"none", CheckDigit::none}, {"luhn", CheckDigit::luhn}, {"mod11", CheckDigit::mod11}},
                               CheckDigit::none));
  const bool placed = std::ranges::count(rule.parts, PatternPart::Kind::check_digit, &PatternPart::kind) != 0;
  if (placed == (rule.check != CheckDigit::none)) return rule;
  return in.error_at(
      "pattern", errc::config_pattern,
      placed ? "{c} needs a check-digit of luhn or mod11" : "a check digit needs its place {c} in the pattern");
}

Result<MacPool> read_macs(const ElementReader& in) {
  FL_CHECK(in.check(mac_shape));
  MacPool pool;
  FL_TRY(pool.first, in.value("first", mac_form));
  FL_TRY(pool.last, in.value("last", mac_form));
  FL_TRY(const auto count, in.number("count", 1, 64, 1));
  pool.count = static_cast<std::uint32_t>(count);
  for (const std::string_view end : {"first", "last"}) {
    if ((end == "first" ? pool.first : pool.last) & multicast_bit) {
      return in.error_at(end, errc::config_mac, fmt::format("{} is a multicast address", in.text_of(end)));
    }
  }
  if (pool.first > pool.last) return in.error_at("last", errc::config_mac_pool, "last lies before first");
  // A pool that runs through multicast addresses would hand one out in the end.
  if (pool.first >> 40 != pool.last >> 40) {
    return in.error_at("last", errc::config_mac_pool, "first and last differ in their first byte");
  }
  if (pool.last - pool.first + 1 < pool.count) {
    return in.error_at("count", errc::config_mac_pool,
                       fmt::format("the pool has no block of {} addresses", pool.count));
  }
  return pool;
}

Result<std::string> read_hostname(const ElementReader& in) {
  FL_CHECK(in.check(hostname_shape));
  const std::string pattern = in.text_of("pattern");
  if (pattern.empty()) return in.error_at("pattern", errc::config_pattern, "the host name is empty");
  return pattern;
}

Status read_identity(const ElementReader& in, Recipe& recipe) {
  FL_CHECK(in.check(identity_shape));
  if (const auto serial = in.child("serial")) {
    FL_TRY(recipe.serial, read_serial(*serial));
  }
  if (const auto macs = in.child("mac")) {
    FL_TRY(recipe.macs, read_macs(*macs));
  }
  if (const auto hostname = in.child("hostname")) {
    FL_TRY(recipe.hostname, read_hostname(*hostname));
  }
  return {};
}

/// "/a/b": names between single slashes, none of them '.' or '..'.
bool is_inner_path(std::string_view path) {
  if (path.size() < 2 || path[0] != '/') return false;
  for (std::size_t at = 1; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, end - at);
    if (name.empty() || name == "." || name == ".." || name.find('\\') != std::string_view::npos) return false;
    at = end + 1;
  }
  return true;
}

Result<OverlayFile> read_overlay_file(const ElementReader& in, const fs::path& base) {
  FL_CHECK(in.check(file_shape));
  OverlayFile file{.partition = in.text_of("partition"),
                   .path = in.text_of("path"),
                   .text = in.text(),
                   .template_file = {},
                   .where = in.where()};
  if (file.partition.empty()) return in.error_at("partition", errc::config_partition, "partition is empty");
  if (!is_inner_path(file.path)) {
    return in.error_at("path", errc::config_path,
                       fmt::format("path=\"{}\" is not a path such as /folder/file", file.path));
  }
  if (in.find("template") == nullptr) return file;
  if (file.text.find_first_not_of(" \t\r\n") != std::string::npos) {
    return in.error_at("template", errc::config_template, "there is both a template file and text");
  }
  file.text.clear();
  FL_TRY(file.template_file, in.path("template", base));
  return file;
}

Status read_overlay(const ElementReader& in, const fs::path& base, Recipe& recipe) {
  FL_CHECK(in.check(overlay_shape));
  for (const ElementReader& child : in.children("file")) {
    FL_TRY(OverlayFile file, read_overlay_file(child, base));
    const auto same = [&](const OverlayFile& other) {
      return other.partition == file.partition && other.path == file.path;
    };
    if (std::ranges::any_of(recipe.overlay, same)) {
      return child.error_at("path", errc::config_repeated_element, fmt::format("{} is written twice", file.path));
    }
    recipe.overlay.push_back(std::move(file));
  }
  return {};
}

Result<WriteRule> read_write(const ElementReader& in) {
  FL_CHECK(in.check(write_shape));
  WriteRule rule;
  if (in.find("stale") != nullptr) {
    FL_TRY(rule.stale, in.choice<StalePolicy>("stale",
                                              {{"zero", StalePolicy::zero},
                                               {"discard-verified", StalePolicy::discard_verified},
                                               {"keep", StalePolicy::keep}},
                                              StalePolicy::zero));
  }
  if (in.find("verify") != nullptr) {
    FL_TRY(rule.verify, in.value("verify", boolean));
  }
  if (in.find("fit-gpt") != nullptr) {
    FL_TRY(rule.fit_gpt, in.value("fit-gpt", boolean));
  }
  if (in.find("probe") != nullptr) {
    FL_TRY(rule.probe, in.value("probe", boolean));
  }
  return rule;
}

}  // namespace

Result<Recipe> parse_recipe(std::string_view xml, const fs::path& file) {
  FL_TRY(const XmlDocument document, parse_rooted(xml, file, "recipe"));
  const ElementReader root{document, document.root};
  FL_CHECK(root.check(recipe_shape));
  Recipe recipe{.name = root.text_of("name"), .serial = {}, .macs = {}, .hostname = {}, .overlay = {}, .write = {}};
  if (!is_title(recipe.name)) return root.error_at("name", errc::config_title, fmt::format("name=\"{}\"", recipe.name));
  if (const auto identity = root.child("identity")) FL_CHECK(read_identity(*identity, recipe));
  const fs::path base = fs::absolute(file).parent_path();
  if (const auto overlay = root.child("overlay")) FL_CHECK(read_overlay(*overlay, base, recipe));
  if (const auto write = root.child("write")) {
    FL_TRY(recipe.write, read_write(*write));
  }
  return recipe;
}

Result<Recipe> load_recipe(const fs::path& file) {
  FL_TRY(const std::string text, read_text_file(file));
  FL_TRY(Recipe recipe, parse_recipe(text, file));
  for (OverlayFile& overlay : recipe.overlay) {
    if (overlay.template_file.empty()) continue;
    auto content = read_text_file(overlay.template_file);
    if (!content) return fail(errc::config_template, fmt::format("{}: {}", overlay.where, content.error().detail));
    overlay.text = std::move(*content);
  }
  return recipe;
}

std::optional<std::vector<PatternPart>> parse_serial_pattern(std::string_view pattern, std::string& why) {
  std::vector<PatternPart> parts;
  const auto refuse = [&](std::string_view reason) {
    why = reason;
    return std::nullopt;
  };
  const auto add = [&](PatternPart part) { parts.push_back(std::move(part)); };
  while (!pattern.empty()) {
    if (pattern[0] == '}') return refuse("'}' without '{'");
    if (pattern[0] != '{') {
      const std::size_t end = std::min(pattern.find_first_of("{}"), pattern.size());
      add({.kind = PatternPart::Kind::literal, .text = std::string{pattern.substr(0, end)}});
      pattern.remove_prefix(end);
      continue;
    }
    const std::size_t end = pattern.find('}');
    if (end == std::string_view::npos) return refuse("'{' without '}'");
    const std::string_view field = pattern.substr(1, end - 1);
    pattern.remove_prefix(end + 1);
    const auto width = field == "n" ? 1 : field.starts_with("n:") ? parse_number(field.substr(2)) : std::nullopt;
    if (field == "c") {
      add({.kind = PatternPart::Kind::check_digit, .text = {}});
    } else if (width && *width >= 1 && *width <= 18) {
      add({.kind = PatternPart::Kind::counter, .text = {}, .width = static_cast<std::uint32_t>(*width)});
    } else {
      return refuse(fmt::format("{{{}}} is neither {{n:1}} to {{n:18}} nor {{c}}", field));
    }
  }
  if (std::ranges::count(parts, PatternPart::Kind::counter, &PatternPart::kind) != 1)
    return refuse("there must be one {n}");
  if (std::ranges::count(parts, PatternPart::Kind::check_digit, &PatternPart::kind) > 1)
    return refuse("there are two {c}");
  return parts;
}

std::optional<std::uint64_t> parse_mac(std::string_view text) {
  if (text.size() != 17) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (i % 3 == 2) {
      if ((c != ':' && c != '-') || c != text[2]) return std::nullopt;
      continue;
    }
    const bool digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!digit && (lower < 'a' || lower > 'f')) return std::nullopt;
    value = value << 4 | static_cast<std::uint64_t>(digit ? c - '0' : lower - 'a' + 10);
  }
  return value;
}

}  // namespace flashline::config
