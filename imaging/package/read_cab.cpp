#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <optional>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>
#include <utility>

#include "imaging/catalog/member_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/cab.h"
#include "imaging/package/cab_reader.h"
#include "imaging/package/cab_structure.h"
#include "imaging/package/package_manifest.h"
#include "imaging/package/registry_text.h"
#include "imaging/source/file_view.h"
#include "imaging/trust/verify_signature.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// No real manifest, registry part or catalog is larger.
constexpr std::uint64_t max_text_size = 64_MiB;

template <class T>
Result<T> named(Result<T> result, const std::string& name) {
  if (!result) return std::unexpected{in_context(name, std::move(result).error())};
  return result;
}

/// A package whose members are still packed.
class PackedPackage {
 public:
  explicit PackedPackage(cab::Reader& reader) : reader_{reader} {}

  /// Reads manifest and registry; every file's source becomes the name of its member.
  Status open() {
    const bool spkg = reader_.find(spkg_manifest_name) != nullptr;
    if (!spkg && reader_.find(servicing_manifest_name) == nullptr) {
      return error(errc::cab_not_package, "it holds no manifest of a package");
    }
    manifest_name_ = spkg ? spkg_manifest_name : servicing_manifest_name;
    catalog_name_ = spkg ? spkg_catalog_name : servicing_catalog_name;
    FL_TRY(const auto text, bytes_of(manifest_name_));
    const std::string where = name_of(manifest_name_);
    FL_TRY(manifest_, spkg ? parse_spkg_manifest(text, where) : parse_servicing_manifest(text, where));
    FL_CHECK(for_each_file([this](PackageFile& file) { return find_member(file); }));
    return spkg ? read_registry_parts() : read_components();
  }

  /// Every member is unpacked into what `begin` gives for it, checked, and only then handed to `end`.
  template <class Begin, class End>
  Status unpack_all(const Begin& begin, const End& end) {
    FL_TRY(const MemberCatalog catalog, read_catalog());
    FL_CHECK(check_all_named());
    std::vector<CatalogMember> seen;
    for (const cab::Member& member : reader_.members()) {
      FL_TRY(const cab::Reader::Sink sink, begin(member));
      FL_TRY(const Sha256 digest, unpack(member, sink));
      FL_CHECK(check_digest(catalog, member, digest));
      FL_CHECK(end(member, digest));
      if (const auto file = files_.find(folded(member.name)); file != files_.end()) file->second.digest = digest;
      if (!same_word(member.name, catalog_name_)) seen.push_back({.name = member.name, .digest = digest});
    }
    // By name, all of them and no others; a catalog of the servicing stack has names of its own.
    vouched_ = catalog_name_ == spkg_catalog_name ? std::move(seen) : catalog.members;
    return in_cab(check_members(catalog, vouched_));
  }

  /// Names are compared without case, so that nothing else vouches for theirs.
  Status check_spelling() const {
    for (const cab::Member& member : reader_.members()) {
      const auto file = files_.find(folded(member.name));
      const bool own = member.name == manifest_name_ || member.name == catalog_name_;
      const bool component = catalog_name_ == servicing_catalog_name && is_component(member);
      if (own || component || (file != files_.end() && file->second.spelling == member.name)) continue;
      return error(errc::cab_structure, fmt::format("{} is spelled otherwise in the manifest", member.name));
    }
    return {};
  }

  /// Who signed the catalog, whether its digests are right or not.
  Result<TrustVerdict> catalog_signature(const TrustPolicy& policy) {
    FL_TRY(const MemberCatalog catalog, read_catalog());
    return named(verify_member_catalog(catalog_bytes_, catalog.members, policy), name_of(catalog_name_));
  }

  /// Who signed the catalog, after unpack_all.
  Result<TrustVerdict> catalog_verdict(const TrustPolicy& policy) const {
    return named(verify_member_catalog(catalog_bytes_, vouched_, policy), name_of(catalog_name_));
  }

  /// With sources as `place` says.
  template <class Place>
  Package package(const Place& place) {
    (void)for_each_file([&](PackageFile& file) -> Status {
      // What was unpacked is known by then, where the manifest does not say.
      file.digest = files_.at(folded(std::get<fs::path>(file.source).string())).digest;
      file.source = place(std::get<fs::path>(file.source).string());
      return {};
    });
    return std::move(manifest_.package);
  }

 private:
  std::unexpected<Error> error(Errc code, std::string_view what) const {
    return fail(code, fmt::format("{}: {}", reader_.name(), what));
  }
  std::string name_of(std::string_view member) const { return fmt::format("{}/{}", reader_.name(), member); }

  /// What is wrong with a package's catalog is wrong with the package.
  template <class T>
  Result<T> in_cab(Result<T> result) const {
    if (result) return result;
    return error(errc::cab_catalog, fmt::format("{}: {}", catalog_name_, result.error().detail));
  }

