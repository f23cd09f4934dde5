#pragma once
// What a slot serves to its board. Read once, at start-up and off the event thread; boards share the memory.

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::transport {

/// Files by name, case-blind as the boards' own file systems are. Cheap to copy.
class BootFiles {
 public:
  using Content = std::shared_ptr<const std::vector<std::byte>>;

  /// Takes the place of a file of that name.
  void put(std::string_view name, Content content);
  void put(std::string_view name, std::vector<std::byte> content) {
    put(name, std::make_shared<const std::vector<std::byte>>(std::move(content)));
  }
  /// nullptr: there is none.
  Content find(std::string_view name) const;
  std::vector<std::string> names() const;

 private:
  std::map<std::string, Content> files_;  // by the name in small letters
};

struct BootSources {
  std::filesystem::path folder{};
  std::string chip_folder{};                      ///< PiChip::folder
  std::optional<std::filesystem::path> bundle{};  ///< none: bootfiles.bin of `folder`, if it is there
};

/// Looked up in this order: `folder`/`chip_folder`/name, bundle:`chip_folder`/name, `folder`/name. Blocks.
/// Errors: rpi_boot_files (missing, unreadable, larger than 1 GiB in all), rpi_bundle, rpi_bundle_name.
Result<BootFiles> load_boot_files(const BootSources& sources);

/// `files` with what lies in `overlay` before them, but never a second stage. A folder that is not there changes
/// nothing. Blocks. Errors: rpi_boot_files.
Result<BootFiles> with_overlay(BootFiles files, const std::filesystem::path& overlay);

}  // namespace flashline::transport
