#pragma once
// Packages as cabinet files. Written as man.dsm.xml, content.cat and numbered payload; read in that style and in the
// servicing style (update.mum). Sources: imaging.md sections 5.3 and 5.4; [MS-CAB].

#include <ctime>
#include <filesystem>
#include <span>
#include <string>

#include "imaging/core/error.h"
#include "imaging/package/package.h"
#include "imaging/trust/trust_policy.h"

namespace flashline::imaging {

class PackageSigner;

struct CabOptions {
  std::time_t time = 0;                   ///< of every member and of the catalog: seconds since 1970, UTC
  const PackageSigner* signer = nullptr;  ///< signs catalog and cabinet; null: unsigned. It outlives the call.
};

/// Writes `package`, whose payload is read once, in pieces, and must have the sizes and digests that `package` says.
/// The same package, options and payload give the same bytes. Nothing is left behind on failure.
/// Errors: cab_members, cab_payload_changed, cab_too_large, cab_write, registry_name, those of OutputFile and of
/// PackageSigner.
Status write_cab(const std::filesystem::path& out, const Package& package, const CabOptions& options);

/// What the cabinet says of itself: nothing but its manifest and its registry part is unpacked. The source of a file is
/// the name of its member, its digest what the manifest says (zeros where it says nothing).
/// Errors: cab_damaged, cab_set, cab_member_name, cab_member_twice, cab_not_package, cab_manifest, cab_members,
/// registry_text, those of parse_input_xml.
Result<Package> open_cab(const std::filesystem::path& cab);

/// Unpacks all members into `folder` (made where it is not there) and checks each one's digest before it gets its name.
/// No member leaves `folder`: a name that tries is refused before anything is written. Sources are files in `folder`.
/// Errors: those of open_cab, cab_member_digest, cab_catalog, cab_extract, image_write.
Result<Package> extract_cab(const std::filesystem::path& cab, const std::filesystem::path& folder);

/// A package that is complete, and who says so.
struct CabVerdict {
  Package package;       ///< as open_cab gives it, or extract_cab
  TrustVerdict catalog;  ///< who signed the digests of the members
  TrustVerdict cabinet;  ///< who signed the file
};

/// The same for a package that somebody has to have signed: `policy` is asked about catalog and cabinet before the
/// first byte is unpacked. Errors: those of extract_cab, verify_member_catalog, verify_cab_signature.
Result<CabVerdict> extract_cab(const std::filesystem::path& cab, const std::filesystem::path& folder,
                               const TrustPolicy& policy);

/// Unpacks all members into nothing and accounts for every byte: structure, block checksums, times, the digest of each
/// member in manifest and catalog, nothing besides them. Then the signatures of catalog and cabinet, by `policy`.
/// Errors: those of extract_cab, cab_structure, verify_member_catalog, verify_cab_signature.
Result<CabVerdict> verify_cab(const std::filesystem::path& cab, const TrustPolicy& policy);
/// The same for bytes, of which `name` is the file's name in messages.
Result<CabVerdict> verify_cab(std::span<const std::byte> bytes, const std::string& name, const TrustPolicy& policy);

}  // namespace flashline::imaging
