#pragma once
// Files from outside, written below a folder of ours and nowhere else.

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "imaging/core/error.h"

namespace flashline::imaging::detail {

/// Writes members below a folder that exists. Two members whose names differ only in case are one for Windows, so the
/// second is refused; folders that do so are one folder, as the first spells it.
class ForeignTree {
 public:
  explicit ForeignTree(std::filesystem::path folder) : folder_{std::move(folder)} {}

  /// Where the member `path` is to be written, its folders made. Errors: bsp_member (leaves the folder, is there
  /// already, or the package has too many members), bsp_write.
  Result<std::filesystem::path> place_file(std::string_view path);
  /// Makes the folder `path`. Errors: as place_file.
  Result<std::filesystem::path> place_folder(std::string_view path);
  /// Counts bytes that are about to be written. Errors: bsp_member (more than any real package has).
  Status count_bytes(std::size_t bytes);

  std::size_t files() const { return files_; }

 private:
  Result<std::filesystem::path> folder_of(std::span<const std::string> parts);

  std::filesystem::path folder_;
  std::map<std::string, std::filesystem::path> known_;  ///< by folded path; folders end with '/'
  std::size_t files_ = 0;
  std::size_t bytes_ = 0;
};

/// Unpacks a zip. Errors: bsp_source, bsp_member, bsp_write.
Status unpack_zip(const std::filesystem::path& zip, ForeignTree& tree);
/// Copies what is in a folder. Links are refused: what they point to is not part of the package.
/// Errors: bsp_source, bsp_member, bsp_write.
Status copy_folder(const std::filesystem::path& folder, ForeignTree& tree);

}  // namespace flashline::imaging::detail
