#include <algorithm>
#include <array>
#include <ctime>
#include <spdlog/fmt/fmt.h>
#include <thread>
#include <utility>

#include "imaging/catalog/member_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/cab.h"
#include "imaging/package/cab_packer.h"
#include "imaging/package/cab_structure.h"
#include "imaging/package/package_manifest.h"
#include "imaging/package/registry_text.h"
#include "imaging/source/file_view.h"
#include "imaging/source/output_file.h"
#include "imaging/trust/package_signer.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

/// What a payload file is read in.
constexpr std::size_t read_size = 1_MiB;

/// Files that packing would only make larger: they are packed already.
constexpr std::array<std::string_view, 27> packed_already{
    ".png", ".jpg",  ".jpeg", ".gif", ".webp", ".appx", ".appxbundle", ".msix", ".msixbundle",
    ".zip", ".cab",  ".gz",   ".tgz", ".xz",   ".zst",  ".bz2",        ".7z",   ".wim",
    ".esd", ".ppkg", ".mp3",  ".mp4", ".m4a",  ".docx", ".xlsx",       ".apk",  ".woff2"};

/// A member of the cabinet and where its bytes are.
struct Member {
  std::string name;
  PayloadSource source;
  std::uint64_t size = 0;
  Sha256 digest{};
};

Member member_of_bytes(std::string name, std::vector<std::byte> bytes) {
  const Sha256 digest = sha256(bytes);
  const std::uint64_t size = bytes.size();
  return {.name = std::move(name), .source = std::move(bytes), .size = size, .digest = digest};
}

/// "3_driver.sys"; a leaf that is too long for a cabinet is cut, at a character's border.
std::string numbered(std::size_t number, const std::string& device_path, std::string_view otherwise) {
  const auto parts = path_parts(device_path);
  std::string name = fmt::format("{}_{}", number, parts.empty() ? std::string{otherwise} : parts.back());
  while (name.size() > cab::max_name_size || (name.size() == cab::max_name_size && (name.back() & 0xC0) == 0x80)) {
    while ((name.back() & 0xC0) == 0x80) name.pop_back();
    name.pop_back();
  }
  return name;
}

/// The payload as numbered members, and the manifest that says which is which.
struct Contents {
  PackageManifest manifest;
  std::vector<Member> payload;
};

/// Makes a member of `file`, whose source becomes the member's name.
void take(PackageFile& file, std::vector<Member>& payload, std::string_view otherwise) {
  Member member{.name = numbered(payload.size() + 1, file.device_path, otherwise),
                .source = std::move(file.source),
                .size = file.size,
                .digest = file.digest};
  file.source = std::filesystem::path{member.name};
  payload.push_back(std::move(member));
}

Result<Contents> contents_of(const Package& package) {
  Contents contents{.manifest = {.package = package, .registry_parts = {}}, .payload = {}};
  Package& listed = contents.manifest.package;
  FL_TRY(contents.manifest.registry_parts, registry_files(package));
  for (PackageFile& part : contents.manifest.registry_parts) take(part, contents.payload, "");
  listed.registry.clear();
  for (PackageFile& file : listed.files) take(file, contents.payload, "file");
  if (listed.raw_image) take(*listed.raw_image, contents.payload, "partition.bin");
  if (listed.bcd) take(*listed.bcd, contents.payload, "BCD.xml");
  return contents;
}

Result<std::vector<std::byte>> catalog_of(const std::vector<Member>& members, const CabOptions& options) {
  std::vector<CatalogMember> listed;
  for (const Member& member : members) listed.push_back({.name = member.name, .digest = member.digest});
  FL_TRY(std::vector<std::byte> catalog, build_member_catalog(listed, options.time));
  if (options.signer == nullptr) return catalog;
  return options.signer->sign_catalog(catalog);
}

