#include "transport/block/detail/block_devices.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sys/sysmacros.h>

namespace flashline::transport::detail {
namespace {

namespace fs = std::filesystem;

std::optional<std::uint64_t> number_in(const fs::path& file) {
  const auto text = first_line(file);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (fs::directory_iterator each{folder, ignored}, end; each != end; each.increment(ignored)) {
    names.push_back(each->path().filename());
  }
  std::ranges::sort(names);
  return names;
}

dev_t device_number(const std::string& text) {
  unsigned major_part = 0;
  unsigned minor_part = 0;
  const auto colon = text.find(':');
  if (colon == std::string::npos) return 0;
  std::from_chars(text.data(), text.data() + colon, major_part);
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), minor_part);
  return makedev(major_part, minor_part);
}

}  // namespace

std::string first_line(const fs::path& file) {
  std::ifstream in{file};
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<BlockDevice> BlockDevices::find(dev_t number) const {
  return read(sys_ / "dev/block" / (std::to_string(major(number)) + ":" + std::to_string(minor(number))));
}

std::optional<BlockDevice> BlockDevices::find(std::string_view name) const { return read(sys_ / "class/block" / name); }

std::optional<BlockDevice> BlockDevices::find_node(const fs::path& node) const {
  std::error_code ignored;
  const auto real = fs::canonical(node, ignored);
  if (auto found = find((real.empty() ? node : real).filename().string())) return found;
  for (const auto& name : names_in(sys_ / "class/block")) {
    const auto mapped = first_line(sys_ / "class/block" / name / "dm/name");
    if (!mapped.empty() && mapped == node.filename()) return find(name);
  }
  return std::nullopt;
}

std::optional<BlockDevice> BlockDevices::read(const fs::path& entry) const {
  std::error_code missing;
  const auto folder = fs::canonical(entry, missing);
  if (missing || !fs::exists(folder / "dev", missing)) return std::nullopt;
  const bool partition = fs::exists(folder / "partition", missing);
  const auto disk = partition ? folder.parent_path() : folder;
  BlockDevice device;
  device.name = folder.filename();
  device.number = device_number(first_line(folder / "dev"));
  device.sys_path = folder;
  device.disk = disk.filename();
  device.size = ByteCount{number_in(folder / "size").value_or(0) * 512};  // always in units of 512
  device.sector_size = static_cast<std::uint32_t>(number_in(disk / "queue/logical_block_size").value_or(512));
  device.read_only = first_line(folder / "ro") == "1" || first_line(disk / "ro") == "1";
  device.disk_seq = number_in(disk / "diskseq");
  device.backing_file = first_line(folder / "loop/backing_file");
  return device;
}

std::vector<BlockDevice> BlockDevices::loops() const {
  std::vector<BlockDevice> found;
  for (const auto& name : names_in(sys_ / "class/block")) {
    if (!name.starts_with("loop")) continue;
    auto device = find(name);
    if (device && !device->backing_file.empty()) found.push_back(std::move(*device));
  }
  return found;
}

std::vector<std::string> BlockDevices::above(const BlockDevice& device) const {
  auto names = names_in(device.sys_path / "holders");
  for (const auto& name : names_in(device.sys_path)) {
    std::error_code ignored;
    if (fs::exists(device.sys_path / name / "partition", ignored)) names.push_back(name);
  }
  for (const auto& loop : loops()) {
    if (!loop.backing_file.starts_with("/dev/")) continue;
    const auto shown = find_node(loop.backing_file);
    if (shown && shown->number == device.number) names.push_back(loop.name);
  }
  return names;
}

std::vector<BlockDevice> BlockDevices::stacked_on(const BlockDevice& device) const {
  std::vector<BlockDevice> all{device};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const auto& name : above(all[i])) {
      auto next = find(name);
      const auto is_next = [&](const BlockDevice& each) { return each.name == next->name; };
      if (next && std::ranges::none_of(all, is_next)) all.push_back(std::move(*next));
    }
  }
  return all;
}

void BlockDevices::collect_beneath(const BlockDevice& device, std::set<std::string>& seen) const {
  if (!seen.insert(device.name).second) return;
  auto lower = names_in(device.sys_path / "slaves");
  if (device.is_partition()) lower.push_back(device.disk);
  for (const auto& name : lower) {
    if (const auto next = find(name)) collect_beneath(*next, seen);
  }
}

std::set<std::string> BlockDevices::disks_beneath(const BlockDevice& device) const {
  std::set<std::string> seen;
  collect_beneath(device, seen);
  std::erase_if(seen, [&](const std::string& name) {
    const auto each = find(name);
    return !each || each->is_partition();
  });
  return seen;
}

}  // namespace flashline::transport::detail
