#pragma once
// The registry of a device that is not running: which file a key lies in, and all those files, filled from packages.

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/filesystem/registry/registry_tree.h"

namespace flashline::imaging {

enum class Hive : std::uint8_t { system, software, sam, security, drivers, default_user, user, boot };

/// Where a hive is installed: "EFIESP" or "MainOS", and the path there.
struct HiveFile {
  std::string_view name;  ///< in its header, and for messages
  std::string_view partition;
  std::string_view device_path;
};
HiveFile file_of(Hive hive);

struct HivePlace {
  Hive hive;
  std::string key;  ///< from the hive's root
  bool operator==(const HivePlace&) const = default;
};

/// Where the key of that full path ("HKEY_LOCAL_MACHINE\SOFTWARE\x", "HKLM\..", any case) lies. HKEY_CLASSES_ROOT is
/// SOFTWARE\Classes, HKEY_CURRENT_USER is the user that new users are copies of; `CurrentControlSet`, which only a
/// running system has, is `ControlSet<control_set>`. Errors: hive_unknown.
Result<HivePlace> hive_place(std::string_view path, unsigned control_set = 1);

/// All hives of one installation. UpdateOS is an installation of its own.
class OfflineRegistry {
 public:
  /// Begins `hive` with what a package brings as a file; to be called before the first merge.
  /// Errors: those of read_hive; hive_twice when that hive has something in it already.
  Status adopt(Hive hive, std::span<const std::byte> bytes, std::string_view writer);

  /// Merges a package's keys; the last writer of a value wins. Errors: hive_unknown, registry_name, with the writer.
  Status merge(std::span<const RegistryKey> keys, std::string_view writer);

  /// The tree of a hive, made when there was none.
  RegistryTree& tree(Hive hive);
  const std::map<Hive, RegistryTree>& trees() const { return trees_; }

  struct File {
    HiveFile place;
    std::vector<std::byte> bytes;
  };
  /// The files of all hives that have something in them. A SYSTEM hive says which control set is to be used, if no
  /// package did. Errors: hive_too_large.
  Result<std::vector<File>> build(std::time_t time);

 private:
  Status select_control_set();

  std::map<Hive, RegistryTree> trees_;
  unsigned control_set_ = 1;
};

}  // namespace flashline::imaging
