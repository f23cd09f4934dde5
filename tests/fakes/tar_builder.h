#pragma once
// Tar archives made header by header, so that a test can spoil one.

#include <cstddef>
#include <cstdint>
#include <span>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <string_view>
#include <vector>

namespace flashline::tests {

struct TarEntry {
  std::string name{};
  std::string content{};
  char type = '0';
  std::string magic = std::string{"ustar\0", 6} + "00";
  std::string prefix{};
  std::string size{};  ///< as written; empty: that of the content
  int sum_error = 0;   ///< added to the right sum
};

inline void put_text(std::string& block, std::size_t at, std::string_view text) {
  block.replace(at, text.size(), text);
}

inline std::string tar_of(const std::vector<TarEntry>& entries, bool end_mark = true) {
  std::string bytes;
  for (const TarEntry& entry : entries) {
    std::string header(512, '\0');
    put_text(header, 0, entry.name);
    put_text(header, 100, "0000644");
    put_text(header, 124, entry.size.empty() ? fmt::format("{:011o}", entry.content.size()) : entry.size);
    put_text(header, 148, "        ");
    put_text(header, 156, std::string(1, entry.type));
    put_text(header, 257, entry.magic);
    put_text(header, 345, entry.prefix);
    int sum = entry.sum_error;
    for (const char each : header) sum += static_cast<unsigned char>(each);
    put_text(header, 148, fmt::format("{:06o}", sum) + std::string{"\0 ", 2});
    bytes += header + entry.content;
    bytes.resize((bytes.size() + 511) / 512 * 512);
  }
  if (end_mark) bytes.resize(bytes.size() + 1024);
  return bytes;
}

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

}  // namespace flashline::tests