/// Manifest, catalog, payload in the order of its numbers.
Result<std::vector<Member>> members_of(const Package& package, const CabOptions& options) {
  FL_TRY(Contents contents, contents_of(package));
  const std::string text = build_spkg_manifest(contents.manifest);
  const auto bytes = std::as_bytes(std::span{text});
  // A package whose manifest nobody could read is refused now, not on the device.
  FL_CHECK(parse_spkg_manifest(bytes, fmt::format("{}/{}", package.identity.name, spkg_manifest_name)));
  std::vector<Member> members;
  members.push_back(member_of_bytes(std::string{spkg_manifest_name}, {bytes.begin(), bytes.end()}));
  for (Member& member : contents.payload) members.push_back(std::move(member));
  FL_TRY(std::vector<std::byte> catalog, catalog_of(members, options));
  members.insert(members.begin() + 1, member_of_bytes(std::string{spkg_catalog_name}, std::move(catalog)));
  return members;
}

/// Date and time as MS-DOS writes them: from 1980 to 2107, in steps of two seconds, here UTC.
std::pair<std::uint16_t, std::uint16_t> dos_time(std::time_t time) {
  constexpr std::time_t first = 315532800, last = 4354819199;
  const std::time_t clamped = std::clamp(time, first, last);
  std::tm parts{};
  gmtime_r(&clamped, &parts);
  const int date = (parts.tm_year - 80) << 9 | (parts.tm_mon + 1) << 5 | parts.tm_mday;
  const int clock = parts.tm_hour << 11 | parts.tm_min << 5 | parts.tm_sec / 2;
  return {static_cast<std::uint16_t>(date), static_cast<std::uint16_t>(clock)};
}

std::uint16_t packing_of(const Member& member) {
  const std::string extension = folded(std::filesystem::path{member.name}.extension().string());
  return std::ranges::find(packed_already, extension) != packed_already.end() ? cab::stored : cab::mszip;
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::unexpected<Error> too_large(const Member& member, std::string_view what) {
  return fail(errc::cab_too_large, fmt::format("{} {}", member.name, what));
}

/// Folders and entries; where the blocks will be is not known yet.
Result<cab::Structure> structure_of(const std::vector<Member>& members, std::time_t time) {
  cab::Structure structure;
  const auto [date, clock] = dos_time(time);
  std::uint64_t folder_size = 0;
  for (const Member& member : members) {
    if (member.size > cab::max_folder_size) return too_large(member, fmt::format("has {} bytes", member.size));
    const bool fits = !structure.folders.empty() && folder_size + member.size <= cab::max_folder_size;
    const std::uint16_t packing = packing_of(member);
    // Nothing is neither packed nor stored: it goes where the last one went.
    if (!fits || (member.size > 0 && structure.folders.back().packing != packing)) {
      structure.folders.push_back({.packing = packing});
      folder_size = 0;
    }
    if (structure.entries.size() == 0xFFFF) return too_large(member, "is one member too many");
    structure.entries.push_back({.name = member.name,
                                 .size = static_cast<std::uint32_t>(member.size),
                                 .offset = static_cast<std::uint32_t>(folder_size),
                                 .folder = static_cast<std::uint16_t>(structure.folders.size() - 1),
                                 .date = date,
                                 .time = clock,
                                 .attributes = static_cast<std::uint16_t>(
                                     file_attribute::archive | (is_ascii(member.name) ? 0U : cab::name_is_utf8))});
    folder_size += member.size;
    structure.folders.back().blocks = static_cast<std::uint16_t>((folder_size + cab::block_size - 1) / cab::block_size);
  }
  return structure;
}

/// Hands the bytes of `member` to `sink`, once, and holds them against its size and digest.
class PayloadReader {
 public:
  explicit PayloadReader(const Member& member) : member_{member} {}

  template <class Sink>
  Status read(const Sink& sink) {
    if (const auto* bytes = std::get_if<std::vector<std::byte>>(&member_.source)) {
      digest_.update(*bytes);
      if (bytes->size() != member_.size) return changed();
      FL_CHECK(sink(*bytes));
    } else {
      FL_CHECK(read_file(std::get<std::filesystem::path>(member_.source), sink));
    }
    return digest_.finish() == member_.digest ? Status{} : changed();
  }

 private:
  template <class Sink>
  Status read_file(const std::filesystem::path& path, const Sink& sink) {
    FL_TRY(const FileHandle file, open_for_reading(path));
    FL_TRY(const ByteCount size, size_of(file.get()));
    if (size.value != member_.size) return changed();
    FileView view{file.get(), size};
    std::vector<std::byte> buffer(std::min<std::uint64_t>(read_size, size.value));
    for (std::uint64_t at = 0; at < size.value; at += buffer.size()) {
      const auto part = std::span{buffer}.first(std::min<std::uint64_t>(buffer.size(), size.value - at));
      FL_CHECK(view.read(ByteOffset{at}, part));
      digest_.update(part);
      FL_CHECK(sink(part));
    }
    return {};
  }

  std::unexpected<Error> changed() const {
    const auto* path = std::get_if<std::filesystem::path>(&member_.source);
    return fail(errc::cab_payload_changed,
                fmt::format("{} is not what was listed before", path != nullptr ? path->string() : member_.name));
  }

  const Member& member_;
  Sha256Stream digest_;
};

/// Packs the members behind the room for the tables, then writes these.
Status write_members(OutputFile& out, const std::vector<Member>& members, cab::Structure structure) {
  std::uint64_t at = cab::header_size(structure);
  cab::Packer packer{std::clamp(std::thread::hardware_concurrency(), 1U, 8U),
                     [&](std::size_t folder, std::span<const std::byte> blocks) -> Status {
                       std::uint32_t& first = structure.folders[folder].first_block;
                       if (first == 0) first = static_cast<std::uint32_t>(at);
                       FL_CHECK(out.write(ByteOffset{at}, blocks));
                       at += blocks.size();
                       if (at <= cab::max_cab_size) return {};
                       return too_large(members[structure.entries.size() - 1], "does not fit any more");
                     }};
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::uint16_t folder = structure.entries[i].folder;
    if (i == 0 || structure.entries[i - 1].folder != folder) {
      FL_CHECK(packer.begin(folder, structure.folders[folder].packing));
    }
    FL_CHECK(PayloadReader{members[i]}.read([&](std::span<const std::byte> part) { return packer.add(part); }));
  }
  FL_CHECK(packer.finish());
  structure.size = static_cast<std::uint32_t>(at);
  return out.write(ByteOffset{0}, cab::header_of(structure));
}

