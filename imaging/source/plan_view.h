#pragma once
// The target as it will be once a plan was written: what file systems of an image are read from and edited through.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/source/block_plan.h"

namespace flashline::imaging {

/// Content as random access: fills all of `out` from content offset `at`. Over a spool that is still being filled it
/// blocks until the bytes are there. Called by one thread at a time.
struct PlanContent {
  std::function<Status(ByteOffset at, std::span<std::byte> out)> read;
  std::optional<ByteCount> size;  ///< where known: the last hash unit may be shorter than the others
};

/// Content in a file whose offsets are the content's. `fd` stays the caller's. Errors: image_read, truncated.
PlanContent content_of(int fd, std::optional<ByteCount> size = std::nullopt);

/// Fills `out` from `fd` at `at`. Errors: image_read with errno; truncated when the file ends before.
Status read_exactly(int fd, ByteOffset at, std::span<std::byte> out);

/// The bytes of a target of `size` bytes after `plan` (resolved for that size; it outlives the view) was written. What
/// no run names reads as zeros. Content is checked against the plan's digests before a byte of it is returned; the last
/// few units stay in memory. Errors: image_read, chunk_hash, truncated. For one thread.
class PlanView final : public BlockView {
 public:
  PlanView(const BlockPlan& plan, PlanContent content, ByteCount size);
  ByteCount size() const override { return size_; }
  Status read(ByteOffset at, std::span<std::byte> out) override;

 private:
  struct Unit {
    std::uint64_t number;
    std::vector<std::byte> bytes;
  };
  Status read_run(const Run& run, std::uint64_t skip, std::span<std::byte> out);
  Status read_content(ByteOffset at, std::span<std::byte> out);
  Result<const Unit*> unit(std::uint64_t number);

  const BlockPlan& plan_;
  PlanContent content_;
  ByteCount size_;
  std::vector<Run> runs_;
  std::deque<Unit> units_;  // most recently used first
};

}  // namespace flashline::imaging
