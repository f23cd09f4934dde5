#pragma once
// Trees made by hand, as packages would make them.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "imaging/filesystem/file_tree.h"
#include "tests/fakes/memory_disk.h"

namespace flashline::imaging {

constexpr std::chrono::sys_seconds build_time =
    std::chrono::sys_days{std::chrono::year{2026} / 3 / 14} + std::chrono::hours{15} + std::chrono::minutes{9};

inline PackageFile package_file(std::string path, std::vector<std::byte> bytes,
                                std::uint32_t attributes = file_attribute::archive) {
  const Sha256 digest = sha256(bytes);
  const auto size = bytes.size();
  return {.device_path = std::move(path),
          .attributes = attributes,
          .source = std::move(bytes),
          .size = size,
          .digest = digest};
}

/// Folders in folders, long and short names, empty and larger files, attributes.
inline FileTree sample_tree(NameCase name_case = NameCase::blind) {
  FileTree tree{name_case};
  const auto add = [&](const PackageFile& file) { (void)tree.add(file).value(); };
  add(package_file("\\README.TXT", bytes_of("exact 8.3\n")));
  add(package_file("\\EFI\\Microsoft\\Boot\\a rather long name, with spaces.bin", pattern(200'123, 1)));
  add(package_file("\\EFI\\Microsoft\\Boot\\a rather long name, with dots.bin", pattern(70'000, 2),
                   file_attribute::readonly));
  add(package_file("\\Windows\\Übung\\klein.txt", bytes_of("small\n"),
                   file_attribute::hidden | file_attribute::system));
  add(package_file("\\Windows\\empty", {}));
  add(package_file("\\sparse.bin", [] {
    auto bytes = std::vector<std::byte>(300'000);
    bytes[150'000] = std::byte{7};
    return bytes;
  }()));
  (void)tree.add(PackageDirectory{.device_path = "\\Windows\\nothing\\here", .attributes = file_attribute::hidden})
      .value();
  return tree;
}

/// `count` files of `size` bytes in one folder.
inline FileTree many_files(std::size_t count, std::size_t size, NameCase name_case = NameCase::blind) {
  FileTree tree{name_case};
  for (std::size_t i = 0; i < count; ++i) {
    (void)tree
        .add(package_file("\\many\\file number " + std::to_string(i) + ".dat",
                          pattern(size, static_cast<std::uint32_t>(i))))
        .value();
  }
  return tree;
}

}  // namespace flashline::imaging
