#include "imaging/source/plan_view.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>
#include <utility>

#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

/// Enough for a FAT's table, a folder and a file side by side.
constexpr std::size_t units_kept = 8;

}  // namespace

Status read_exactly(int fd, ByteOffset at, std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(at.value));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(errc::image_read, fmt::format("reading at offset {}: {}", at.value, std::strerror(errno)));
    }
    if (got == 0) {
      return fail(errc::truncated, fmt::format("the file ends at offset {}, {} bytes too early", at.value, out.size()));
    }
    out = out.subspan(static_cast<std::size_t>(got));
    at.value += static_cast<std::uint64_t>(got);
  }
  return {};
}

PlanContent content_of(int fd, std::optional<ByteCount> size) {
  return {[fd](ByteOffset at, std::span<std::byte> out) { return read_exactly(fd, at, out); }, size};
}

PlanView::PlanView(const BlockPlan& plan, PlanContent content, ByteCount size)
    : plan_{plan}, content_{std::move(content)}, size_{size}, runs_{surviving_runs(plan)} {}

Status PlanView::read(ByteOffset at, std::span<std::byte> out) {
  const auto end = end_of(at, ByteCount{out.size()});
  if (!end || end->value > size_.value) {
    return fail(errc::image_read, fmt::format("{} bytes at offset {} lie outside of the {} bytes there are", out.size(),
                                              at.value, size_.value));
  }
  auto next = std::ranges::upper_bound(runs_, at.value, {}, [](const Run& run) { return run.place.distance; });
  if (next != runs_.begin() && std::prev(next)->place.distance + std::prev(next)->length.value > at.value) --next;
  while (!out.empty()) {
    const std::uint64_t start = next == runs_.end() ? size_.value : next->place.distance;
    if (start > at.value) {  // a hole
      const auto gap = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), start - at.value));
      std::ranges::fill(out.first(gap), std::byte{});
      out = out.subspan(gap);
      at.value += gap;
      continue;
    }
    const std::uint64_t skip = at.value - start;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), next->length.value - skip));
    FL_CHECK(read_run(*next, skip, out.first(count)));
    out = out.subspan(count);
    at.value += count;
    ++next;
  }
  return {};
}

Status PlanView::read_run(const Run& run, std::uint64_t skip, std::span<std::byte> out) {
  switch (run.source) {
    case Run::Source::content:
      return read_content(ByteOffset{run.from + skip}, out);
    case Run::Source::blob:
      std::ranges::copy(std::span{plan_.blobs[run.from]}.subspan(run.skip + skip, out.size()), out.begin());
      return {};
    case Run::Source::zeros:
      break;
  }
  std::ranges::fill(out, std::byte{});
  return {};
}

Status PlanView::read_content(ByteOffset at, std::span<std::byte> out) {
  const HashTable& hashes = plan_.hashes;
  if (!hashes.digests || hashes.digests->empty()) return content_.read(at, out);
  if (at < hashes.origin) return fail(errc::chunk_hash, fmt::format("no digest covers content offset {}", at.value));
  while (!out.empty()) {
    const std::uint64_t covered = at.value - hashes.origin.value;
    FL_TRY(const Unit* const checked, unit(covered / hashes.unit));
    const auto skip = static_cast<std::size_t>(covered % hashes.unit);
    if (skip >= checked->bytes.size()) {
      return fail(errc::truncated, fmt::format("the content ends before offset {}", at.value));
    }
    const std::size_t count = std::min(out.size(), checked->bytes.size() - skip);
    std::ranges::copy(std::span{checked->bytes}.subspan(skip, count), out.begin());
    out = out.subspan(count);
    at.value += count;
  }
  return {};
}

Result<const PlanView::Unit*> PlanView::unit(std::uint64_t number) {
  const HashTable& hashes = plan_.hashes;
  const auto kept = std::ranges::find(units_, number, &Unit::number);
  if (kept != units_.end()) {
    std::rotate(units_.begin(), kept, std::next(kept));
    return &units_.front();
  }
  const std::uint64_t at = hashes.origin.value + number * hashes.unit;
  if (number >= hashes.digests->size()) {
    return fail(errc::chunk_hash, fmt::format("no digest covers content offset {}", at));
  }
  std::uint64_t length = hashes.unit;
  if (content_.size) length = std::min(length, content_.size->value - std::min(content_.size->value, at));
  Unit fresh{number, std::vector<std::byte>(static_cast<std::size_t>(length))};
  FL_CHECK(content_.read(ByteOffset{at}, fresh.bytes));
  if (sha256(fresh.bytes) != (*hashes.digests)[number]) {
    return fail(errc::chunk_hash,
                fmt::format("the {} bytes at content offset {} do not have their digest", length, at));
  }
  units_.push_front(std::move(fresh));
  if (units_.size() > units_kept) units_.pop_back();
  return &units_.front();
}

}  // namespace flashline::imaging
