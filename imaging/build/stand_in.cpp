#include "imaging/build/stand_in.h"

#include <spdlog/fmt/fmt.h>

#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view mark = "STAND-IN";

}  // namespace

Package stand_in_for(std::string_view cab, const std::string& partition, CpuType cpu, const Version& version,
                     const std::string& why) {
  Package package;
  PackageIdentity& identity = package.identity;
  identity.name = folded(cab).ends_with(".cab") ? cab.substr(0, cab.size() - 4) : cab;
  const std::size_t first = identity.name.find('.');
  const std::size_t last = identity.name.rfind('.');
  identity.owner = identity.name.substr(0, first);
  if (first != std::string::npos) identity.sub_component = identity.name.substr(last + 1);
  identity.component = first != last ? identity.name.substr(first + 1, last - first - 1) : identity.owner;
  if (identity.sub_component.empty()) identity.sub_component = identity.owner;
  identity.version = version;
  identity.cpu = cpu;
  identity.release_type = ReleaseType::test;
  identity.partition = partition;
  package.members = {std::string{mark}, why};
  return package;
}

bool is_stand_in(const Package& package) { return !package.members.empty() && package.members.front() == mark; }

}  // namespace flashline::imaging
