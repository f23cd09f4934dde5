#pragma once
// What may go into a Test and into a Production image, as one function over facts.

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/feature/feature_manifest.h"
#include "imaging/feature/oem_input.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// The lists of the kit's IoTEnvSettings.xml.
struct ReleaseLists {
  std::vector<std::string> developer_features;  ///< no business in a retail image
  std::vector<std::string> deprecated_features;
  std::vector<std::string> cross_certificate_cas;  ///< roots that a kernel binary's chain may end in
};
/// Those that the kit ships.
const ReleaseLists& shipped_release_lists();
/// Those of an IoTEnvSettings.xml; a list that the file leaves out is the shipped one. Errors: feature_document.
Result<ReleaseLists> read_release_lists(const XmlDocument& document);

/// By whom something is signed, as far as the rules care.
enum class SignedBy : std::uint8_t {
  nobody,
  test,       ///< by a test certificate: "(TEST ONLY)", or below a test anchor
  retail,     ///< a trusted chain, no test certificate in it
  untrusted,  ///< whole, but its chain ends nowhere known
  broken      ///< does not fit the bytes
};

/// What a signature turned out to be.
struct SignatureFact {
  SignedBy by = SignedBy::nobody;
  std::string signer{};       ///< subject; empty: unsigned
  std::time_t not_after = 0;  ///< the earliest end in its chain, seconds since 1970; 0: unknown
  std::string root{};         ///< common name of the certificate that its chain ends in
  std::string why{};          ///< what is wrong with it; empty: nothing
};

/// A program or a catalog inside of a package.
struct BinaryFact {
  std::string path;  ///< on the device
  SignatureFact signature{};
  bool kernel_mode = false;
};

struct PackageFact {
  std::string name;   ///< of the cab
  std::string where;  ///< the entry that pulled it in
  ReleaseType release_type = ReleaseType::production;
  SignatureFact signature{};
  bool stand_in = false;             ///< an empty package in the place of one that is not there
  std::vector<BinaryFact> binaries;  ///< those that have to be signed as the image demands
};

struct ManifestFact {
  std::string name;   ///< file name
  std::string where;  ///< where OEMInput lists it
  bool microsoft = false;
  bool merged = false;
  std::optional<ReleaseType> release_type;  ///< what it says of itself
};

struct ReleaseFacts {
  enum class Partitions : std::uint8_t { unknown, gpt, mbr };

  ReleaseType image = ReleaseType::production;
  ImageProduct product = ImageProduct::iot_core;
  std::vector<PackageFact> packages;
  std::vector<ManifestFact> manifests;
  std::vector<PlacedWord> features;       ///< of both sides
  std::vector<PlacedWord> package_files;  ///< OEMInput's PackageFiles
  Partitions partitions = Partitions::unknown;
};

/// What OEMInput says; packages and partitions are for the caller to add.
ReleaseFacts facts_of(const OemInput& input, const std::vector<ManifestFact>& manifests);

struct ReleaseVerdict {
  std::vector<Error> refusals;
  std::vector<Error> warnings;
  bool enforce_code_integrity =
      true;  ///< what the image does when nothing else is said: Production does, Test does not

  /// Errors: the first refusal's code, with the details of all.
  Status status() const;
};

/// Every row of the table of release types, all findings at once, in the order of the facts.
/// Refusals: release_test_package, release_test_signed, release_unsigned, release_broken, release_untrusted,
/// release_needs_testsigning, release_test_manifest, release_package_files, release_unmerged, release_stand_in,
/// release_kernel_chain. Warnings: release_unsigned (in Test), release_developer_feature, release_deprecated_feature,
/// release_boot_feature.
ReleaseVerdict check_release(const ReleaseFacts& facts, const ReleaseLists& lists);

}  // namespace flashline::imaging
