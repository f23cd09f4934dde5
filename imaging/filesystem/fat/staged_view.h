#pragma once
// All of an edit or nothing of it: changes are held back until they are complete.

#include <optional>

#include "imaging/core/block_view.h"

namespace flashline::imaging::fat {

/// Holds back writes to `target` until commit(). `target` outlives it.
class StagedView final : public WritableBlockView {
 public:
  explicit StagedView(WritableBlockView& target) : target_{target} { rollback(); }
  ByteCount size() const override { return target_.size(); }
  Status read(ByteOffset at, std::span<std::byte> out) override { return staged_->read(at, out); }
  Status write(ByteOffset at, std::span<const std::byte> bytes) override { return staged_->write(at, bytes); }

  /// Hands everything that changed to the target, in ascending order.
  Status commit() {
    for (const auto& [number, bytes] : staged_->pages()) {
      FL_CHECK(target_.write(ByteOffset{number * CowView::page_size}, bytes));
    }
    rollback();
    return {};
  }
  /// Forgets what was not committed.
  void rollback() { staged_.emplace(target_); }

 private:
  WritableBlockView& target_;
  std::optional<CowView> staged_;
};

}  // namespace flashline::imaging::fat
