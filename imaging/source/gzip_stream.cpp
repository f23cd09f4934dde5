#include <algorithm>
#include <cerrno>
#include <cstring>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>
#include <vector>
#include <zlib.h>

#include "imaging/core/errors/image.h"
#include "imaging/source/decompress.h"

namespace flashline::imaging::detail {
namespace {

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(FileHandle file) : file_{std::move(file)}, input_(256_KiB) {
    // 16: a gzip header and trailer are expected, and zlib checks the trailer's CRC and length.
    ready_ = ::inflateInit2(&zlib_, MAX_WBITS + 16) == Z_OK;
  }
  ~GzipStream() override { ::inflateEnd(&zlib_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (!ready_) return fail(errc::bad_compression, "zlib cannot be set up: out of memory");
    out = out.first(std::min<std::size_t>(out.size(), 1_GiB));
    zlib_.next_out = reinterpret_cast<Bytef*>(out.data());
    zlib_.avail_out = static_cast<uInt>(out.size());
    while (zlib_.avail_out == out.size() && !out.empty() && !ended_) {
      FL_CHECK(fill());
      FL_CHECK(member_over_ ? next_member() : inflate_some());
    }
    return out.size() - zlib_.avail_out;
  }

 private:
  Status fill() {
    if (zlib_.avail_in > 0 || at_end_) return {};
    ssize_t got = 0;
    do {
      got = ::pread(file_.get(), input_.data(), input_.size(), static_cast<off_t>(offset_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
      return fail(errc::image_read, fmt::format("reading at offset {}: {}", offset_, std::strerror(errno)));
    }
    at_end_ = got == 0;
    offset_ += static_cast<std::uint64_t>(got);
    zlib_.next_in = reinterpret_cast<Bytef*>(input_.data());
    zlib_.avail_in = static_cast<uInt>(got);
    return {};
  }

  Status inflate_some() {
    if (at_end_ && zlib_.avail_in == 0) {
      return fail(errc::truncated, fmt::format("the gzip file ends at offset {}, inside a member", offset_));
    }
    const int result = ::inflate(&zlib_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) {
      member_over_ = true;
      return {};
    }
    if (result == Z_OK || result == Z_BUF_ERROR) return {};
    return fail(errc::bad_compression, fmt::format("gzip, near offset {}: {}", offset_ - zlib_.avail_in,
                                                   zlib_.msg != nullptr ? zlib_.msg : "damaged"));
  }

  /// Another member may follow (bgzip, pigz -i, cat a.gz b.gz), or zeros that a tape or a copy by blocks left.
  Status next_member() {
    while (zlib_.avail_in > 0 && *zlib_.next_in == 0) {
      ++zlib_.next_in;
      --zlib_.avail_in;
      padded_ = true;
    }
    if (zlib_.avail_in == 0) {
      ended_ = at_end_;
      return {};
    }
    if (padded_ || *zlib_.next_in != 0x1F) {
      return fail(errc::trailing_data, fmt::format("no gzip member at offset {}", offset_ - zlib_.avail_in));
    }
    member_over_ = false;
    ::inflateReset(&zlib_);
    return {};
  }

  FileHandle file_;
  std::vector<std::byte> input_;
  z_stream zlib_{};
  std::uint64_t offset_ = 0;  // of the next byte to read from the file
  bool ready_ = false;
  bool at_end_ = false;  // of the file
  bool member_over_ = false;
  bool padded_ = false;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> gzip_stream(FileHandle file) { return std::make_unique<GzipStream>(std::move(file)); }

}  // namespace flashline::imaging::detail
