#pragma once
// A package while it is filled: payload is read, and what cannot be in it twice is refused.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// The file that a definition in `folder` means by `source`. Definitions of boards are often built from the folder
/// above their own: a source that begins with the name of `folder` is then looked for there too.
/// Errors: input_missing, input_ambiguous.
Result<std::filesystem::path> find_source(const std::filesystem::path& folder, std::string_view source);

/// File `path`, which will be `device_path`: its size and digest are read, its bytes stay where they are.
/// Errors: payload_empty, payload_unreadable.
Result<PackageFile> read_payload(const std::filesystem::path& path, std::string device_path);

/// The last part of a path as it is written, Windows' or ours.
std::string leaf_of(std::string_view path);

/// Words such as "readonly hidden", divided by spaces, commas, semicolons or bars. Errors: xml_value.
Result<std::uint32_t> parse_attributes(std::string_view text);

class PackageContent {
 public:
  /// `document`, the definition, outlives the content.
  explicit PackageContent(const XmlDocument& document) : document_{&document} {}

  Package package;

  /// `offset` is the place in the definition. The same bytes for one place twice are kept once.
  /// Errors: destination_twice (other bytes, or a file where a folder must be).
  Status add_file(PackageFile file, std::size_t offset);
  Status add_directory(PackageDirectory directory, std::size_t offset);
  void add_keys(std::vector<RegistryKey> keys);

 private:
  struct Place {
    bool is_file = false;
    std::size_t index = 0;
    std::size_t offset = 0;
  };
  const XmlDocument* document_;
  std::map<std::string, Place> places_;  ///< by folded device path

  Status check_around(std::string_view device_path, bool is_file, std::size_t offset) const;
};

}  // namespace flashline::imaging
