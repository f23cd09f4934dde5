#pragma once
// A target in memory, and plans made by hand: what tests of plans write to and compare.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/errors/image.h"
#include "imaging/source/block_plan.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging {

/// `text` as bytes.
inline std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

/// `count` bytes that differ from each other enough to show a displacement. `seed` tells sources apart.
inline std::vector<std::byte> pattern(std::size_t count, std::uint32_t seed) {
  std::vector<std::byte> bytes(count);
  std::uint32_t state = seed * 2654435761U + 1;
  for (auto& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::byte>(state >> 24U);
  }
  return bytes;
}

/// Content in memory.
inline PlanContent content_of(std::vector<std::byte> bytes) {
  const ByteCount size{bytes.size()};
  return {[bytes = std::move(bytes)](ByteOffset at, std::span<std::byte> out) -> Status {
            if (at.value + out.size() > bytes.size()) return fail(errc::truncated, "content in memory");
            std::ranges::copy(std::span{bytes}.subspan(at.value, out.size()), out.begin());
            return {};
          },
          size};
}

/// A disk in memory, as a view too.
class MemoryDisk final : public WritableBlockView {
 public:
  explicit MemoryDisk(std::size_t size, std::byte fill = {}) : bytes(size, fill) {}
  explicit MemoryDisk(std::vector<std::byte> content) : bytes{std::move(content)} {}
  ByteCount size() const override { return ByteCount{bytes.size()}; }
  Status read(ByteOffset at, std::span<std::byte> out) override {
    if (at.value > bytes.size() || out.size() > bytes.size() - at.value) return fail(errc::image_read, "outside");
    std::ranges::copy(std::span{bytes}.subspan(at.value, out.size()), out.begin());
    return {};
  }
  Status write(ByteOffset at, std::span<const std::byte> from) override {
    if (at.value > bytes.size() || from.size() > bytes.size() - at.value) return fail(errc::image_write, "outside");
    std::ranges::copy(from, bytes.begin() + static_cast<std::ptrdiff_t>(at.value));
    return {};
  }

  /// Writes one run of a resolved plan.
  Status apply(const BlockPlan& plan, const Run& run, const PlanContent& content) {
    std::vector<std::byte> data(run.length.value);
    if (run.source == Run::Source::content) FL_CHECK(content.read(ByteOffset{run.from}, data));
    if (run.source == Run::Source::blob) {
      std::ranges::copy(std::span{plan.blobs[run.from]}.subspan(run.skip, data.size()), data.begin());
    }
    return write(ByteOffset{run.place.distance}, data);
  }
  /// Writes all phases in order, as an engine does.
  Status apply(const BlockPlan& plan, const PlanContent& content) {
    for (const auto& phase : plan.phases) {
      for (const auto& run : phase.runs) FL_CHECK(apply(plan, run, content));
    }
    return {};
  }

  std::vector<std::byte> bytes;
};

/// Runs made by hand; numbers in bytes.
inline Run content_run(std::uint64_t at, std::uint64_t length, std::uint64_t from) {
  return {.place = {Place::Anchor::begin, at}, .length = ByteCount{length}, .from = from};
}
inline Run zero_run(std::uint64_t at, std::uint64_t length) {
  return {.place = {Place::Anchor::begin, at}, .length = ByteCount{length}, .source = Run::Source::zeros};
}
inline Run end_run(std::uint64_t distance, std::uint64_t length, std::uint64_t from) {
  return {.place = {Place::Anchor::end, distance}, .length = ByteCount{length}, .from = from};
}

}  // namespace flashline::imaging
