#pragma once
// Android sparse images made field by field, so that a test can spoil one.

#include <cstdint>
#include <vector>

#include "imaging/core/crc32.h"
#include "tests/fakes/memory_disk.h"

namespace flashline::imaging {

class SparseBuilder {
 public:
  explicit SparseBuilder(std::uint32_t block_size = 4096) : block_size{block_size} {}

  SparseBuilder& raw(std::span<const std::byte> bytes) {
    chunk(0xCAC1, static_cast<std::uint32_t>(bytes.size() / block_size), bytes);
    append(image, bytes);
    return *this;
  }
  SparseBuilder& fill(std::uint32_t blocks, std::uint32_t value) {
    const auto word = le(value, 4);
    chunk(0xCAC2, blocks, word);
    for (std::size_t i = 0; i < std::size_t{blocks} * block_size; ++i) image.push_back(word[i % 4]);
    return *this;
  }
  SparseBuilder& dont_care(std::uint32_t blocks) {
    chunk(0xCAC3, blocks, {});
    image.resize(image.size() + std::size_t{blocks} * block_size);
    return *this;
  }
  SparseBuilder& checksum() { return chunk(0xCAC4, 0, le(crc32(image), 4)); }

  SparseBuilder& chunk(std::uint32_t type, std::uint32_t blocks, std::span<const std::byte> data) {
    append(body, le(type, 2));
    append(body, le(0, 2));
    append(body, le(blocks, 4));
    append(body, le(12 + data.size(), 4));
    append(body, data);
    total_blocks += blocks;
    ++chunks;
    return *this;
  }

  std::vector<std::byte> file() const {
    std::vector<std::byte> bytes = le(magic, 4);
    for (const auto& [value, width] : {std::pair{major, 2U},
                                       {0U, 2U},
                                       {file_header, 2U},
                                       {chunk_header, 2U},
                                       {block_size, 4U},
                                       {total_blocks, 4U},
                                       {chunks, 4U},
                                       {image_checksum, 4U}}) {
      append(bytes, le(value, width));
    }
    append(bytes, body);
    return bytes;
  }

  static std::vector<std::byte> le(std::uint64_t value, std::size_t width) {
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i < width; ++i) bytes.push_back(static_cast<std::byte>(value >> (8 * i)));
    return bytes;
  }

  std::uint32_t magic = 0xED26FF3A;
  std::uint32_t major = 1;
  std::uint32_t file_header = 28;
  std::uint32_t chunk_header = 12;
  std::uint32_t block_size;
  std::uint32_t total_blocks = 0;
  std::uint32_t chunks = 0;
  std::uint32_t image_checksum = 0;
  std::vector<std::byte> body;
  std::vector<std::byte> image;  ///< expanded

 private:
  static void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
  }
};

}  // namespace flashline::imaging