/// A file beside the one it becomes. Nothing stays of it when it does not.
struct Staged {
  std::filesystem::path path, final_path;

  Staged(std::filesystem::path at, std::filesystem::path to) : path{std::move(at)}, final_path{std::move(to)} {}
  ~Staged() {
    std::error_code ignored;
    if (path != final_path) std::filesystem::remove(path, ignored);
  }
  Staged(const Staged&) = delete;
  Staged& operator=(const Staged&) = delete;

  Status commit() const {
    std::error_code code;
    std::filesystem::rename(path, final_path, code);
    if (code) return fail(errc::image_write, fmt::format("{}: {}", final_path.string(), code.message()));
    return {};
  }
};

}  // namespace

Status write_cab(const std::filesystem::path& out, const Package& package, const CabOptions& options) {
  FL_TRY(const std::vector<Member> members, members_of(package, options));
  FL_TRY(cab::Structure structure, structure_of(members, options.time));
  // Signing works on a file with a name, which is not the package's before it is signed.
  const Staged staged{
      options.signer != nullptr ? out.parent_path() / fmt::format(".{}.unsigned", out.filename().string()) : out, out};
  FL_TRY(OutputFile file, OutputFile::create(staged.path));
  FL_CHECK(write_members(file, members, std::move(structure)));
  FL_TRY(const ByteCount size, size_of(file.fd()));
  FileView view{file.fd(), size};
  FL_CHECK(cab::check_structure(view));
  FL_CHECK(file.commit());
  if (options.signer == nullptr) return {};
  FL_CHECK(options.signer->sign_cab(staged.path));
  return staged.commit();
}

}  // namespace flashline::imaging
