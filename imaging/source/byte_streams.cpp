#include "imaging/source/byte_streams.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

class PrefixedStream final : public ByteStream {
 public:
  PrefixedStream(std::vector<std::byte> prefix, std::unique_ptr<ByteStream> rest)
      : prefix_{std::move(prefix)}, rest_{std::move(rest)} {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (prefix_.empty()) return rest_->read(out);
    const std::size_t count = std::min(out.size(), prefix_.size() - used_);
    std::ranges::copy(std::span{prefix_}.subspan(used_, count), out.begin());
    used_ += count;
    if (used_ == prefix_.size()) prefix_ = {};
    return count;
  }

 private:
  std::vector<std::byte> prefix_;
  std::size_t used_ = 0;
  std::unique_ptr<ByteStream> rest_;
};

class SizedStream final : public ByteStream {
 public:
  SizedStream(std::unique_ptr<ByteStream> inner, ByteCount size, ByteCount padded, std::string declared_by)
      : inner_{std::move(inner)}, size_{size.value}, padded_{padded.value}, declared_by_{std::move(declared_by)} {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    if (done_ < size_) return read_inner(out);
    if (!ended_) FL_CHECK(check_end());
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), padded_ - done_));
    std::ranges::fill(out.first(count), std::byte{});
    done_ += count;
    return count;
  }

 private:
  Result<std::size_t> read_inner(std::span<std::byte> out) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - done_));
    FL_TRY(const auto got, inner_->read(out.first(wanted)));
    if (got == 0 && wanted != 0) {
      return fail(errc::truncated,
                  fmt::format("the image ends after {} bytes, {} gives {}", done_, declared_by_, size_));
    }
    done_ += got;
    // At once, so that a stream that is too long fails its last read and not one that may never come.
    if (done_ == size_) FL_CHECK(check_end());
    return got;
  }

  Status check_end() {
    std::byte more{};
    FL_TRY(const auto got, inner_->read({&more, 1}));
    if (got != 0) {
      return fail(errc::trailing_data,
                  fmt::format("the image goes on after the {} bytes that {} gives", size_, declared_by_));
    }
    ended_ = true;
    return {};
  }

  std::unique_ptr<ByteStream> inner_;
  std::uint64_t size_;
  std::uint64_t padded_;
  std::string declared_by_;
  std::uint64_t done_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<std::size_t> read_fully(ByteStream& stream, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    FL_TRY(const auto got, stream.read(out.subspan(done)));
    if (got == 0) break;
    done += got;
  }
  return done;
}

std::unique_ptr<ByteStream> with_prefix(std::vector<std::byte> prefix, std::unique_ptr<ByteStream> rest) {
  return std::make_unique<PrefixedStream>(std::move(prefix), std::move(rest));
}

std::unique_ptr<ByteStream> of_size(std::unique_ptr<ByteStream> inner, ByteCount size, ByteCount padded,
                                    std::string declared_by) {
  return std::make_unique<SizedStream>(std::move(inner), size, padded, std::move(declared_by));
}

}  // namespace flashline::imaging
