#include "imaging/provisioning/detail/wim_header.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "imaging/core/byte_reader.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/build.h"
#include "imaging/source/content.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t header_bytes = 208;
constexpr std::uint32_t version_1_13 = 0x10D00;
constexpr std::uint64_t largest_xml = 16UL * 1024 * 1024;
/// A directory tree of one provisioning package is some kilobytes.
constexpr std::uint64_t largest_metadata = 64UL * 1024 * 1024;
constexpr std::uint64_t largest_lookup = 64UL * 1024 * 1024;
constexpr std::size_t lookup_entry_bytes = 50;
constexpr std::uint8_t is_metadata = 0x02;
constexpr std::uint8_t is_compressed = 0x04;
constexpr std::uint8_t is_solid = 0x10;
constexpr std::uint32_t xpress_flag = 0x00020000;
constexpr std::size_t guid_at = 24;

std::unexpected<Error> unreadable(const std::filesystem::path& path, std::string_view what) {
  return fail(errc::ppkg_unreadable, fmt::format("{}: {}", path.string(), what));
}

class WimFile {
 public:
  static Result<WimFile> open(const std::filesystem::path& path, int flags) {
    FileHandle file{::open(path.c_str(), flags | O_CLOEXEC)};
    struct stat facts{};
    if (!file || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode))
      return unreadable(path, "cannot be opened");
    return WimFile{path, std::move(file), static_cast<std::uint64_t>(facts.st_size)};
  }

  std::uint64_t size() const { return size_; }
  std::unexpected<Error> bad(std::string_view what) const { return unreadable(path_, what); }

  Result<std::vector<std::byte>> read(std::uint64_t at, std::uint64_t count) const {
    if (count > size_ || at > size_ - count) return bad("it ends before its parts do");
    std::vector<std::byte> bytes(static_cast<std::size_t>(count));
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = ::pread(file_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
      if (n <= 0) return bad("cannot be read");
      done += static_cast<std::size_t>(n);
    }
    return bytes;
  }

  Status write(std::uint64_t at, std::span<const std::byte> bytes) const {
    const ssize_t n = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n == static_cast<ssize_t>(bytes.size())) return {};
    return fail(errc::ppkg_write, path_.string());
  }

 private:
  WimFile(std::filesystem::path path, FileHandle file, std::uint64_t size)
      : path_{std::move(path)}, file_{std::move(file)}, size_{size} {}
  std::filesystem::path path_;
  FileHandle file_;
  std::uint64_t size_;
};

Result<WimResource> read_resource(ByteReader& in) {
  FL_TRY(const std::uint64_t packed, in.u64("resource"));
  FL_TRY(const std::uint64_t offset, in.u64("resource offset"));
  FL_TRY(const std::uint64_t original, in.u64("resource size"));
  return WimResource{.offset = offset,
                     .size = packed & 0x00FFFFFFFFFFFFFFULL,
                     .original_size = original,
                     .flags = static_cast<std::uint8_t>(packed >> 56U)};
}

Result<WimHeader> parse_header(ByteReader& in) {
  WimHeader header;
  FL_TRY(header.version, in.u32("version"));
  FL_TRY(header.flags, in.u32("flags"));
  FL_TRY(header.chunk_size, in.u32("chunk size"));
  FL_TRY([[maybe_unused]] const auto guid, in.take(16, "guid"));
  FL_TRY(header.part, in.u16("part"));
  FL_TRY(header.parts, in.u16("parts"));
  FL_TRY(header.images, in.u32("images"));
  FL_TRY(header.lookup, read_resource(in));
  FL_TRY(header.xml, read_resource(in));
  return header;
}

Status check_header(const WimFile& file, const WimHeader& header) {
  if (header.version != version_1_13) return file.bad(fmt::format("version {:#x} is not 1.13", header.version));
  if (header.part != 1 || header.parts != 1) return file.bad("one part of several");
  if (header.images != 1) return file.bad(fmt::format("{} images, not one", header.images));
  if ((header.flags & xpress_flag) == 0 || header.chunk_size != 32768) return file.bad("not compressed with XPRESS");
  const auto inside = [&](const WimResource& resource, std::uint64_t most) {
    return resource.size <= most && resource.original_size == resource.size && resource.size <= file.size() &&
           resource.offset <= file.size() - resource.size && (resource.flags & is_compressed) == 0;
  };
  if (!inside(header.xml, largest_xml) || header.xml.size < 2)
    return file.bad("its properties are not where they should be");
  if (!inside(header.lookup, largest_lookup)) return file.bad("its table of contents is not where it should be");
  return {};
}

