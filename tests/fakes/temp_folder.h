#pragma once
// A folder that lives as long as the test that needs it.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace flashline::fakes {

class TempFolder {
 public:
  explicit TempFolder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "flashline-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = std::filesystem::canonical(name);
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

  /// Writes a file below the folder, with the folders it needs.
  std::filesystem::path file(const std::filesystem::path& name, std::string_view content) const {
    const auto where = path_ / name;
    std::filesystem::create_directories(where.parent_path());
    std::ofstream{where, std::ios::binary} << content;
    return where;
  }
  /// A sparse file of `size` bytes.
  std::filesystem::path sparse(const std::filesystem::path& name, std::uintmax_t size) const {
    const auto where = file(name, "");
    std::filesystem::resize_file(where, size);
    return where;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace flashline::fakes
