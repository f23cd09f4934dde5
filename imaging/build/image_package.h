#pragma once
// A package of an image under construction: opened, checked, judged.

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/build/signature_judge.h"
#include "imaging/core/digest.h"
#include "imaging/feature/release_rules.h"
#include "imaging/feature/resolve.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

struct ImagePackage {
  ResolvedPackage wanted;        ///< cab, and what pulled it in
  Package package;               ///< payload in `folder`
  std::filesystem::path folder;  ///< all members of the cab
  Sha256 digest{};               ///< of the cab
  std::uint64_t size = 0;        ///< of the cab, in bytes
  bool stand_in = false;
  SignatureFact signature{};           ///< of the cab
  std::vector<BinaryFact> binaries{};  ///< what else in it has to be signed
};

/// Unpacks the cab that `wanted` names into `folder`, checks every member, that it is the package that the manifest
/// means, and who signed it, its catalog and (where `programs` have to be signed) what is in it. Nothing is refused for
/// its signature here: the release rules judge that. Errors: those of extract_cab, check_member and SignatureJudge.
Result<ImagePackage> open_image_package(const ResolvedPackage& wanted, const std::filesystem::path& folder, CpuType cpu,
                                        SignatureJudge& judge, bool programs);

/// What the release rules have to know of it.
PackageFact fact_of(const ImagePackage& package);

}  // namespace flashline::imaging
