#include "imaging/build/certificates.h"

#include <map>
#include <utility>

namespace flashline::imaging {

std::vector<UsedCertificate> used_certificates(const std::vector<ImagePackage>& packages) {
  std::map<std::pair<std::string, std::time_t>, std::size_t> uses;
  const auto note = [&](const SignatureFact& signature) {
    if (signature.not_after != 0) ++uses[{signature.signer, signature.not_after}];
  };
  for (const ImagePackage& package : packages) {
    note(package.signature);
    for (const BinaryFact& binary : package.binaries) note(binary.signature);
  }
  std::vector<UsedCertificate> used;
  for (const auto& [key, count] : uses) {
    used.push_back({.subject = key.first, .not_after = key.second, .uses = count});
  }
  return used;
}

}  // namespace flashline::imaging