  Result<std::vector<std::byte>> bytes_of(std::string_view name) {
    const cab::Member* member = reader_.find(name);
    if (member == nullptr) return error(errc::cab_members, fmt::format("there is no member {}", name));
    return reader_.bytes_of(*member, max_text_size);
  }

  /// Read once: what was judged is what counts.
  Result<MemberCatalog> read_catalog() {
    if (catalog_bytes_.empty()) {
      FL_TRY(catalog_bytes_, bytes_of(catalog_name_));
    }
    return in_cab(parse_member_catalog(catalog_bytes_));
  }

  template <class Visit>
  Status for_each_file(const Visit& visit) {
    for (PackageFile& part : manifest_.registry_parts) FL_CHECK(visit(part));
    for (PackageFile& file : manifest_.package.files) FL_CHECK(visit(file));
    if (manifest_.package.raw_image) FL_CHECK(visit(*manifest_.package.raw_image));
    if (manifest_.package.bcd) FL_CHECK(visit(*manifest_.package.bcd));
    return {};
  }

  Status find_member(PackageFile& file) {
    const std::string wanted = std::get<fs::path>(file.source).string();
    const cab::Member* member = reader_.find(wanted);
    if (member == nullptr) return error(errc::cab_members, fmt::format("there is no member {}", wanted));
    if (member->size != file.size) {
      return error(errc::cab_members,
                   fmt::format("{} has {} bytes, the manifest says {}", wanted, member->size, file.size));
    }
    if (!files_.emplace(folded(member->name), Listed{.digest = file.digest, .spelling = wanted}).second) {
      return error(errc::cab_members, fmt::format("{} is two files", wanted));
    }
    file.source = fs::path{member->name};
    return {};
  }

  Status read_registry_parts() {
    for (const PackageFile& part : manifest_.registry_parts) {
      const std::string member = std::get<fs::path>(part.source).string();
      FL_TRY(const auto text, bytes_of(member));
      FL_TRY(auto keys, parse_registry_text(text, name_of(member), registry_part_of(part.device_path)));
      std::ranges::move(keys, std::back_inserter(manifest_.package.registry));
    }
    return {};
  }

  static bool is_component(const cab::Member& member) { return folded(member.name).ends_with(".manifest"); }

  Status read_components() {
    for (const cab::Member& member : reader_.members()) {
      if (!is_component(member)) continue;
      FL_TRY(const auto text, bytes_of(member.name));
      FL_TRY(auto keys, parse_component_registry(text, name_of(member.name)));
      std::ranges::move(keys, std::back_inserter(manifest_.package.registry));
    }
    return {};
  }

  /// Nothing travels in a package that its manifest does not name.
  Status check_all_named() const {
    for (const cab::Member& member : reader_.members()) {
      const bool own = same_word(member.name, manifest_name_) || same_word(member.name, catalog_name_);
      const bool component = catalog_name_ == servicing_catalog_name && is_component(member);
      if (!own && !component && !files_.contains(folded(member.name))) {
        return error(errc::cab_members, fmt::format("the manifest does not name {}", member.name));
      }
    }
    return {};
  }

  Result<Sha256> unpack(const cab::Member& member, const cab::Reader::Sink& sink) {
    Sha256Stream digest;
    FL_CHECK(reader_.unpack(member, [&](std::span<const std::byte> bytes) -> Status {
      digest.update(bytes);
      return sink(bytes);
    }));
    return digest.finish();
  }

  Status check_digest(const MemberCatalog& catalog, const cab::Member& member, const Sha256& digest) const {
    if (same_word(member.name, catalog_name_)) return {};
    const auto file = files_.find(folded(member.name));
    const bool listed = file != files_.end() && file->second.digest != Sha256{};
    const bool vouched = std::ranges::find(catalog.members, digest, &CatalogMember::digest) != catalog.members.end();
    if (vouched && (!listed || file->second.digest == digest)) return {};
    return error(errc::cab_member_digest,
                 fmt::format("{} is not what {} says", member.name, vouched ? manifest_name_ : catalog_name_));
  }

  cab::Reader& reader_;
  std::string_view manifest_name_, catalog_name_;
  std::vector<std::byte> catalog_bytes_;
  std::vector<CatalogMember> vouched_;  ///< what the catalog was found to be right about
  PackageManifest manifest_;
  struct Listed {
    Sha256 digest;  ///< zeros: the manifest does not say
    std::string spelling;
  };
  std::map<std::string, Listed> files_;  ///< by folded name of the member
};

fs::path member_path(const std::string& member) {
  fs::path path;
  for (const std::string& part : path_parts(member)) path /= part;
  return path;
}

/// The folder of a member below `folder`, made where it is not there. No link is followed on the way.
Result<fs::path> make_folders(const fs::path& folder, const std::string& member) {
  fs::path at = folder;
  std::error_code code;
  fs::create_directories(at, code);
  for (const fs::path& part : member_path(member).parent_path()) {
    at /= part;
    fs::create_directory(at, code);
    if (fs::symlink_status(at, code).type() != fs::file_type::directory) {
      return fail(errc::cab_extract, fmt::format("{}: no folder", at.string()));
    }
  }
  if (!fs::is_directory(at, code)) return fail(errc::cab_extract, fmt::format("{}: no folder", at.string()));
  return at;
}

