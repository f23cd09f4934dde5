#include "imaging/ffu/write_ffu.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/compressed_payload.h"
#include "imaging/ffu/image_header.h"
#include "imaging/ffu/read_metadata.h"
#include "imaging/ffu/security_header.h"
#include "imaging/ffu/write_descriptor.h"
#include "imaging/ffu/write_layout.h"
#include "imaging/source/output_file.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging {
namespace {

using ffu::SecurityHeader;
using ffu::StoreLayoutOut;
using ffu::WriteLayout;

/// Everything from the image header on: cut into chunks, each hashed and written.
class BodyWriter {
 public:
  BodyWriter(OutputFile& file, ByteOffset origin, std::uint32_t chunk_size)
      : file_{file}, at_{origin}, chunk_size_{chunk_size}, zero_digest_{sha256(std::vector<std::byte>(chunk_size))} {}

  Status append(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(bytes.size(), chunk_size_ - chunk_.size()));
      chunk_.insert(chunk_.end(), piece.begin(), piece.end());
      bytes = bytes.subspan(piece.size());
      if (chunk_.size() == chunk_size_) FL_CHECK(flush());
    }
    return {};
  }
  Status pad() {
    if (chunk_.empty()) return {};
    chunk_.resize(chunk_size_);
    return flush();
  }
  /// A whole chunk, on a border.
  Status append_chunk(std::span<const std::byte> bytes) {
    add_digest(sha256(bytes));
    FL_CHECK(file_.write(at_, bytes));
    at_.value += chunk_size_;
    return {};
  }
  /// A hole in the file, on a border.
  void append_zeros() {
    add_digest(zero_digest_);
    at_.value += chunk_size_;
  }

  ByteOffset position() const { return at_; }
  const std::vector<std::byte>& hash_table() const { return table_; }

 private:
  Status flush() {
    FL_CHECK(append_chunk(chunk_));
    chunk_.clear();
    return {};
  }
  void add_digest(const Sha256& digest) { table_.insert(table_.end(), digest.begin(), digest.end()); }

  OutputFile& file_;
  ByteOffset at_;
  std::size_t chunk_size_;
  Sha256 zero_digest_;
  std::vector<std::byte> chunk_;
  std::vector<std::byte> table_;
};

/// Calls `use` with each block in payload order, the repeats of the first one included.
Status for_each_block(const FfuStore& store, std::uint32_t repeats, const std::function<Status(const FfuBlock&)>& use) {
  for (const auto& phase : store.phases) {
    for (const auto& block : phase.blocks) {
      for (; repeats > 0; --repeats) FL_CHECK(use(block));
      FL_CHECK(use(block));
    }
  }
  return {};
}

Status append_store_metadata(BodyWriter& out, const FfuStore& store, const StoreLayoutOut& layout) {
  FL_CHECK(out.append(ffu::build_store_header(layout.header)));
  std::vector<std::byte> descriptor;
  FL_CHECK(for_each_block(store, layout.repeats, [&](const FfuBlock& block) {
    descriptor.clear();
    ffu::append_descriptor(descriptor, {block.anchor, block.index});
    return out.append(descriptor);
  }));
  return out.pad();
}

Status append_metadata(BodyWriter& out, const FfuContent& content, const WriteLayout& layout) {
  const auto length = static_cast<std::uint32_t>(layout.manifest.size());
  FL_CHECK(out.append(ffu::build_image_header(length, content.block_size)));
  FL_CHECK(out.append(std::as_bytes(std::span{layout.manifest})));
  FL_CHECK(out.pad());
  for (std::size_t i = 0; i < content.stores.size(); ++i) {
    FL_CHECK(append_store_metadata(out, content.stores[i], layout.stores[i]));
  }
  return {};
}

Status append_payload(BodyWriter& out, const FfuContent& content, const WriteLayout& layout,
                      const WriteProgress& progress) {
  const ByteCount total{layout.payload_blocks * content.block_size};
  ByteCount done;
  std::vector<std::byte> bytes(content.block_size);
  for (std::size_t i = 0; i < content.stores.size(); ++i) {
    const auto& store = content.stores[i];
    FL_CHECK(for_each_block(store, layout.stores[i].repeats, [&](const FfuBlock& block) -> Status {
      if (block.zeros) {
        out.append_zeros();
      } else {
        FL_CHECK(store.fill(block, bytes));
        FL_CHECK(out.append_chunk(bytes));
      }
      done.value += bytes.size();
      if (progress) progress(done, total);
      return {};
    }));
  }
  return {};
}

/// The catalog as long as it was announced to be; a signer whose signatures differ in length cannot be used.
Result<std::vector<std::byte>> final_catalog(const MakeCatalog& make, std::span<const std::byte> table,
                                             std::size_t announced) {
  FL_TRY(auto catalog, make(table));
  if (catalog.size() == announced) return catalog;
  return fail(errc::ffu_unwritable,
              "the catalog has " + std::to_string(catalog.size()) + " bytes instead of " + std::to_string(announced));
}

Result<std::size_t> announced_size(const MakeCatalog& make, std::uint64_t table_size) {
  FL_TRY(const auto catalog, make(std::vector<std::byte>(static_cast<std::size_t>(table_size))));
  return catalog.size();
}

Status write_security_region(OutputFile& file, const SecurityHeader& header, std::span<const std::byte> catalog,
                             std::span<const std::byte> table) {
  FL_CHECK(file.write(ByteOffset{0}, ffu::build_security_header(header)));
  FL_CHECK(file.write(ByteOffset{SecurityHeader::length}, catalog));
  return file.write(ByteOffset{SecurityHeader::length + catalog.size()}, table);
}

