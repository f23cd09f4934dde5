#include "transport/rpiboot/boot_bundle.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <ranges>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/rpiboot.h"
#include "transport/usb/descriptors.h"

namespace flashline::transport {
namespace {

constexpr std::size_t block = 512;
constexpr std::size_t most_files = 4096;

// Fields of a header: POSIX.1-1988, "ustar".
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field name_field{0, 100};
constexpr Field size_field{124, 12};
constexpr Field sum_field{148, 8};
constexpr std::size_t type_at = 156;
constexpr Field magic_field{257, 6};
constexpr Field prefix_field{345, 155};

using Header = std::span<const std::byte>;

std::string text_of(Header header, Field field) {
  const auto bytes = header.subspan(field.at, field.size);
  const auto end = std::ranges::find(bytes, std::byte{0});
  std::string text;
  std::ranges::transform(bytes.begin(), end, std::back_inserter(text), [](std::byte each) { return char(each); });
  return text;
}

/// Octal digits with blanks around.
std::optional<std::uint64_t> number_of(Header header, Field field) {
  const std::string text = text_of(header, field);
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return std::nullopt;
  const std::string digits = text.substr(first, text.find_last_not_of(' ') - first + 1);
  std::uint64_t value = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

bool sum_is_right(Header header) {
  std::uint64_t sum = std::uint64_t{' '} * sum_field.size;
  for (std::size_t at = 0; at < block; ++at) {
    if (at < sum_field.at || at >= sum_field.at + sum_field.size) sum += std::to_integer<std::uint64_t>(header[at]);
  }
  return number_of(header, sum_field) == sum;
}

std::string name_of(Header header) {
  std::string name = text_of(header, name_field);
  const bool posix = text_of(header, magic_field) == "ustar";
  const std::string prefix = posix ? text_of(header, prefix_field) : std::string{};
  if (!prefix.empty()) name.insert(0, prefix + "/");
  while (name.starts_with("./")) name.erase(0, 2);
  return name;
}

/// An extension that says another name or size for what follows.
bool overrules(std::span<const std::byte> extension) {
  const std::string_view text{reinterpret_cast<const char*>(extension.data()), extension.size()};
  return text.contains(" path=") || text.contains(" size=") || text.contains(" GNU.sparse");
}

class BundleReader {
 public:
  explicit BundleReader(std::span<const std::byte> bundle) : bundle_{bundle} {}

  Result<std::vector<BundleFile>> read() {
    while (bundle_.size() - at_ >= block) {
      const Header header = bundle_.subspan(at_, block);
      if (std::ranges::all_of(header, [](std::byte each) { return each == std::byte{0}; })) return std::move(files_);
      FL_CHECK(entry(header));
    }
    return wrong("ends without an end mark");
  }

 private:
  Status entry(Header header) {
    if (!sum_is_right(header)) return wrong("is no header of a tar archive");
    const auto size = number_of(header, size_field);
    if (!size || *size > bundle_.size() - at_ - block) return wrong("has a size that the archive does not hold");
    FL_CHECK(keep(header, bundle_.subspan(at_ + block, static_cast<std::size_t>(*size))));
    const std::size_t padded = static_cast<std::size_t>((*size + block - 1) / block * block);
    at_ += std::min(block + padded, bundle_.size() - at_);
    return {};
  }

  Status keep(Header header, std::span<const std::byte> content) {
    switch (std::to_integer<char>(header[type_at])) {
      case '\0':
      case '0':
        return add(name_of(header), content);
      case '5':
        return {};
      case 'x':
      case 'g':
        if (!overrules(content)) return {};
        [[fallthrough]];
      default:
        return wrong("is neither a file nor a folder");
    }
  }

  Status add(std::string name, std::span<const std::byte> content) {
    if (!is_inside_name(name)) {
      return fail(errc::rpi_bundle_name, fmt::format("entry at {} is called '{}'", at_, shown_string(name)));
    }
    if (files_.size() == most_files) return wrong("is one file too many");
    files_.push_back({std::move(name), content});
    return {};
  }

  std::unexpected<Error> wrong(std::string_view what) const {
    return fail(errc::rpi_bundle, fmt::format("what lies at offset {} {}", at_, what));
  }

  std::span<const std::byte> bundle_;
  std::size_t at_ = 0;
  std::vector<BundleFile> files_;
};

}  // namespace

Result<std::vector<BundleFile>> read_bundle(std::span<const std::byte> bundle) { return BundleReader{bundle}.read(); }

bool is_inside_name(std::string_view name) {
  const auto is_odd = [](char each) { return each == '\\' || (each >= 0 && each < ' ') || each == '\x7f'; };
  if (name.empty() || name.size() > 255 || std::ranges::any_of(name, is_odd)) return false;
  return std::ranges::none_of(name | std::views::split('/'), [](auto part) {
    const std::string_view word{part};
    return word.empty() || word == "." || word == "..";
  });
}

}  // namespace flashline::transport
