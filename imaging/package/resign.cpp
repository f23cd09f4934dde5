#include "imaging/package/resign.h"

#include <algorithm>
#include <set>

#include "imaging/catalog/signed_message.h"
#include "imaging/source/file_view.h"
#include "imaging/source/output_file.h"
#include "imaging/source/scratch_folder.h"
#include "imaging/trust/package_signer.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

std::string leaf_of(const PackageFile& file) {
  return folded(std::string_view{file.device_path}.substr(file.device_path.rfind('\\') + 1));
}

/// HAL extensions have a certificate of their own.
bool is_program(const PackageFile& file, const fs::path& path) {
  const std::string leaf = leaf_of(file);
  if (leaf.starts_with("halext")) return false;
  if (!leaf.ends_with(".sys") && !leaf.ends_with(".dll") && !leaf.ends_with(".exe")) return false;
  const auto source = open_for_reading(path);
  const auto start = source ? read_start(source->get(), 2) : std::unexpected{source.error()};
  return start && std::ranges::equal(*start, std::as_bytes(std::span{"MZ", 2}));
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
    if (is_program(file, *path)) {
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
