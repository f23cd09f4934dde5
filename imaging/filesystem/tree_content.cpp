#include "imaging/filesystem/tree_content.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/errors/image.h"
#include "imaging/source/content.h"
#include "imaging/source/file_view.h"

namespace flashline::imaging {
namespace {

/// What a file system of the host gives and takes at once: smaller holes save nothing.
constexpr std::size_t page = 4096;

bool all_zero(std::span<const std::byte> bytes) {
  return bytes.front() == std::byte{} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

Result<std::size_t> read_some(int fd, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = ::read(fd, out.data() + done, out.size() - done);
    if (count == 0) break;
    if (count < 0 && errno != EINTR) return fail(errc::image_read, std::strerror(errno));
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  return done;
}

/// Counts and hashes what goes by, and compares with what the tree says.
class Check {
 public:
  explicit Check(const TreeEntry& entry) : entry_{entry} {
    if (entry.digest) hash_.emplace();
  }
  Status take(std::span<const std::byte> bytes) {
    size_ += bytes.size();
    if (size_ > entry_.size) return changed(fmt::format("it has more than the {} bytes known", entry_.size));
    if (hash_) hash_->update(bytes);
    return {};
  }
  Status finish() {
    if (size_ != entry_.size) return changed(fmt::format("it has {} bytes, not {}", size_, entry_.size));
    if (hash_ && hash_->finish() != *entry_.digest) return changed("its SHA-256 is another one");
    return {};
  }

 private:
  std::unexpected<Error> changed(const std::string& how) const {
    const auto* const host = std::get_if<std::filesystem::path>(&entry_.source);
    return fail(errc::content_changed,
                fmt::format("'{}'{}: {}", entry_.path, host == nullptr ? "" : " (" + host->string() + ")", how));
  }
  const TreeEntry& entry_;
  std::optional<Sha256Stream> hash_;
  std::uint64_t size_ = 0;
};

Status read_file(const std::filesystem::path& path, const TakeContent& take) {
  FL_TRY(const FileHandle file, open_for_reading(path));
  static thread_local std::vector<std::byte> buffer(content_piece);
  for (;;) {
    const auto count = read_some(file.get(), buffer);
    if (!count) return std::unexpected{in_context(path.string(), count.error())};
    if (*count > 0) FL_CHECK(take(std::span{buffer}.first(*count)));
    if (*count < buffer.size()) return {};
  }
}

Status read_memory(std::span<const std::byte> bytes, const TakeContent& take) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), content_piece));
    FL_CHECK(take(piece));
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

}  // namespace

Status read_content(const TreeEntry& entry, const TakeContent& take) {
  Check check{entry};
  const TakeContent checked = [&](std::span<const std::byte> piece) -> Status {
    FL_CHECK(check.take(piece));
    return take(piece);
  };
  if (const auto* const path = std::get_if<std::filesystem::path>(&entry.source)) {
    FL_CHECK(read_file(*path, checked));
  } else {
    FL_CHECK(read_memory(std::get<std::vector<std::byte>>(entry.source), checked));
  }
  return check.finish();
}

Result<std::vector<std::byte>> content_start(const TreeEntry& entry, std::size_t limit) {
  if (const auto* const bytes = std::get_if<std::vector<std::byte>>(&entry.source)) {
    return std::vector<std::byte>(bytes->begin(),
                                  bytes->begin() + static_cast<std::ptrdiff_t>(std::min(limit, bytes->size())));
  }
  FL_TRY(const FileHandle file, open_for_reading(std::get<std::filesystem::path>(entry.source)));
  return read_start(file.get(), limit);
}

Status write_sparse(WritableBlockView& view, ByteOffset at, std::span<const std::byte> bytes) {
  const auto page_at = [&](std::size_t from) { return bytes.subspan(from, std::min(page, bytes.size() - from)); };
  for (std::size_t from = 0; from < bytes.size();) {
    if (all_zero(page_at(from))) {
      from += page;
      continue;
    }
    std::size_t end = from;
    while (end < bytes.size() && !all_zero(page_at(end))) end += page;
    end = std::min(end, bytes.size());
    FL_CHECK(view.write(ByteOffset{at.value + from}, bytes.subspan(from, end - from)));
    from = end;
  }
  return {};
}

}  // namespace flashline::imaging
