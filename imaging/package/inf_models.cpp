// Which install sections of an INF are for a CPU: [Manufacturer], models sections and their decorations.

#include <algorithm>
#include <array>
#include <charconv>
#include <spdlog/fmt/fmt.h>
#include <tuple>

#include "imaging/core/errors/package.h"
#include "imaging/package/inf_driver.h"
#include "imaging/package/registry_value.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

/// NT[cpu][.[major][.[minor][.[product][.[suite][.build]]]]], compared as Windows ranks it.
struct Decoration {
  std::string text;
  bool has_cpu = false;
  std::array<std::uint32_t, 5> version{};

  auto rank() const { return std::tuple{has_cpu, version}; }
};

/// nullopt: for another CPU, or no decoration at all.
std::optional<Decoration> decoration_of(std::string_view text, CpuType cpu) {
  Decoration decoration{.text = std::string{text}};
  if (!same_word(text.substr(0, 2), "NT")) return std::nullopt;
  const std::size_t dot = std::min(text.find('.'), text.size());
  const std::string_view target = text.substr(2, dot - 2);
  decoration.has_cpu = !target.empty();
  if (decoration.has_cpu && !same_word(target, name_of(cpu))) return std::nullopt;
  std::string_view rest = text.substr(dot);
  for (std::uint32_t& part : decoration.version) {
    if (rest.empty()) break;
    rest.remove_prefix(1);
    const std::string_view digits = rest.substr(0, rest.find('.'));
    std::from_chars(digits.data(), digits.data() + digits.size(), part);
    rest.remove_prefix(digits.size());
  }
  return decoration;
}

/// The models section of one line of [Manufacturer]; empty: none for this CPU.
std::string models_section(const InfFile& inf, const InfLine& line, CpuType cpu) {
  const std::string base = inf.text(line, 0);
  std::optional<Decoration> best;
  for (std::size_t i = 1; i < line.values.size(); ++i) {
    const auto decoration = decoration_of(trimmed(inf.text(line, i)), cpu);
    if (!decoration || inf.section(base + "." + decoration->text) == nullptr) continue;
    if (!best || best->rank() < decoration->rank()) best = decoration;
  }
  if (best) return base + "." + best->text;
  return inf.section(base) != nullptr ? base : std::string{};
}

/// The install section's name with its decoration.
std::string decorated(const InfFile& inf, const std::string& name, CpuType cpu) {
  return inf.first_section({fmt::format("{}.NT{}", name, name_of(cpu)), name + ".NT", name});
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::ranges::none_of(names, [&](const std::string& known) { return same_word(known, name); })) {
    names.push_back(name);
  }
}

/// An INF without devices: it installs itself.
Result<std::vector<std::string>> default_install(const InfFile& inf, CpuType cpu) {
  const std::string name = decorated(inf, "DefaultInstall", cpu);
  if (!name.empty()) return std::vector{name};
  return fail(errc::inf_section, fmt::format("{}: neither [Manufacturer] nor [DefaultInstall]", inf.file()));
}

}  // namespace

Result<std::vector<std::string>> install_sections(const InfFile& inf, CpuType cpu) {
  const auto* const makers = inf.section("Manufacturer");
  if (makers == nullptr) return default_install(inf, cpu);
  std::vector<std::string> names;
  bool has_models = false;
  for (const InfLine& maker : *makers) {
    // A line that is one word names the section by the maker's own name.
    const InfLine line{maker.key, maker.values.empty() ? std::vector{maker.key} : maker.values, maker.line,
                       maker.column};
    const std::string models = models_section(inf, line, cpu);
    if (models.empty()) continue;
    has_models = true;
    for (const InfLine& model : *inf.section(models)) {
      const std::string wanted = inf.text(model, 0);
      const std::string name = decorated(inf, wanted, cpu);
      if (name.empty()) return inf.error(errc::inf_section, model, fmt::format("there is no [{}]", wanted));
      add_once(names, name);
    }
  }
  if (has_models) return names;
  return fail(errc::inf_architecture, fmt::format("{}: no device is for {}", inf.file(), name_of(cpu)));
}

}  // namespace flashline::imaging
