#pragma once
// An image that the engine holds ready for any number of boards.

#include <memory>
#include <optional>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/source/image.h"
#include "imaging/source/plan_view.h"

namespace flashline::line {

namespace detail {
struct ImageState;
}

/// Shared by all runs of an image. Facts and plans never change. Any thread.
class LoadedImage {
 public:
  explicit LoadedImage(std::shared_ptr<detail::ImageState> state) : state_{std::move(state)} {}

  const imaging::ImageFacts& facts() const;
  const std::vector<imaging::StorePlan>& stores() const;

  /// The image's content for a PlanView, which checks it: what overlays are rendered from. Reading blocks, also while a
  /// spool is not yet filled that far: not for the event thread. The LoadedImage outlives it.
  imaging::PlanContent content() const;

  /// SHA-256 that names the image in records: ImageFacts::digest where there is one, else the digest of all content
  /// digests in order, known when every byte was read once.
  std::optional<Sha256> digest() const;

  /// For the engine.
  const std::shared_ptr<detail::ImageState>& state() const { return state_; }

 private:
  std::shared_ptr<detail::ImageState> state_;
};

}  // namespace flashline::line
