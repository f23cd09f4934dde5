#include "imaging/feature/merge_files.h"

#include <array>
#include <fstream>
#include <span>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/image.h"
#include "imaging/source/output_file.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

Result<Sha256> digest_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) return fail(errc::image_open, file.string());
  Sha256Stream digest;
  std::array<char, 64 * 1024> piece{};
  do {
    in.read(piece.data(), piece.size());
    digest.update(std::as_bytes(std::span{piece}.first(static_cast<std::size_t>(in.gcount()))));
  } while (in);
  if (in.bad()) return fail(errc::image_read, file.string());
  return digest.finish();
}

Result<std::vector<FeatureManifest>> read_manifests(const FmList& list, const std::vector<fs::path>& folders) {
  std::vector<FeatureManifest> manifests;
  for (const FmListEntry& entry : list.manifests) {
    FL_TRY(const fs::path file, find_manifest(entry, folders));
    FL_TRY(const XmlDocument document, read_input_xml(file));
    FL_TRY(FeatureManifest manifest, read_feature_manifest(document));
    manifests.push_back(std::move(manifest));
  }
  return manifests;
}

Status make_folder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (!code) return {};
  return fail(errc::image_write, fmt::format("{}: {}", folder.string(), code.message()));
}

Status write_text(const fs::path& path, const std::string& text) {
  FL_TRY(OutputFile file, OutputFile::create(path));
  FL_CHECK(file.write(ByteOffset{0}, std::as_bytes(std::span{text})));
  return file.commit();
}

Status write_all(const MergeResult& merged, const MergeFolders& folders, const CabOptions& options) {
  FL_CHECK(make_folder(folders.identifiers));
  FL_CHECK(make_folder(folders.merged));
  for (const Package& package : merged.identifiers) {
    FL_CHECK(write_cab(folders.identifiers / (package.identity.name + ".cab"), package, options));
  }
  for (const MergedManifest& manifest : merged.manifests) {
    FL_CHECK(write_text(folders.merged / manifest.name, manifest.text));
  }
  return {};
}

}  // namespace

Result<MergeMember> read_member(const fs::path& cab) {
  FL_TRY(Package package, open_cab(cab));
  FL_TRY(const Sha256 digest, digest_of(cab));
  return MergeMember{std::move(package.identity), package.raw_image.has_value(), digest};
}

Result<MergeResult> merge_files(const fs::path& list, const MergeFolders& folders, MergeInputs inputs,
                                const CabOptions& options) {
  FL_TRY(const XmlDocument document, read_input_xml(list));
  FL_TRY(const FmList read, read_fm_list(document));
  FL_TRY(const std::vector<FeatureManifest> manifests, read_manifests(read, folders.manifests));
  if (!inputs.open) inputs.open = read_member;
  FL_TRY(MergeResult merged, merge_features(read, manifests, inputs));
  FL_CHECK(write_all(merged, folders, options));
  return merged;
}

}  // namespace flashline::imaging