/// A member on its way out: under a name that no member can have until its digest was checked.
class UnpackedFile {
 public:
  explicit UnpackedFile(fs::path folder) : path_{std::move(folder) / ":unpacking"} {}
  ~UnpackedFile() {
    if (file_) ::unlink(path_.c_str());
  }
  UnpackedFile(const UnpackedFile&) = delete;
  UnpackedFile& operator=(const UnpackedFile&) = delete;

  Status create() {
    ::unlink(path_.c_str());
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    return file_ ? Status{} : failed();
  }

  Status write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::write(file_.get(), bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) return failed();
      bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
    return {};
  }

  Status name_it(const fs::path& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0) return failed();
    file_.reset();
    return {};
  }

 private:
  std::unexpected<Error> failed() const {
    return fail(errc::image_write, fmt::format("{}: {}", path_.string(), std::strerror(errno)));
  }
  fs::path path_;
  FileHandle file_;
};

Status ignore(std::span<const std::byte> /*bytes*/) { return {}; }

/// `view` is another than the one `reader` reads.
Result<CabVerdict> verify(BlockView& view, Result<cab::Reader> reader, const std::string& name,
                          const TrustPolicy& policy) {
  FL_CHECK(named(cab::check_structure(view), name));
  if (!reader) return std::unexpected{std::move(reader).error()};
  PackedPackage packed{*reader};
  FL_CHECK(packed.open());
  FL_CHECK(packed.unpack_all([](const cab::Member&) -> Result<cab::Reader::Sink> { return ignore; },
                             [](const cab::Member&, const Sha256&) { return Status{}; }));
  FL_CHECK(packed.check_spelling());
  CabVerdict verdict;
  FL_TRY(verdict.catalog, packed.catalog_verdict(policy));
  FL_TRY(verdict.cabinet, named(verify_cab_signature(view, policy), name));
  verdict.package = packed.package([](const std::string& member) { return fs::path{member}; });
  return verdict;
}

/// Each member into a file below `folder`.
Result<Package> extract(PackedPackage& packed, const fs::path& folder) {
  std::optional<UnpackedFile> file;
  FL_CHECK(packed.unpack_all(
      [&](const cab::Member& member) -> Result<cab::Reader::Sink> {
        FL_TRY(fs::path place, make_folders(folder, member.name));
        FL_CHECK(file.emplace(std::move(place)).create());
        return [&file](std::span<const std::byte> bytes) { return file->write(bytes); };
      },
      [&](const cab::Member& member, const Sha256&) { return file->name_it(folder / member_path(member.name)); }));
  return packed.package([&](const std::string& member) { return folder / member_path(member); });
}

}  // namespace

Result<Package> open_cab(const fs::path& cab) {
  FL_TRY(cab::Reader reader, cab::Reader::open(cab));
  PackedPackage packed{reader};
  FL_CHECK(packed.open());
  return packed.package([](const std::string& member) { return fs::path{member}; });
}

Result<Package> extract_cab(const fs::path& cab, const fs::path& folder) {
  FL_TRY(cab::Reader reader, cab::Reader::open(cab));
  PackedPackage packed{reader};
  FL_CHECK(packed.open());
  return extract(packed, folder);
}

Result<CabVerdict> extract_cab(const fs::path& cab, const fs::path& folder, const TrustPolicy& policy) {
  FL_TRY(const FileHandle file, open_for_reading(cab));
  FL_TRY(const ByteCount size, size_of(file.get()));
  FileView view{file.get(), size};
  FL_TRY(cab::Reader reader, cab::Reader::open(std::make_unique<FileView>(file.get(), size), cab.string()));
  PackedPackage packed{reader};
  FL_CHECK(packed.open());
  CabVerdict verdict;
  FL_TRY(verdict.catalog, packed.catalog_signature(policy));
  FL_TRY(verdict.cabinet, named(verify_cab_signature(view, policy), cab.string()));
  FL_TRY(verdict.package, extract(packed, folder));
  return verdict;
}

Result<CabVerdict> verify_cab(const fs::path& cab, const TrustPolicy& policy) {
  FL_TRY(const FileHandle file, open_for_reading(cab));
  FL_TRY(const ByteCount size, size_of(file.get()));
  FileView view{file.get(), size};
  return verify(view, cab::Reader::open(std::make_unique<FileView>(file.get(), size), cab.string()), cab.string(),
                policy);
}

Result<CabVerdict> verify_cab(std::span<const std::byte> bytes, const std::string& name, const TrustPolicy& policy) {
  MemoryView view{bytes};
  return verify(view, cab::Reader::open(std::make_unique<MemoryView>(bytes), name), name, policy);
}

}  // namespace flashline::imaging
