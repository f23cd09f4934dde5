#pragma once
// FAT images made by mkfs.fat, judged by fsck.fat and read by mtools.

#include <chrono>
#include <cstddef>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/filesystem/fat/fat_volume.h"
#include "tests/fakes/file_view.h"
#include "tests/fakes/memory_disk.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"

namespace flashline::imaging {

constexpr std::chrono::sys_seconds test_time =
    std::chrono::sys_days{std::chrono::year{2026} / 3 / 14} + std::chrono::hours{15} + std::chrono::minutes{9};

inline std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class FatImage {
 public:
  /// `options` are those of mkfs.fat; `kib` is the size of the partition.
  FatImage(const std::string& options, std::uint64_t kib) : path_{(folder_ / "fat.img").string()} {
    made_ = run_tool("mkfs.fat " + options + " -C " + path_ + " " + std::to_string(kib));
    EXPECT_EQ(made_.code, 0) << made_.output;
  }
  const std::string& path() const { return path_; }
  const fakes::TempFolder& folder() const { return folder_; }

  /// Empty when fsck.fat finds nothing.
  std::string findings() const {
    const ToolRun run = run_tool("fsck.fat -n " + path_);
    return run.code == 0 ? "" : run.output;
  }
  ToolRun mtools(const std::string& command) const { return run_tool("env MTOOLS_SKIP_CHECK=1 " + command); }
  /// What mtype says `name` holds.
  std::string mtype(const std::string& name) const {
    const std::string out = (folder_ / "mtype.out").string();
    const ToolRun run = mtools("mcopy -n -o -i " + path_ + " '::" + name + "' " + out);
    EXPECT_EQ(run.code, 0) << run.output;
    return file(out);
  }
  std::string bytes() const { return file(path_); }
  static std::string file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

 private:
  fakes::TempFolder folder_;
  std::string path_;
  ToolRun made_;
};

}  // namespace flashline::imaging
