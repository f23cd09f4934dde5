#include "imaging/filesystem/wim_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <openssl/evp.h>
#include <span>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/errors/filesystem.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/unicode.h"
#include "imaging/core/xml_escape.h"
#include "imaging/ffu/byte_writer.h"
#include "imaging/filesystem/fat/fat_name.h"
#include "imaging/filesystem/file_block_view.h"
#include "imaging/filesystem/tree_content.h"

namespace flashline::imaging {
namespace {

using ffu::ByteWriter;

constexpr std::uint32_t header_size = 208;
constexpr std::uint32_t wim_version = 0x00010D00;
constexpr std::uint32_t no_security = 0xFFFFFFFF;
constexpr std::uint32_t directory_attribute = 0x10;
constexpr std::size_t entry_size = 102;
constexpr std::uint8_t metadata_resource = 0x02;

/// Where something lies in the file. Nothing is compressed, so that it has one size.
struct Resource {
  std::uint64_t at = 0, size = 0;
  std::uint8_t flags = 0;
};
struct Blob {
  Resource resource;
  std::uint32_t uses = 0;
};

void put(ByteWriter& out, const Resource& resource) {
  out.put<std::uint64_t>(resource.size | std::uint64_t{resource.flags} << 56U);
  out.put<std::uint64_t>(resource.at);
  out.put<std::uint64_t>(resource.size);
}

/// SHA-1 is what the format names contents by; it protects nothing here.
class Sha1Stream {
 public:
  Sha1Stream() : context_{EVP_MD_CTX_new(), EVP_MD_CTX_free} { EVP_DigestInit_ex(context_.get(), EVP_sha1(), nullptr); }
  void update(std::span<const std::byte> bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  Sha1 finish() {
    Sha1 out{};
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr);
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

void put_sid(ByteWriter& out, std::uint8_t authority, std::initializer_list<std::uint32_t> parts) {
  out.put<std::uint8_t>(1);
  out.put<std::uint8_t>(static_cast<std::uint8_t>(parts.size()));
  out.zeros(5);
  out.put<std::uint8_t>(authority);
  for (const std::uint32_t part : parts) out.put<std::uint32_t>(part);
}

/// One entry of an access list that folders hand on to what is made in them.
void put_access(ByteWriter& out, std::uint32_t rights, std::uint8_t authority,
                std::initializer_list<std::uint32_t> parts) {
  constexpr std::uint8_t inherited_by_files_and_folders = 3;
  out.put<std::uint8_t>(0);  // allowed
  out.put<std::uint8_t>(inherited_by_files_and_folders);
  out.put<std::uint16_t>(static_cast<std::uint16_t>(8 + 8 + 4 * parts.size()));
  out.put<std::uint32_t>(rights);
  put_sid(out, authority, parts);
}

/// O:BA G:SY D:(full: SYSTEM, Administrators)(read and execute: Users, all app packages). Source: MS-DTYP 2.4.
std::vector<std::byte> usual_security() {
  constexpr std::uint32_t full = 0x001F01FF;
  constexpr std::uint32_t read_and_execute = 0x001200A9;
  ByteWriter list;
  put_access(list, full, 5, {18});
  put_access(list, full, 5, {32, 544});
  put_access(list, read_and_execute, 5, {32, 545});
  put_access(list, read_and_execute, 15, {2, 1});
  const std::vector<std::byte> entries = list.take();
  constexpr std::uint32_t header = 20;
  constexpr std::uint32_t owner = 16;
  constexpr std::uint32_t group = 12;
  ByteWriter out;
  out.put<std::uint8_t>(1);
  out.put<std::uint8_t>(0);
  out.put<std::uint16_t>(0x8004);  // self-relative, with an access list
  out.put<std::uint32_t>(header);
  out.put<std::uint32_t>(header + owner);
  out.put<std::uint32_t>(0);
  out.put<std::uint32_t>(header + owner + group);
  put_sid(out, 5, {32, 544});
  put_sid(out, 5, {18});
  out.put<std::uint8_t>(2);
  out.put<std::uint8_t>(0);
  out.put<std::uint16_t>(static_cast<std::uint16_t>(8 + entries.size()));
  out.put<std::uint16_t>(4);
  out.put<std::uint16_t>(0);
  out.bytes(entries);
  return out.take();
}

/// The security data at the start of an image's metadata: one descriptor for all, or none.
std::vector<std::byte> security_data(bool owners) {
  const std::vector<std::byte> descriptor = owners ? usual_security() : std::vector<std::byte>{};
  const std::size_t size = 8 + (owners ? 8 : 0) + descriptor.size();
  ByteWriter out;
  out.put<std::uint32_t>(static_cast<std::uint32_t>(size));
  out.put<std::uint32_t>(owners ? 1 : 0);
  if (owners) out.put<std::uint64_t>(descriptor.size());
  out.bytes(descriptor);
  out.zeros((8 - size % 8) % 8);
  return out.take();
}

void put_utf16(ByteWriter& out, std::u16string_view text) {
  for (const char16_t unit : text) out.put<std::uint16_t>(unit);
}

/// 100 ns steps since 1601.
std::uint64_t file_time(std::chrono::sys_seconds time) {
  constexpr std::int64_t seconds_to_1970 = 11'644'473'600;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.time_since_epoch().count() + seconds_to_1970)) *
         10'000'000U;
}

/// A name as Windows takes it: the rules of long FAT names are those of Win32.
Result<std::u16string> windows_name(const TreeEntry& entry) {
  auto name = fat::checked_name(entry.name());
  if (name) return std::move(*name);
  return fail(errc::tree_name, fmt::format("'{}': {}", entry.path, name.error().detail));
}

class Writer {
 public:
  Writer(WritableBlockView& out, const FileTree& tree, const WimOptions& options)
      : out_{out}, options_{options}, folders_{tree.folders()} {}

  Status write() {
    for (const TreeFolder& folder : folders_) FL_CHECK(write_blobs(folder));
    FL_TRY(const std::vector<std::byte> metadata, metadata_of_image());
    FL_TRY(const Resource described, append(metadata, metadata_resource));
    const Sha1 digest = sha1(metadata);
    FL_TRY(const Resource table, append(blob_table(described, digest), 0));
    FL_TRY(const Resource xml, append(description(at_), 0));
    return out_.write(ByteOffset{0}, header(table, xml, digest));
  }
  std::uint64_t end() const { return at_; }

 private:
  Result<Resource> append(std::span<const std::byte> bytes, std::uint8_t flags) {
    const Resource resource{.at = at_, .size = bytes.size(), .flags = flags};
    FL_CHECK(out_.write(ByteOffset{at_}, bytes));
    at_ += bytes.size();
    return resource;
  }

  Status write_blobs(const TreeFolder& folder) {
    for (const TreeFolder::Child& child : folder.children) {
      if (child.entry->kind == EntryKind::link) {
        return fail(errc::tree_kind, fmt::format("'{}' is a symbolic link", child.entry->path));
      }
      if (child.entry->kind == EntryKind::file && child.entry->size > 0) FL_CHECK(write_blob(*child.entry));
      if (child.entry->kind == EntryKind::file && child.entry->size == 0) {
        FL_CHECK(read_content(*child.entry, [](std::span<const std::byte>) { return Status{}; }));
      }
    }
    return {};
  }

  /// Contents that are there already are written over by what follows.
  Status write_blob(const TreeEntry& entry) {
    Sha1Stream hash;
    std::uint64_t at = at_;
    FL_CHECK(read_content(entry, [&](std::span<const std::byte> piece) -> Status {
      hash.update(piece);
      FL_CHECK(out_.write(ByteOffset{at}, piece));
      at += piece.size();
      return {};
    }));
    const Sha1 digest = hash.finish();
    digests_.emplace(&entry, digest);
    const auto [blob, is_new] = blobs_.try_emplace(digest, Blob{.resource = {.at = at_, .size = entry.size}});
    ++blob->second.uses;
    if (is_new) at_ = at;
    return {};
  }

  std::uint32_t attributes_of(const TreeEntry& entry) const {
    constexpr std::uint32_t kept =
        file_attribute::readonly | file_attribute::hidden | file_attribute::system | file_attribute::archive;
    const std::uint32_t attributes = entry.attributes & kept;
    if (entry.kind == EntryKind::folder) return attributes | directory_attribute;
    return attributes == 0 ? file_attribute::normal : attributes;
  }

  /// Bytes of an entry with its name, up to the next one.
  static std::size_t length_of(std::u16string_view name) {
    const std::size_t bytes = entry_size + (name.empty() ? 0 : (name.size() + 1) * 2);
    return (bytes + 7) / 8 * 8;
  }

  void put_entry(ByteWriter& out, const TreeEntry& entry, std::u16string_view name, std::uint64_t children) const {
    const std::size_t begin = out.size();
    const auto digest = digests_.find(&entry);
    out.put<std::uint64_t>(length_of(name));
    out.put<std::uint32_t>(attributes_of(entry));
    out.put<std::uint32_t>(options_.owners ? 0 : no_security);  // the first descriptor
    out.put<std::uint64_t>(children);
    out.zeros(16);
    for (int i = 0; i < 3; ++i) out.put<std::uint64_t>(file_time(options_.time));
    out.bytes(digest == digests_.end() ? Sha1{} : digest->second);
    out.zeros(4 + 8);           // reserved; hard link group: none
    out.put<std::uint16_t>(0);  // further streams
    out.put<std::uint16_t>(0);  // bytes of the short name
    out.put<std::uint16_t>(static_cast<std::uint16_t>(name.size() * 2));
    put_utf16(out, name);
    out.zeros(length_of(name) - (out.size() - begin));
  }

  /// Security data, the root, then each folder's entries in the order of folders().
  Result<std::vector<std::byte>> metadata_of_image() {
    std::vector<std::vector<std::u16string>> names(folders_.size());
    std::vector<std::uint64_t> children_at;
    const std::vector<std::byte> security = security_data(options_.owners);
    std::uint64_t at = security.size() + length_of(u"") + 8;
    for (std::size_t i = 0; i < folders_.size(); ++i) {
      children_at.push_back(at);
      for (const TreeFolder::Child& child : folders_[i].children) {
        FL_TRY(std::u16string name, windows_name(*child.entry));
        at += length_of(name);
        names[i].push_back(std::move(name));
      }
      at += 8;
    }
    ByteWriter out;
    out.bytes(security);
    put_entry(out, *folders_.front().entry, u"", children_at.front());
    out.put<std::uint64_t>(0);
    for (std::size_t i = 0; i < folders_.size(); ++i) {
      for (std::size_t k = 0; k < names[i].size(); ++k) {
        const TreeFolder::Child& child = folders_[i].children[k];
        const bool folder = child.entry->kind == EntryKind::folder;
        put_entry(out, *child.entry, names[i][k], folder ? children_at[child.folder] : 0);
      }
      out.put<std::uint64_t>(0);
    }
    return out.take();
  }

  static void put_blob(ByteWriter& out, const Resource& resource, std::uint32_t uses, const Sha1& digest) {
    put(out, resource);
    out.put<std::uint16_t>(1);  // part of a set
    out.put<std::uint32_t>(uses);
    out.bytes(digest);
  }

  std::vector<std::byte> blob_table(const Resource& metadata, const Sha1& digest) const {
    ByteWriter out;
    put_blob(out, metadata, 1, digest);
    for (const auto& [content, blob] : blobs_) put_blob(out, blob.resource, blob.uses, content);
    return out.take();
  }

  std::vector<std::byte> description(std::uint64_t total) const {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    for (const TreeFolder& folder : folders_) {
      for (const TreeFolder::Child& child : folder.children) {
        if (child.entry->kind == EntryKind::file) ++files;
        bytes += child.entry->size;
      }
    }
    const std::uint64_t time = file_time(options_.time);
    const std::string stamp =
        fmt::format("<HIGHPART>0x{:08X}</HIGHPART><LOWPART>0x{:08X}</LOWPART>", time >> 32U, time & 0xFFFFFFFFU);
    const std::string xml = fmt::format(
        "<WIM><TOTALBYTES>{}</TOTALBYTES><IMAGE INDEX=\"1\"><DIRCOUNT>{}</DIRCOUNT><FILECOUNT>{}</FILECOUNT>"
        "<TOTALBYTES>{}</TOTALBYTES><HARDLINKBYTES>0</HARDLINKBYTES><CREATIONTIME>{}</CREATIONTIME>"
        "<LASTMODIFICATIONTIME>{}</LASTMODIFICATIONTIME><NAME>{}</NAME>{}</IMAGE></WIM>",
        total, folders_.size() - 1, files, bytes, stamp, stamp, xml_escaped(options_.name), options_.properties);
    ByteWriter out;
    out.put<std::uint16_t>(0xFEFF);
    put_utf16(out, utf16_of(xml).value_or(u""));
    return out.take();
  }

  std::vector<std::byte> header(const Resource& table, const Resource& xml, const Sha1& digest) const {
    ByteWriter out;
    out.text({"MSWIM\0\0", 8});
    out.put<std::uint32_t>(header_size);
    out.put<std::uint32_t>(wim_version);
    out.put<std::uint32_t>(0);  // flags: not compressed
    out.put<std::uint32_t>(0);  // so no chunks either
    out.bytes(std::span{digest}.first(16));
    out.put<std::uint16_t>(1);  // part 1
    out.put<std::uint16_t>(1);  // of 1
    out.put<std::uint32_t>(1);  // images
    put(out, table);
    put(out, xml);
    out.zeros(24 + 4 + 24 + 60);  // nothing to boot from, no integrity table
    return out.take();
  }

  WritableBlockView& out_;
  const WimOptions& options_;
  std::vector<TreeFolder> folders_;
  std::uint64_t at_ = header_size;
  std::map<Sha1, Blob> blobs_;
  std::map<const TreeEntry*, Sha1> digests_;
};

}  // namespace

Status write_wim(int fd, const FileTree& tree, const WimOptions& options) {
  FileBlockView view{fd, ByteOffset{0}, ByteCount{std::numeric_limits<std::int64_t>::max()}};
  Writer writer{view, tree, options};
  FL_CHECK(writer.write());
  // A content that was there already was written once more, and may reach beyond the end.
  if (::ftruncate(fd, static_cast<off_t>(writer.end())) == 0) return {};
  return fail(errc::image_write, std::strerror(errno));
}

}  // namespace flashline::imaging
