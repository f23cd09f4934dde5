#include <algorithm>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/compressed_payload.h"
#include "imaging/ffu/read_ffu.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t piece_size = 1_MiB;

Result<ByteCount> size_of(int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return fail(errc::image_read, "the size of the file cannot be told");
  return ByteCount{static_cast<std::uint64_t>(facts.st_size)};
}

/// Calls `use` with one piece of the file after the other, in order.
Status for_each_piece(int fd, ByteOffset from, ByteOffset to, std::size_t piece,
                      const std::function<Status(ByteOffset, std::span<const std::byte>)>& use) {
  std::vector<std::byte> buffer(piece);
  while (from < to) {
    const auto part =
        std::span{buffer}.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece, to.value - from.value)));
    FL_CHECK(read_exactly(fd, from, part));
    FL_CHECK(use(from, part));
    from.value += part.size();
  }
  return {};
}

Status check_unit(const HashTable& hashes, ByteOffset at, std::span<const std::byte> unit) {
  const std::uint64_t number = (at.value - hashes.origin.value) / hashes.unit;
  if (number >= hashes.digests->size()) return {};
  if (sha256(unit) == (*hashes.digests)[number]) return {};
  return fail(errc::chunk_hash, "chunk " + std::to_string(number) + " at offset " + std::to_string(at.value));
}

Result<Sha256> verify_file(int fd, const HashTable& hashes, const VerifyProgress& progress) {
  FL_TRY(const auto size, size_of(fd));
  Sha256Stream whole;
  const bool has_digests = hashes.digests && hashes.unit != 0;
  const ByteOffset origin{has_digests ? std::min(hashes.origin.value, size.value) : size.value};
  FL_CHECK(for_each_piece(fd, ByteOffset{0}, origin, piece_size, [&](ByteOffset at, std::span<const std::byte> bytes) {
    whole.update(bytes);
    if (progress) progress(ByteCount{at.value + bytes.size()}, size);
    return Status{};
  }));
  if (!has_digests) return whole.finish();
  FL_CHECK(for_each_piece(fd, origin, ByteOffset{size.value}, hashes.unit,
                          [&](ByteOffset at, std::span<const std::byte> bytes) -> Status {
                            FL_CHECK(check_unit(hashes, at, bytes));
                            whole.update(bytes);
                            if (progress) progress(ByteCount{at.value + bytes.size()}, size);
                            return {};
                          }));
  return whole.finish();
}

/// The stream compares each block itself; reading it to the end is the check.
Result<Sha256> verify_compressed(ffu::CompressedPayload& payload, const VerifyProgress& progress) {
  std::vector<std::byte> buffer(piece_size);
  payload.rewind();
  for (ByteCount done;;) {
    FL_TRY(const auto count, payload.read(buffer));
    if (count == 0) break;
    done.value += count;
    if (progress) progress(done, payload.size());
  }
  payload.rewind();
  return digest_of_file(payload.file());
}

}  // namespace

Result<Sha256> digest_of_file(int fd) { return verify_file(fd, {}, {}); }

Result<Sha256> verify_payload(OpenedImage& image, const VerifyProgress& progress) {
  if (auto* const compressed = dynamic_cast<ffu::CompressedPayload*>(image.content.stream.get())) {
    return verify_compressed(*compressed, progress);
  }
  if (!image.content.file) return fail(errc::image_read, "the image's stream has to be spooled first");
  const HashTable none;
  return verify_file(image.content.file.get(), image.stores.empty() ? none : image.stores.front().plan.hashes,
                     progress);
}

}  // namespace flashline::imaging