/// What this program writes, it reads: metadata only, which costs next to nothing.
Status read_back(const OutputFile& file, ByteCount size) {
  FL_TRY(const auto region, ffu::read_security_region(file.fd(), size));
  const auto metadata = ffu::read_metadata(file.fd(), size, region);
  if (!metadata) return fail(errc::ffu_unwritable, "reading it back: " + metadata.error().detail);
  return {};
}

Result<WrittenFfu> finish(OutputFile& file, const SecurityHeader& header, std::span<const std::byte> catalog,
                          std::span<const std::byte> table, ByteCount size) {
  FL_CHECK(write_security_region(file, header, catalog, table));
  FL_CHECK(file.resize(size));  // a payload may end in a hole
  FL_CHECK(read_back(file, size));
  FL_CHECK(file.commit());
  return WrittenFfu{.file_size = size, .table_digest = sha256(table)};
}

/// The chunks of an image whose metadata was read, compared with the table while they are copied.
Status copy_body(int from, OutputFile& to, ByteOffset new_origin, const ffu::Metadata& metadata, ByteCount size,
                 const WriteProgress& progress) {
  const HashTable& hashes = metadata.hashes;
  const bool compressed = metadata.stores.front().header.format == ffu::StoreFormat::v1c;
  const std::uint64_t hashed = compressed ? metadata.metadata_chunks : hashes.digests->size();
  const ByteCount total{size.value - hashes.origin.value};
  std::vector<std::byte> chunk(hashes.unit);
  for (std::uint64_t done = 0; done < total.value; done += chunk.size()) {
    chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(hashes.unit, total.value - done)));
    FL_CHECK(read_exactly(from, ByteOffset{hashes.origin.value + done}, chunk));
    const std::uint64_t number = done / hashes.unit;
    if (number < hashed && sha256(chunk) != (*hashes.digests)[number]) {
      return fail(errc::chunk_hash, "chunk " + std::to_string(number) + " of the image that was to be signed");
    }
    FL_CHECK(to.write(ByteOffset{new_origin.value + done}, chunk));
    if (progress) progress(ByteCount{done + chunk.size()}, total);
  }
  return {};
}

/// Each block of a compressed payload has to be taken out to be compared.
Status check_compressed(FileHandle file, const ffu::Metadata& metadata) {
  const auto& store = metadata.stores.front();
  if (store.header.format != ffu::StoreFormat::v1c) return {};
  const auto first = metadata.hashes.digests->begin() + static_cast<std::ptrdiff_t>(metadata.metadata_chunks);
  const HashTable digests{.unit = metadata.hashes.unit,
                          .origin = {},
                          .digests = std::make_shared<std::vector<Sha256>>(first, metadata.hashes.digests->end())};
  ffu::CompressedPayload payload{std::move(file), metadata.payload, store.header, store.layout.stored, digests};
  std::vector<std::byte> buffer(store.header.block_size);
  for (;;) {
    FL_TRY(const auto count, payload.read(buffer));
    if (count == 0) return {};
  }
}

Result<FileHandle> open_for_reading(const std::filesystem::path& path) {
  FileHandle file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return fail(errc::image_open, path.string() + ": " + std::strerror(errno));
  return file;
}

Result<ByteCount> size_of(int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) return fail(errc::image_read, "not a regular file");
  return ByteCount{static_cast<std::uint64_t>(facts.st_size)};
}

}  // namespace

Result<WrittenFfu> write_ffu(const std::filesystem::path& path, const FfuContent& content, const MakeCatalog& catalog,
                             const WriteProgress& progress) {
  // A catalog holds the table's digest, so its length does not depend on the table's.
  FL_TRY(const auto catalog_size, announced_size(catalog, sizeof(Sha256)));
  FL_TRY(const auto layout, ffu::plan_layout(content, catalog_size));
  const SecurityHeader header{.chunk_size = content.block_size,
                              .catalog_size = static_cast<std::uint32_t>(catalog_size),
                              .hash_table_size = static_cast<std::uint32_t>(layout.hash_table_size())};
  FL_TRY(auto file, OutputFile::create(path));
  BodyWriter body{file, header.image_offset(), content.block_size};
  FL_CHECK(append_metadata(body, content, layout));
  FL_CHECK(append_payload(body, content, layout, progress));
  FL_TRY(const auto real_catalog, final_catalog(catalog, body.hash_table(), catalog_size));
  return finish(file, header, real_catalog, body.hash_table(), ByteCount{body.position().value});
}

Result<WrittenFfu> replace_catalog(const std::filesystem::path& from, const std::filesystem::path& to,
                                   const MakeCatalog& catalog, const WriteProgress& progress) {
  FL_TRY(auto source, open_for_reading(from));
  FL_TRY(const auto size, size_of(source.get()));
  FL_TRY(const auto region, ffu::read_security_region(source.get(), size));
  FL_TRY(const auto metadata, ffu::read_metadata(source.get(), size, region));
  FL_TRY(const auto new_catalog, catalog(region.hash_table));
  SecurityHeader header = region.header;
  header.catalog_size = static_cast<std::uint32_t>(new_catalog.size());
  FL_TRY(auto file, OutputFile::create(to));
  FL_CHECK(copy_body(source.get(), file, header.image_offset(), metadata, size, progress));
  FL_CHECK(check_compressed(std::move(source), metadata));
  const ByteCount new_size{size.value - region.header.image_offset().value + header.image_offset().value};
  return finish(file, header, new_catalog, region.hash_table, new_size);
}

}  // namespace flashline::imaging
