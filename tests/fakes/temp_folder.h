#pragma once
<<<<<<< HEAD
// A folder that lives as long as the test that needs it.

#include <cstdlib>
#include <filesystem>
#include <string>

namespace flashline::fakes {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "flashline-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
=======
// A folder that goes away with the test.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace flashline::tests {

class TempFolder {
 public:
  explicit TempFolder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "flashline-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = std::filesystem::canonical(name);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
>>>>>>> 4bf462c (Open files and block devices as sinks, and refuse what must not be written)
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
<<<<<<< HEAD
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
=======
>>>>>>> 4bf462c (Open files and block devices as sinks, and refuse what must not be written)

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

<<<<<<< HEAD
=======
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

>>>>>>> 4bf462c (Open files and block devices as sinks, and refuse what must not be written)
 private:
  std::filesystem::path path_;
};

<<<<<<< HEAD
}  // namespace flashline::fakes
=======
}  // namespace flashline::tests
>>>>>>> 4bf462c (Open files and block devices as sinks, and refuse what must not be written)
