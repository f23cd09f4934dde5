#include "imaging/provisioning/unit_overlay.h"

namespace flashline::imaging {

UnitOverlay overlay_of(const CowView& view) {
  UnitOverlay overlay;
  std::uint64_t expected = 0;
  for (const auto& [number, bytes] : view.pages()) {
    if (overlay.extents.empty() || number != expected) {
      overlay.extents.push_back({ByteOffset{number * CowView::page_size}, {}});
    }
    auto& joined = overlay.extents.back().bytes;
    joined.insert(joined.end(), bytes.begin(), bytes.end());
    expected = number + 1;
  }
  return overlay;
}

}  // namespace flashline::imaging
