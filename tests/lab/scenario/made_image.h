#pragma once
// An image for a scenario that names none: a disk with a partition table, an EFI partition and data that repeat
// nowhere.

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>

namespace flashline::lab {

/// `data` bytes of the partition behind the EFI one are not zero; `size` is the disk's. What went wrong, if anything.
std::string make_disk(const std::filesystem::path& out, std::uint64_t size, std::uint64_t data);

}  // namespace flashline::lab
