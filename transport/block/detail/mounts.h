#pragma once
// What is mounted and what is swapped to.

#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace flashline::transport::detail {

struct Mount {
  dev_t device = 0;  ///< of file systems without a device of their own (btrfs, overlay) its major is 0
  std::filesystem::path at;
  std::string source;
};

/// Reads mountinfo text (proc(5)); lines that make no sense are left out.
std::vector<Mount> parse_mounts(std::string_view mountinfo);
/// The mount that `path` (absolute, links resolved) lies on, the last one mounted there.
const Mount* mount_of(const std::vector<Mount>& mounts, const std::filesystem::path& path);
/// Paths of /proc/swaps text.
std::vector<std::filesystem::path> parse_swaps(std::string_view swaps);

/// `path` absolute and with its links resolved as far as it exists; empty when that is not possible.
std::filesystem::path real_path_of(const std::filesystem::path& path);
/// Whether `path` is `folder` or lies in it; both absolute, links resolved.
bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace flashline::transport::detail
