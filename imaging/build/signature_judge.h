#pragma once
// Who signed what an image takes in: cabinets, the programs in them, their catalogs.

#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/feature/release_rules.h"
#include "imaging/package/package.h"
#include "imaging/trust/trust_policy.h"

namespace flashline::imaging {

/// Finds facts and refuses nothing: that is for the release rules.
class SignatureJudge {
 public:
  /// Errors: anchor_file.
  static Result<SignatureJudge> make(const TrustPolicy& trust);

  /// Of a cabinet. Errors: image_open, image_read, those of reading its form.
  Result<SignatureFact> cabinet(const std::filesystem::path& cab) const;
  /// Of a catalog in a file. Errors: image_open, image_read.
  Result<SignatureFact> catalog(const std::filesystem::path& file) const;

  /// The programs of an unpacked package (.sys, .dll, .exe, .efi that are programs indeed) and the catalogs that its
  /// files bring, in the package's order. The same bytes are looked at once, however many packages bring them.
  /// Errors: image_open, image_read.
  Result<std::vector<BinaryFact>> contents(const Package& package);

 private:
  struct Known {
    bool counts = false;  ///< it is a program or a catalog
    SignatureFact signature;
    bool kernel_mode = false;
  };
  explicit SignatureJudge(TrustPolicy trust) : trust_{std::move(trust)} {}
  Result<Known> look_at(const std::filesystem::path& file, bool catalog) const;

  TrustPolicy trust_;              // whose anchors are called by the common names of their certificates
  std::map<Sha256, Known> known_;  // by the digest of the bytes
};

}  // namespace flashline::imaging
