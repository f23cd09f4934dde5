#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/feature.h"
#include "imaging/feature/detail/part_names.h"
#include "imaging/feature/resolve.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {

Status locate_packages(Resolution& resolution, const std::filesystem::path& folder) {
  for (ResolvedPackage& package : resolution.packages) {
    FL_TRY(package.file, detail::find_cab(folder, package.folder, package.cab, package.reasons.front().where));
  }
  return {};
}

Status require_all(const Resolution& resolution) {
  std::vector<std::string> missing;
  for (const ResolvedPackage& package : resolution.packages) {
    if (!package.file.empty()) continue;
    missing.push_back(fmt::format("'{}' in '{}' ({})", package.cab, package.folder, package.reasons.front().where));
  }
  for (const PlacedWord& feature : resolution.unknown_microsoft) {
    missing.push_back(fmt::format("the packages of Microsoft's feature '{}' ({})", feature.word, feature.where));
  }
  if (missing.empty()) return {};
  return fail(errc::cab_missing, fmt::format("{} not there: {}", missing.size(), fmt::join(missing, "; ")));
}

Status check_member(const ResolvedPackage& wanted, const PackageIdentity& found, CpuType cpu) {
  const auto refuse = [&](std::string_view what, std::string_view is, std::string_view said) {
    return fail(errc::cab_mismatch, fmt::format("{}: '{}' has the {} '{}', not '{}'", wanted.reasons.front().where,
                                                wanted.cab, what, is, said));
  };
  const std::string name = found.name + ".cab";
  if (!same_word(name, wanted.cab)) return refuse("name", name, wanted.cab);
  if (found.cpu != cpu) return refuse("CPU", name_of(found.cpu), name_of(cpu));
  if (!wanted.version.empty()) {
    FL_TRY(const Version said, parse_version(wanted.version));
    if (said != found.version) return refuse("version", to_text(found.version), wanted.version);
  }
  if (wanted.partition.empty() || same_word(wanted.partition, found.partition)) return {};
  return refuse("partition", found.partition, wanted.partition);
}

}  // namespace flashline::imaging
