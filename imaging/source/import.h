#pragma once
// Any disk image becomes a signed full flash update image.

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "imaging/catalog/build_catalog.h"
#include "imaging/ffu/write_ffu.h"
#include "imaging/source/image.h"
#include "imaging/trust/signer.h"

namespace flashline::imaging {

struct ImportOptions {
  std::vector<std::string> platform_ids{};
  FfuVersion version = FfuVersion::v1;
  std::string description{};
  std::string device_path{};       ///< V2 only, where it is needed
  bool dense = false;              ///< write blocks of zeros too; else whatever flashes has to see to holes
  const Signer* signer = nullptr;  ///< null: unsigned
  MemberDigest member = MemberDigest::sha1;
  std::time_t time = 0;  ///< of the catalog and the signature; SOURCE_DATE_EPOCH for reproducible images
};

/// One disk of a board.
struct ImportDisk {
  OpenedImage image;
  std::string device_path{};  ///< V2 only, where it is needed: which of the board's disks it is
  std::string store_id{}, store_type{};
  bool only_defined_entries = false;
  /// What the manifest says of the partitions. Empty: what the image's table says of them. A GPT with some that are
  /// required to flash gets a flash-only table.
  std::vector<ManifestPartition> partitions{};
};

struct ImportReport {
  ByteCount file_size;
  ByteCount disk_size;            ///< smallest target, of the first store
  std::uint64_t blocks = 0;       ///< of payload
  std::uint64_t zero_blocks = 0;  ///< left out
  Sha256 table_digest{};          ///< names the image in records
  std::string signer{};           ///< empty: unsigned
  std::vector<std::string> warnings{};
};

/// What an import is at: first a compressed image is unpacked, then the payload is written.
struct ImportProgress {
  enum class Step : std::uint8_t { unpacking, writing };
  Step step = Step::writing;
  ByteCount done;
  ByteCount total;  ///< 0: not known yet
};

/// Writes the images of `disks` to `path` as the stores of an FFU of blocks of 128 KiB. Zero blocks and holes are left
/// out. Table phases as plan_disk() makes them: zeros over the tables first; block 0 and then the last block at the
/// end, the latter at its place from the beginning. A GPT disk that is no whole number of blocks gets its last 128 KiB
/// as a block counted from the end (byte exact on a target of the image's size; fit_gpt() puts it right on a larger
/// one). Where partitions of a GPT are required to flash, their blocks and a table of only those come between. Other
/// images of such sizes are padded with zeros to whole blocks. The same inputs give the same bytes. Errors:
/// import_refused (it is an FFU already; the file changed meanwhile: image_changed), image_write, those of the image's
/// content, of write_ffu and of Signer::sign.
Result<ImportReport> import_disks(std::vector<ImportDisk> disks, const ImportOptions& options,
                                  const std::filesystem::path& path,
                                  const std::function<void(const ImportProgress&)>& progress = {});

/// The same for a board of one disk.
Result<ImportReport> import_image(OpenedImage in, const ImportOptions& options, const std::filesystem::path& path,
                                  const std::function<void(const ImportProgress&)>& progress = {});

}  // namespace flashline::imaging