/// Sizes that the library would believe.
Status check_resources(const WimFile& file, const WimHeader& header) {
  FL_TRY(const auto table, file.read(header.lookup.offset, header.lookup.size));
  ByteReader in{table, ByteOffset{header.lookup.offset}};
  while (in.left() >= lookup_entry_bytes) {
    FL_TRY(const WimResource resource, read_resource(in));
    FL_TRY([[maybe_unused]] const auto rest, in.take(lookup_entry_bytes - 24, "digest"));
    if (resource.size > file.size() || resource.offset > file.size() - resource.size) {
      return file.bad("a part of it would lie outside of the file");
    }
    if ((resource.flags & is_solid) != 0) return file.bad("solid resources do not belong into a provisioning package");
    if ((resource.flags & is_metadata) != 0 && resource.original_size > largest_metadata) {
      return file.bad("its list of files is too large");
    }
    // XPRESS makes 32 KiB of two bytes at best.
    if (resource.original_size / 32768 > resource.size) return file.bad("a part of it claims an impossible size");
  }
  return {};
}

Status put_hex(std::vector<std::byte>& xml, std::string_view element, std::string_view half, std::uint32_t value) {
  const auto wide = [](std::string_view text) {
    std::vector<std::byte> bytes;
    for (const char c : text) {
      bytes.push_back(static_cast<std::byte>(c));
      bytes.push_back(std::byte{0});
    }
    return bytes;
  };
  const auto outer = wide(element);
  const auto needle = wide(half);
  const auto from = std::search(xml.begin(), xml.end(), outer.begin(), outer.end());
  const auto place = std::search(from, xml.end(), needle.begin(), needle.end());
  const auto digits = wide(fmt::format("{:08X}", value));
  if (place == xml.end() || xml.end() - place < static_cast<std::ptrdiff_t>(needle.size() + digits.size())) {
    return fail(errc::ppkg_write, fmt::format("no {} in its properties", element));
  }
  std::ranges::copy(digits, place + static_cast<std::ptrdiff_t>(needle.size()));
  return {};
}

}  // namespace

WindowsTime windows_time(std::time_t time) {
  constexpr std::uint64_t seconds_1601_to_1970 = 11'644'473'600;
  const std::uint64_t ticks = (static_cast<std::uint64_t>(time) + seconds_1601_to_1970) * 10'000'000;
  return {static_cast<std::uint32_t>(ticks >> 32U), static_cast<std::uint32_t>(ticks)};
}

Result<WimHeader> read_wim_header(const std::filesystem::path& path) {
  FL_TRY(const WimFile file, WimFile::open(path, O_RDONLY));
  FL_TRY(const auto bytes, file.read(0, header_bytes));
  constexpr std::string_view magic{"MSWIM\0\0\0", 8};
  if (!std::ranges::equal(std::as_bytes(std::span{magic}), std::span{bytes}.first(magic.size()))) {
    return file.bad("no WIM");
  }
  ByteReader in{std::span{bytes}.subspan(12), ByteOffset{12}};
  FL_TRY(const WimHeader header, parse_header(in));
  FL_CHECK(check_header(file, header));
  FL_CHECK(check_resources(file, header));
  return header;
}

Result<std::vector<std::byte>> read_wim_xml(const std::filesystem::path& path, const WimHeader& header) {
  FL_TRY(const WimFile file, WimFile::open(path, O_RDONLY));
  return file.read(header.xml.offset, header.xml.size);
}

Status normalise_wim(const std::filesystem::path& path, std::time_t time) {
  FL_TRY(const WimHeader header, read_wim_header(path));
  FL_TRY(const WimFile file, WimFile::open(path, O_RDWR));
  FL_TRY(auto xml, file.read(header.xml.offset, header.xml.size));
  const WindowsTime stamp = windows_time(time);
  FL_CHECK(put_hex(xml, "<LASTMODIFICATIONTIME>", "<HIGHPART>0x", stamp.high));
  FL_CHECK(put_hex(xml, "<LASTMODIFICATIONTIME>", "<LOWPART>0x", stamp.low));
  FL_CHECK(file.write(header.xml.offset, xml));
  FL_CHECK(file.write(guid_at, std::array<std::byte, 16>{}));
  Sha256Stream contents;
  constexpr std::uint64_t piece = 1U << 20U;
  for (std::uint64_t at = 0; at < file.size(); at += piece) {
    FL_TRY(const auto bytes, file.read(at, std::min(piece, file.size() - at)));
    contents.update(bytes);
  }
  const Sha256 digest = contents.finish();
  return file.write(guid_at, std::span{digest}.first(16));
}

}  // namespace flashline::imaging
