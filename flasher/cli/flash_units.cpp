#include "flasher/cli/flash_units.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/usage.h"
#include "imaging/provisioning/identity.h"
#include "imaging/provisioning/text_template.h"
#include "imaging/provisioning/unit_list.h"

namespace flashline::line {
namespace {

Result<imaging::UnitList> load_units(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return fail(errc::image_open, fmt::format("{}: {}", path, std::strerror(errno)));
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  return imaging::parse_unit_list(text, path);
}

Status refuse_counters(const config::Recipe& recipe) {
  if (!recipe.serial && !recipe.macs) return {};
  return fail(errc::usage,
              fmt::format("recipe {} hands out identities, which only a station remembers: give --units FILE, "
                          "or use flashline batch create",
                          recipe.name));
}

Result<FlashUnit> unit_of(const imaging::ListedUnit& listed, std::size_t number,
                          const std::optional<config::Recipe>& recipe) {
  FlashUnit unit{listed.serial, listed.fields};
  unit.fields["unit"] = std::to_string(number);
  if (listed.hostname.empty() && recipe && recipe->hostname) {
    FL_TRY(auto hostname, imaging::render_template(*recipe->hostname, unit.fields, "hostname"));
    FL_CHECK(imaging::check_hostname(hostname));
    unit.fields["hostname"] = std::move(hostname);
  }
  return unit;
}

}  // namespace

Result<FlashUnits> flash_units(const Arguments& arguments, std::size_t targets) {
  FlashUnits found;
  if (const auto path = arguments.value("--recipe")) {
    FL_TRY(found.recipe, config::load_recipe(*path));
  }
  found.units.resize(targets);
  const auto path = arguments.value("--units");
  if (!path) {
    if (found.recipe) FL_CHECK(refuse_counters(*found.recipe));
    return found;
  }
  FL_TRY(const auto list, load_units(*path));
  if (list.units.size() < targets) {
    return fail(errc::usage, fmt::format("{} lists {} units for {} targets", *path, list.units.size(), targets));
  }
  for (std::size_t i = 0; i < targets; ++i) {
    FL_TRY(found.units[i], unit_of(list.units[i], i + 1, found.recipe));
  }
  return found;
}

}  // namespace flashline::line
