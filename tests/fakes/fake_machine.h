#pragma once
// A machine made of folders: /proc and /sys as far as the safety checks look, and device nodes to name.

#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/fakes/temp_folder.h"
#include "transport/block/inspect_target.h"

namespace flashline::fakes {

class FakeMachine {
 public:
  FakeMachine() {
    folder_.file("proc/self/mountinfo", "");
    folder_.file("proc/swaps", "Filename Type Size Used Priority\n");
    std::filesystem::create_directories(folder_ / "sys/dev/block");
    std::filesystem::create_directories(folder_ / "sys/class/block");
  }

  transport::Machine machine() const { return {folder_ / "proc", folder_ / "sys", folder_.path(), folder_ / "run"}; }
  const TempFolder& folder() const { return folder_; }

  /// A disk with a node, which needs root. `size` in bytes.
  std::filesystem::path disk(const std::string& name, unsigned number, std::uint64_t size) {
    set(name, "queue/logical_block_size", "512");
    set(name, "diskseq", std::to_string(number + 100));
    return device(path_of(name), name, number, size);
  }
  /// A partition of `disk`.
  std::filesystem::path partition(const std::string& disk, const std::string& name, unsigned number) {
    folder_.file(path_of(disk) / name / "partition", "1\n");
    return device(path_of(disk) / name, name, number, 1 << 20);
  }
  /// A file in the folder of `disk` in /sys.
  void set(const std::string& disk, const std::string& file, const std::string& value) {
    folder_.file(path_of(disk) / file, value + "\n");
  }
  /// `upper` (dm, md) is made of `lower`, a disk or "disk/partition".
  void stack(const std::string& upper, const std::string& lower) {
    std::filesystem::create_directories(folder_ / path_of(lower) / "holders" / upper);
    std::filesystem::create_directories(folder_ / path_of(upper) / "slaves" / std::filesystem::path{lower}.filename());
  }
  void mount(unsigned number, const std::string& at, const std::string& source = "/dev/whatever") {
    mount_as("259:" + std::to_string(number), at, source);
  }
  /// With a device number that is no block device's, as btrfs and overlay have.
  void mount_as(const std::string& number, const std::string& at, const std::string& source) {
    append("proc/self/mountinfo", "30 1 " + number + " / " + at + " rw shared:1 master:2 - ext4 " + source + " rw\n");
  }
  void swap(const std::string& path) { append("proc/swaps", path + " partition 1048572 0 -2\n"); }

  /// False where nodes cannot be made; such tests are skipped.
  bool has_nodes() const { return has_nodes_; }

 private:
  static std::filesystem::path path_of(const std::string& disk) {
    return std::filesystem::path{"sys/devices/pci/usb1"} / disk;
  }

  std::filesystem::path device(const std::filesystem::path& where, const std::string& name, unsigned number,
                               std::uint64_t size) {
    const auto text = "259:" + std::to_string(number);
    folder_.file(where / "dev", text + "\n");
    folder_.file(where / "size", std::to_string(size / 512) + "\n");
    folder_.file(where / "ro", "0\n");
    std::filesystem::create_directory_symlink(folder_ / where, folder_ / "sys/dev/block" / text);
    std::filesystem::create_directory_symlink(folder_ / where, folder_ / "sys/class/block" / name);
    const auto node = folder_ / name;
    has_nodes_ = has_nodes_ && ::mknod(node.c_str(), S_IFBLK | 0600, makedev(259, number)) == 0;
    return node;
  }

  void append(const char* file, const std::string& line) { std::ofstream{folder_ / file, std::ios::app} << line; }

  TempFolder folder_;
  bool has_nodes_ = true;
};

}  // namespace flashline::fakes
