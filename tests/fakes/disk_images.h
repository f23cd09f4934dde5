#pragma once
// Disk images made by other people's tools, and what becomes of them.

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

#include "imaging/source/image.h"
#include "tests/fakes/memory_disk.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"

namespace flashline::imaging {

/// A folder whose files are named in the command lines of tools.
class ImageFolder : public fakes::TempFolder {
 public:
  std::string operator/(const std::string& name) const { return (path() / name).string(); }
};

inline std::vector<std::byte> load_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  return bytes_of(text);
}

inline void save_file(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream out{path, std::ios::binary};
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// Writes `bytes` into the file at `at`, leaving holes elsewhere.
inline void put_into(const std::string& path, std::uint64_t at, std::span<const std::byte> bytes) {
  const FileHandle file{::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)};
  ASSERT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
            static_cast<ssize_t>(bytes.size()));
}

inline void must_run(const std::string& command) {
  const auto run = run_tool(command);
  ASSERT_EQ(run.code, 0) << command << "\n" << run.output;
}

/// A GPT image of `size` bytes: two partitions, data at the start and the very end of each and behind the primary
/// table, holes between.
inline void build_gpt_image(const std::string& path, std::uint64_t size, std::uint32_t sector_size = 512) {
  std::filesystem::remove(path);
  must_run("truncate -s " + std::to_string(size) + " " + path);
  const std::uint64_t first = 64 * 1024 / sector_size;  // inside of the first 128 KiB, on purpose
  const std::uint64_t second = 1024 * 1024 / sector_size;
  const std::uint64_t last = size / sector_size - (sector_size == 512 ? 34 : 6);
  if (sector_size == 512) {
    must_run("sgdisk -a 1 -n 1:" + std::to_string(first) + ":" + std::to_string(second - 1) +
             " -c 1:boot -t 1:ef00 -n 2:" + std::to_string(second) + ":" + std::to_string(last) + " -c 2:root " + path);
  } else {
    must_run("sh -c \"printf 'g\\nn\\n\\n256\\n" + std::to_string(last) + "\\nw\\n' | fdisk -b 4096 " + path + "\"");
  }
  put_into(path, 64 * 1024, pattern(100'000, 1));
  put_into(path, 1024 * 1024, pattern(50'000, 2));
  put_into(path, size / 2, pattern(4096, 3));
  put_into(path, (last + 1) * sector_size - 20'000, pattern(20'000, 4));
}

/// A GPT image of `size` bytes: two partitions, data at the start and the very end of each and behind the primary
/// table, holes between. Each is made once, since sgdisk waits a second after writing.
inline void make_gpt_image(const std::string& path, std::uint64_t size, std::uint32_t sector_size = 512) {
  static const ImageFolder made;
  const std::string cached = made / (std::to_string(size) + "-" + std::to_string(sector_size));
  if (!std::filesystem::exists(cached)) build_gpt_image(cached, size, sector_size);
  must_run("cp --sparse=always " + cached + " " + path);
}

/// An image with an MBR, two primary and two logical partitions.
inline void make_mbr_image(const std::string& path, std::uint64_t size) {
  std::filesystem::remove(path);
  must_run("truncate -s " + std::to_string(size) + " " + path);
  must_run(
      "sh -c \"printf 'label: dos\\n2048,1024,c,*\\n3072,1024,83\\n4096,,5\\n5000,500,83\\n6000,500,83\\n' | sfdisk " +
      path + "\"");
  put_into(path, 1024 * 1024, pattern(70'000, 5));
  put_into(path, size - 3000, pattern(3000, 6));
}

/// Policy for images without a signature.
inline OpenOptions unsigned_allowed() {
  OpenOptions options;
  options.trust.allow_unsigned = true;
  return options;
}

/// The whole content in memory; streams are read to their end, and spooled images planned.
inline Result<PlanContent> load_content(OpenedImage& image) {
  if (!image.content.stream) return content_of(image.content.file.get(), image.content.size);
  std::vector<std::byte> bytes;
  std::vector<std::byte> piece(70'001);
  for (;;) {
    FL_TRY(const auto got, image.content.stream->read(piece));
    if (got == 0) break;
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
  }
  if (image.stores.empty()) {
    const ImageFolder folder;
    save_file(folder / "spool", bytes);
    const FileHandle spool{::open((folder / "spool").c_str(), O_RDONLY | O_CLOEXEC)};
    FL_CHECK(plan_spooled(image, spool.get()));
  }
  return content_of(std::move(bytes));
}

/// A target of `size` bytes of 0xEE after the image was written and its holes were zeroed. 0: the image's own size.
inline Result<std::vector<std::byte>> flashed(OpenedImage& image, std::uint64_t size = 0) {
  FL_TRY(const auto content, load_content(image));
  const BlockPlan& plan = image.stores.at(0).plan;
  const ByteCount target{size == 0 ? plan.needs.min_size.value : size};
  FL_TRY(const auto placed, resolved(plan, target));
  MemoryDisk disk{static_cast<std::size_t>(target.value), std::byte{0xEE}};
  FL_CHECK(disk.apply(placed, content));
  for (const auto& hole : holes(placed, target)) {
    std::ranges::fill(std::span{disk.bytes}.subspan(hole.at.value, hole.length.value), std::byte{});
  }
  return std::move(disk.bytes);
}

}  // namespace flashline::imaging
