#pragma once
// The groups of packages that are selected together, each of which gets an identifier package.

#include <string>
#include <vector>

#include "imaging/feature/merge.h"

namespace flashline::imaging::detail {

/// The packages of one manifest that one selector brings to one partition.
struct IdentifierGroup {
  std::string id;  ///< "Base", "OEM_RPI2_DRIVERS", "SOC_RPi2"
  std::string partition;
  FmPackage entry;                          ///< what the merged manifest says of its package, but for name and path
  std::vector<const MergeMember*> members;  ///< each once
};

/// The groups that `package` belongs to: "Base", or one for each feature, or the one of its section.
struct GroupName {
  std::string id;
  FmPackage entry;
};
std::vector<GroupName> groups_of(const FmPackage& package);

/// `word` as a part of a file name: what is no letter, digit, '-' or '_' becomes '_'.
std::string file_word(std::string_view word);

/// Groups in the order in which their first member appears.
class IdentifierGroups {
 public:
  void add(const FmPackage& package, const MergeMember& member);
  const std::vector<IdentifierGroup>& all() const { return groups_; }

 private:
  std::vector<IdentifierGroup> groups_;
};

}  // namespace flashline::imaging::detail
