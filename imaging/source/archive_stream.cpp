#include <archive.h>
#include <archive_entry.h>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <unistd.h>

#include "imaging/core/errors/image.h"
#include "imaging/source/decompress.h"

namespace flashline::imaging::detail {
namespace {

struct FreeArchive {
  void operator()(archive* a) const noexcept { ::archive_read_free(a); }
};
using ArchiveHandle = std::unique_ptr<archive, FreeArchive>;

std::unexpected<Error> archive_error(archive* handle, Compression compression) {
  const char* const text = ::archive_error_string(handle);
  const std::string what = text != nullptr ? text : "damaged";
  const bool short_of = what.find("runcated") != std::string::npos || what.find("nexpected end") != std::string::npos;
  return fail(short_of ? errc::truncated : errc::bad_compression, fmt::format("{}: {}", name_of(compression), what));
}

int filter_of(Compression compression) {
  if (compression == Compression::xz) return ARCHIVE_FILTER_XZ;
  return compression == Compression::zstd ? ARCHIVE_FILTER_ZSTD : ARCHIVE_FILTER_BZIP2;
}

/// A reader that takes exactly one kind of file: nothing is guessed from the contents, at no depth.
Result<ArchiveHandle> open_reader(int fd, Compression compression) {
  ArchiveHandle reader{::archive_read_new()};
  if (!reader) return fail(errc::bad_compression, "libarchive cannot be set up: out of memory");
  if (::lseek(fd, 0, SEEK_SET) < 0) return fail(errc::image_read, "the compressed file cannot be read from its start");
  if (compression == Compression::zip) {
    ::archive_read_support_format_zip_seekable(reader.get());
  } else {
    ::archive_read_append_filter(reader.get(), filter_of(compression));
    ::archive_read_set_format(reader.get(), ARCHIVE_FORMAT_RAW);
  }
  if (::archive_read_open_fd(reader.get(), fd, 256_KiB) != ARCHIVE_OK) return archive_error(reader.get(), compression);
  return reader;
}

/// The next member that is a file, or nullptr at the end.
Result<archive_entry*> next_file(archive* reader, Compression compression) {
  archive_entry* entry = nullptr;
  for (;;) {
    const int result = ::archive_read_next_header(reader, &entry);
    if (result == ARCHIVE_EOF) return nullptr;
    if (result != ARCHIVE_OK) return archive_error(reader, compression);
    if (::archive_entry_filetype(entry) != AE_IFDIR) return entry;
  }
}

std::string name_of(archive_entry* entry) {
  const char* const name = ::archive_entry_pathname(entry);
  return name != nullptr ? name : "a member without a readable name";
}

/// Looks through the directory of a zip. Errors: archive_members, encrypted_image.
Status check_members(int fd) {
  FL_TRY(const auto reader, open_reader(fd, Compression::zip));
  FL_TRY(archive_entry * first, next_file(reader.get(), Compression::zip));
  if (first == nullptr) return fail(errc::archive_members, "the zip holds no file");
  const std::string name = name_of(first);
  if (::archive_entry_is_encrypted(first) != 0) return fail(errc::encrypted_image, "member " + name);
  FL_TRY(archive_entry * second, next_file(reader.get(), Compression::zip));
  if (second == nullptr) return {};
  return fail(errc::archive_members, fmt::format("the zip holds {} and {}", name, name_of(second)));
}

class ArchiveStream final : public ByteStream {
 public:
  ArchiveStream(FileHandle file, ArchiveHandle reader, Compression compression)
      : file_{std::move(file)}, reader_{std::move(reader)}, compression_{compression} {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (out.empty()) return std::size_t{0};
    const la_ssize_t got = ::archive_read_data(reader_.get(), out.data(), out.size());
    if (got < 0) return archive_error(reader_.get(), compression_);  // a warning too: it may be a wrong CRC
    if (got == 0 && compression_ == Compression::zip) FL_CHECK(check_last());
    return static_cast<std::size_t>(got);
  }

 private:
  /// The end of a member is where libarchive compares its CRC and says so.
  Status check_last() {
    archive_entry* entry = nullptr;
    const int result = ::archive_read_next_header(reader_.get(), &entry);
    if (result == ARCHIVE_EOF || result == ARCHIVE_OK) return {};
    return archive_error(reader_.get(), compression_);
  }

  FileHandle file_;  // before the reader, which reads from it until it is freed
  ArchiveHandle reader_;
  Compression compression_;
};

}  // namespace

Result<Decompressor> archive_stream(FileHandle file, Compression compression) {
  if (compression == Compression::zip) FL_CHECK(check_members(file.get()));
  FL_TRY(auto reader, open_reader(file.get(), compression));
  FL_TRY(archive_entry* const entry, next_file(reader.get(), compression));
  if (entry == nullptr) return fail(errc::truncated, fmt::format("{}: no data", name_of(compression)));
  Decompressor opened;
  if (compression == Compression::zip && ::archive_entry_size_is_set(entry) != 0 && ::archive_entry_size(entry) >= 0) {
    opened.size = ByteCount{static_cast<std::uint64_t>(::archive_entry_size(entry))};
  }
  opened.stream = std::make_unique<ArchiveStream>(std::move(file), std::move(reader), compression);
  return opened;
}

}  // namespace flashline::imaging::detail
