#include "imaging/package/resign.h"

#include <algorithm>
#include <set>

#include "imaging/catalog/signed_message.h"
#include "imaging/package/program_names.h"
#include "imaging/source/file_view.h"
#include "imaging/source/output_file.h"
#include "imaging/source/scratch_folder.h"
#include "imaging/trust/package_signer.h"
#include "imaging/trust/signable_file.h"
#include "imaging/trust/verify_signature.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// Firmware's loaders are often signed by those whom the firmware trusts: nobody else's signature takes that place.
bool is_anothers_loader(const PackageFile& file, BlockView& program) {
  if (!folded(file.device_path).ends_with(".efi")) return false;
  TrustPolicy anybody;
  anybody.inspect_only = true;
  const auto verdict = verify_pe_signature(program, anybody);
  return verdict && verdict->is_signed && !verdict->test_signed;
}

Result<bool> is_ours_to_sign(const PackageFile& file, const fs::path& path) {
  if (!is_program_name(file.device_path) || is_hal_extension(file.device_path)) return false;
  FL_TRY(const FileHandle source, open_for_reading(path));
  FL_TRY(const ByteCount size, size_of(source.get()));
  FileView view{source.get(), size};
  FL_TRY(const bool program, looks_like_pe(view));
  return program && !is_anothers_loader(file, view);
}

/// Of a provisioning package in the same folder. Other catalogs belong to drivers and are their makers'.
bool is_provisioning_catalog(const PackageFile& file, const std::set<std::string>& paths) {
  const std::string path = folded(file.device_path);
  return path.ends_with(".cat") && paths.contains(path.substr(0, path.size() - 4) + ".ppkg");
}

Status sign_catalog(const fs::path& path, const PackageSigner& signer) {
  FL_TRY(const FileHandle file, open_for_reading(path));
  FL_TRY(const auto catalog, read_start(file.get(), max_catalog_size + 1));
  FL_TRY(const auto made, signer.sign_catalog(catalog));
  FL_TRY(OutputFile out, OutputFile::create(path));
  FL_CHECK(out.write(ByteOffset{0}, made));
  return out.commit();
}

Status note_new_bytes(const fs::path& path, PackageFile& file) {
  FL_TRY(const FileHandle source, open_for_reading(path));
  FL_TRY(const ByteCount size, size_of(source.get()));
  FileView view{source.get(), size};
  Sha256Stream stream;
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(size.value, 256 * 1024)));
  for (std::uint64_t done = 0; done < size.value;) {
    const auto now =
        std::span{piece}.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size.value - done)));
    FL_CHECK(view.read(ByteOffset{done}, now));
    stream.update(now);
    done += now.size();
  }
  file.size = size.value;
  file.digest = stream.finish();
  return {};
}

Status sign_payload(Package& package, const PackageSigner& signer) {
  std::set<std::string> paths;
  for (const PackageFile& file : package.files) paths.insert(folded(file.device_path));
  for (PackageFile& file : package.files) {
    const auto* path = std::get_if<fs::path>(&file.source);
    if (path == nullptr) continue;
    FL_TRY(const bool program, is_ours_to_sign(file, *path));
    if (program) {
      FL_CHECK(signer.sign_pe(*path));
    } else if (is_provisioning_catalog(file, paths)) {
      FL_CHECK(sign_catalog(*path, signer));
    } else {
      continue;
    }
    FL_CHECK(note_new_bytes(*path, file));
  }
  return {};
}

}  // namespace

Status resign_package(const fs::path& cab, const CabOptions& options) {
  // Beside the package: the same disk, which has the room or has not.
  FL_TRY(const ScratchFolder scratch, ScratchFolder::make(fs::absolute(cab).parent_path()));
  FL_TRY(Package package, extract_cab(cab, scratch.path()));
  FL_CHECK(sign_payload(package, *options.signer));
  return write_cab(cab, package, options);
}

}  // namespace flashline::imaging
