#include "flasher/engine/loaded_image.h"

#include "flasher/engine/detail/image_state.h"

namespace flashline::line {

const imaging::ImageFacts& LoadedImage::facts() const { return state_->facts; }
const std::vector<imaging::StorePlan>& LoadedImage::stores() const { return state_->stores; }

imaging::PlanContent LoadedImage::content() const {
  auto content = imaging::content_of(state_->fd(), state_->map.content_size());
  if (!state_->spool) return content;
  content.read = [spool = state_->spool](ByteOffset at, std::span<std::byte> out) -> Status {
    FL_CHECK(spool->wait_blocking(ByteOffset{at.value + out.size()}));
    return imaging::read_exactly(spool->fd(), at, out);
  };
  return content;
}

std::optional<Sha256> LoadedImage::digest() const {
  if (state_->facts.digest) return state_->facts.digest;
  return state_->content_digest();
}

}  // namespace flashline::line
