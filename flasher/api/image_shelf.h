#pragma once
// The images a station may write: its trust policy, and its images folder as it looks through that policy.

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/source/image.h"
#include "imaging/trust/trust_policy.h"
#include "station-config/station.h"

namespace flashline::line {

/// The policy of station.xml with its anchors read in. Errors: config_anchor.
Result<imaging::TrustPolicy> load_trust(const config::Station& station);

/// One image file, opened and checked.
struct ShelfImage {
  std::filesystem::path path;
  std::string format;
  std::uint64_t size = 0;  ///< of the file, in bytes
  std::string signer;
  std::vector<std::string> platform_ids;
  std::string digest;  ///< hex; empty: known when it was read once
  std::vector<std::string> warnings;
};

struct RefusedImage {
  std::filesystem::path path;
  Error error;
};

struct ShelfListing {
  std::vector<ShelfImage> images;
  std::vector<RefusedImage> refused;
};

/// All calls block: not for an event thread. Any thread.
class ImageShelf {
 public:
  using Now = std::function<std::time_t()>;

  ImageShelf(const config::Station& station, imaging::TrustPolicy trust, Now now)
      : station_{station}, trust_{std::move(trust)}, now_{std::move(now)} {}

  /// Relative paths are taken from the images folder.
  std::filesystem::path resolve(const std::string& path) const;

  /// The image behind `path`, trusted by this station's policy as of now. Errors: those of open_image.
  Result<imaging::OpenedImage> open(const std::filesystem::path& path) const;
  /// What open() found, without keeping the image open.
  Result<ShelfImage> look(const std::filesystem::path& path);
  /// Files in the images folder that have an image's name ending and are no slot's target.
  ShelfListing list();

 private:
  struct Seen {
    std::uint64_t size;
    std::filesystem::file_time_type changed;
    ShelfImage image;
  };

  const config::Station& station_;
  imaging::TrustPolicy trust_;
  Now now_;
  std::mutex mutex_;
  std::map<std::filesystem::path, Seen> seen_;
};

}  // namespace flashline::line
