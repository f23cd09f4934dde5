#pragma once
// The certificates that an image depends on, and when they end.

#include <ctime>
#include <string>
#include <vector>

#include "imaging/build/image_package.h"

namespace flashline::imaging {

struct UsedCertificate {
  std::string subject;        ///< of the signer
  std::time_t not_after = 0;  ///< the earliest end in its chain, seconds since 1970, UTC
  std::size_t uses = 0;       ///< packages, programs, catalogs, and the image itself
};

/// Those of the packages and of what is in them, by subject and end. What nobody signed is not among them.
std::vector<UsedCertificate> used_certificates(const std::vector<ImagePackage>& packages);

}  // namespace flashline::imaging
