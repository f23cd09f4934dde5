// `package diff`: in what two packages, or two folders of them, differ.

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "imaging/package/compare_packages.h"

namespace flashline::line {
namespace {

namespace json = boost::json;
using imaging::PackageChange;
using imaging::PackageDifference;

/// As `image diff` has it.
constexpr int exit_differ = 1;

json::value json_of(const std::optional<imaging::Version>& version) {
  return version ? json::value(to_text(*version)) : json::value(nullptr);
}

json::value json_of(const std::optional<std::string>& text) { return text ? json::value(*text) : json::value(nullptr); }

json::object json_of(const PackageDifference& difference) {
  json::array changes;
  for (const PackageChange& change : difference.changes) {
    changes.push_back({{"what", name_of(change.what)},
                       {"where", change.where},
                       {"before", json_of(change.before)},
                       {"after", json_of(change.after)}});
  }
  return {{"type", "package"},
          {"name", difference.name},
          {"before", json_of(difference.before)},
          {"after", json_of(difference.after)},
          {"not_raised", difference.is_stale()},
          {"changes", std::move(changes)}};
}

std::string headline(const PackageDifference& one) {
  if (!one.before) return fmt::format("+ {} {}", one.name, to_text(*one.after));
  if (!one.after) return fmt::format("- {} {}", one.name, to_text(*one.before));
  if (*one.before == *one.after) return fmt::format("! {} {}", one.name, to_text(*one.after));
  return fmt::format("{} {} {} -> {}", one.is_stale() ? '!' : '~', one.name, to_text(*one.before), to_text(*one.after));
}

void say(const PackageDifference& difference, Console& console) {
  console.say(headline(difference));
  for (const PackageChange& change : difference.changes) {
    const std::string_view what = name_of(change.what);
    if (!change.before) {
      console.say(fmt::format("    + {} {}", what, change.where));
    } else if (!change.after) {
      console.say(fmt::format("    - {} {}", what, change.where));
    } else {
      console.say(fmt::format("    ~ {} {}: {} -> {}", what, change.where, *change.before, *change.after));
    }
  }
}

Result<int> run(const Arguments& arguments, Console& console) {
  FL_TRY(const auto before, imaging::read_package_set(arguments.operands()[0]));
  FL_TRY(const auto after, imaging::read_package_set(arguments.operands()[1]));
  const std::vector<PackageDifference> differences = imaging::compare_sets(before, after);
  for (const PackageDifference& one : differences) {
    say(one, console);
    console.record(json::serialize(json_of(one)));
  }
  if (differences.empty()) console.say("the packages are equal");
  console.record(json::serialize(
      json::object{{"type", "result"}, {"equal", differences.empty()}, {"packages", differences.size()}}));
  FL_CHECK(imaging::require_raised(differences));
  return differences.empty() ? 0 : exit_differ;
}

}  // namespace

Command package_diff_command() {
  return {.name = "package diff",
          .operands = "OLD NEW",
          .min_operands = 2,
          .max_operands = 2,
          .summary =
              "Compares two packages, or two folders of them, by content; exit code 1 when any differs, "
              "3 when one changed without a higher version",
          .options = {},
          .examples = {"flashline package diff old/Contoso.Drivers.GPIO.cab new/Contoso.Drivers.GPIO.cab",
                       "flashline package diff release-7/pkgs release-8/pkgs --json"},
          .run = run};
}

}  // namespace flashline::line
