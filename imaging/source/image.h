#pragma once
// The one way in: any image file becomes plans and content. Everything that can be refused is refused here.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/source/block_plan.h"
#include "imaging/source/content.h"
#include "imaging/trust/trust_policy.h"

namespace flashline::imaging {

struct OpenOptions {
  TrustPolicy trust;
  std::optional<std::filesystem::path> bmap;  ///< block map beside a raw or compressed image
  bool experimental = false;                  ///< decode compressed FFUs (V1C)
};

/// One row of the image's partition table, for reports.
struct PartitionFact {
  std::string name;
  std::string type;
  ByteOffset start;
  ByteCount length;
  std::uint32_t number = 0;  ///< from 1, as other tools count; an unused row keeps its number
};

/// What an image says of itself.
struct ImageFacts {
  std::string format;  ///< "ffu-v1", "ffu-v2", "ffu-v1c", "raw", "raw+gzip", "bmap", "android-sparse", ...
  ByteCount file_size;
  std::optional<ByteCount> disk_size;
  std::string table;  ///< "gpt", "mbr" or "none"
  std::string description;
  std::vector<PartitionFact> partitions;
  std::vector<std::string> warnings;
  TrustVerdict trust;
  /// Digest that names the image in records: of an FFU its hash table's SHA-256 (so no second read of the file is
  /// needed), else empty until the content was read once.
  std::optional<Sha256> digest;
};

/// A store and the plan for it. `device_path` is empty but for V2 images.
struct StorePlan {
  std::string device_path;
  BlockPlan plan;
};

struct OpenedImage {
  ImageFacts facts;
  std::vector<StorePlan> stores;  ///< empty only while `content.stream` has to be spooled first (see plan_spooled)
  Content content;
};

/// Opens `path`, finds out what it is and makes its plans. FFU: order of checks of ffu-format.md section 7, metadata
/// only; payload chunks are checked as they are read, against the plan's digests.
/// Raw images (compressed or not) carry no signature: refused with unsigned_image unless the policy allows unsigned.
Result<OpenedImage> open_image(const std::filesystem::path& path, const OpenOptions& options);

/// Plans of an image whose stream's length nobody knew beforehand, from its complete spool file `fd`.
Status plan_spooled(OpenedImage& image, int fd);

}  // namespace flashline::imaging
