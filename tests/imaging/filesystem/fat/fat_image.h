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
#include "tests/fakes/scratch_folder.h"
#include "tests/fakes/tool.h"

namespace flashline::imaging {

constexpr std::chrono::sys_seconds test_time =
    std::chrono::sys_days{std::chrono::year{2026} / 3 / 14} + std::chrono::hours{15} + std::chrono::minutes{9};

inline std::vector<std::byte> as_vector(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

inline std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// `count` bytes that differ from those of another seed.
inline std::vector<std::byte> noise(std::size_t count, std::uint32_t seed) {
  std::vector<std::byte> bytes(count);
  std::uint32_t state = seed * 2654435761U + 1;
  for (auto& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::byte>(state >> 24U);
  }
  return bytes;
}

class FatImage {
 public:
  /// `options` are those of mkfs.fat; `kib` is the size of the partition.
  FatImage(const std::string& options, std::uint64_t kib) : path_{folder_ / "fat.img"} {
    made_ = run_tool("mkfs.fat " + options + " -C " + path_ + " " + std::to_string(kib));
    EXPECT_EQ(made_.code, 0) << made_.output;
  }
  const std::string& path() const { return path_; }
  const ScratchFolder& folder() const { return folder_; }

  /// Empty when fsck.fat finds nothing.
  std::string findings() const {
    const ToolRun run = run_tool("fsck.fat -n " + path_);
    return run.code == 0 ? "" : run.output;
  }
  ToolRun mtools(const std::string& command) const { return run_tool("env MTOOLS_SKIP_CHECK=1 " + command); }
  /// What mtype says `name` holds.
  std::string mtype(const std::string& name) const {
    const std::string out = folder_ / "mtype.out";
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
  ScratchFolder folder_;
  std::string path_;
  ToolRun made_;
};

}  // namespace flashline::imaging
