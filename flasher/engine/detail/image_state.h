#pragma once
// All that is known of a loaded image.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "flasher/engine/detail/content_map.h"
#include "flasher/engine/detail/digest_store.h"
#include "flasher/engine/detail/spool.h"
#include "imaging/core/digest.h"
#include "imaging/source/image.h"

namespace flashline::line::detail {

struct ImageState {
  std::uint64_t id = 0;  ///< names the image in the cache; never used twice
  imaging::ImageFacts facts;
  std::vector<imaging::StorePlan> stores;
  ContentMap map;
  std::size_t pieces = 0;        ///< in `map`
  imaging::FileHandle file;      ///< of a plain image; a spool has its own
  std::shared_ptr<Spool> spool;  ///< or null
  DigestStore digests;           ///< event thread

  int fd() const { return spool ? spool->fd() : file.get(); }

  /// SHA-256 over the pins of all pieces, once each was read. Any thread.
  std::optional<Sha256> content_digest() const {
    const std::lock_guard lock{mutex};
    return all_pins;
  }
  void note_if_all_pinned() {
    if (facts.digest || pieces == 0 || digests.pins() != pieces) return;
    const std::lock_guard lock{mutex};
    if (!all_pins) all_pins = digests.digest_of_pins();
  }

  mutable std::mutex mutex;
  std::optional<Sha256> all_pins;
};

}  // namespace flashline::line::detail
