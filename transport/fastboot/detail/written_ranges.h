#pragma once
// What a board was sent and said that it wrote, by digest: its bytes are long gone when they are compared.

#include <cstdint>
#include <map>
#include <vector>

#include "imaging/core/digest.h"
#include "transport/fastboot/detail/segment.h"
#include "transport/fastboot/fastboot_target.h"

namespace flashline::transport::detail {

struct WrittenRange {
  std::uint64_t at = 0;
  std::uint64_t length = 0;
  bool zeros = false;     ///< then no digest is kept: it follows from the length
  Sha256 digest{};        ///< of Verify::bmap
  std::uint32_t crc = 0;  ///< of Verify::crc32
};

/// The digests of what is in `segment`, in pieces of at most 1 MiB, zeros of at most 16 MiB. Takes a while: not for the
/// event thread.
std::vector<WrittenRange> digests_of(const Segment& segment, FastbootTarget::Verify kind);

class WrittenRanges {
 public:
  /// Writing there would leave a digest of which only a part is still on the medium.
  bool cuts(std::uint64_t at, std::uint64_t length) const;
  /// In the place of what was there; never called where cuts() would be true.
  void put(const WrittenRange& range);
  void clear() { ranges_.clear(); }
  std::size_t size() const { return ranges_.size(); }
  std::vector<WrittenRange> in_order() const;

 private:
  using Map = std::map<std::uint64_t, WrittenRange>;
  Map::const_iterator first_touching(std::uint64_t at) const;
  Map ranges_;
};

}  // namespace flashline::transport::detail
