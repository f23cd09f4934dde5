#pragma once
// A package of an image under construction: opened, checked, judged.

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/feature/release_rules.h"
#include "imaging/feature/resolve.h"
#include "imaging/package/package.h"
#include "imaging/trust/trust_policy.h"

namespace flashline::imaging {

struct ImagePackage {
  ResolvedPackage wanted;        ///< cab, and what pulled it in
  Package package;               ///< payload in `folder`
  std::filesystem::path folder;  ///< all members of the cab
  Sha256 digest{};               ///< of the cab
  std::uint64_t size = 0;        ///< of the cab, in bytes
  bool stand_in = false;
  SignedBy signed_by = SignedBy::nobody;
  std::string signer{};       ///< subject; empty: unsigned
  std::time_t not_after = 0;  ///< end of the signer's certificate; 0: unknown
};

/// Unpacks the cab that `wanted` names into `folder`, checks every member, that it is the package that the manifest
/// means, and who signed it. Nothing is refused for its signature here: the release rules judge that.
/// Errors: those of extract_cab and check_member.
Result<ImagePackage> open_image_package(const ResolvedPackage& wanted, const std::filesystem::path& folder, CpuType cpu,
                                        const TrustPolicy& trust);

/// What the release rules have to know of it.
PackageFact fact_of(const ImagePackage& package);

}  // namespace flashline::imaging
