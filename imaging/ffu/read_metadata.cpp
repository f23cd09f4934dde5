#include "imaging/ffu/read_metadata.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/verified_reader.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging::ffu {
namespace {

HashTable hash_table_of(const SecurityRegion& region) {
  auto digests = std::make_shared<std::vector<Sha256>>(region.hash_table.size() / sizeof(Sha256));
  for (std::size_t i = 0; i < digests->size(); ++i) {
    std::ranges::copy(std::span{region.hash_table}.subspan(i * sizeof(Sha256), sizeof(Sha256)), (*digests)[i].begin());
  }
  return {.unit = region.header.chunk_size, .origin = region.header.image_offset(), .digests = std::move(digests)};
}

class MetadataReader {
 public:
  MetadataReader(int fd, ByteCount file_size, const SecurityRegion& region)
      : file_size_{file_size},
        chunk_size_{region.header.chunk_size},
        out_{.hashes = hash_table_of(region)},
        in_{fd, file_size, out_.hashes} {}
  Result<Metadata> read();

 private:
  Status read_image_region();
  Status read_stores();
  Result<Store> read_store();
  Status check_against_first(const StoreHeader& header, std::size_t index);
  Status check_manifest(const StoreHeader& first);
  Status check_file_end();
  Status check_table_size();
  std::optional<ByteCount> smallest_disk(std::size_t store) const;
  bool compressed() const { return out_.stores.front().header.format == StoreFormat::v1c; }
  void warn(std::string text) { out_.warnings.push_back(std::move(text)); }

  ByteCount file_size_;
  std::uint32_t chunk_size_;
  Metadata out_;
  VerifiedReader in_;
  std::optional<Error> manifest_error_;  // kept until the store header says whether it is one
};

Status MetadataReader::read_image_region() {
  FL_TRY(const auto header, read_image_header(in_, chunk_size_));
  FL_TRY(const auto bytes, in_.take(header.manifest_length, "manifest"));
  std::string text(bytes.size(), '\0');
  std::ranges::transform(bytes, text.begin(), [](std::byte b) { return std::to_integer<char>(b); });
  if (auto manifest = parse_manifest(text)) {
    out_.manifest = std::move(*manifest);
  } else {
    manifest_error_ = std::move(manifest).error();
  }
  FL_TRY(out_.targeting, read_targeting(in_, header.targeting_records));
  in_.skip_to_border();
  return {};
}

std::optional<ByteCount> MetadataReader::smallest_disk(std::size_t store) const {
  if (store >= out_.manifest.stores.size()) return std::nullopt;
  const auto& described = out_.manifest.stores[store];
  if (!described.min_sector_count) return std::nullopt;
  return ByteCount{*described.min_sector_count * described.sector_size};  // bounded by parse_manifest
}

/// The manifest and the store headers must agree on how many stores there are. What a compressed image's manifest holds
/// is not known (ffu-format.md section 10, question 13), so there it is no error.
Status MetadataReader::check_manifest(const StoreHeader& first) {
  if (!manifest_error_ && out_.manifest.stores.size() != first.store_count) {
    manifest_error_ =
        Error{errc::ffu_manifest, "the manifest describes " + std::to_string(out_.manifest.stores.size()) +
                                      " stores, the image has " + std::to_string(first.store_count)};
  }
  if (!manifest_error_) return {};
  if (first.format != StoreFormat::v1c) return std::unexpected{*manifest_error_};
  warn(manifest_error_->detail);
  return {};
}

Status MetadataReader::check_against_first(const StoreHeader& header, std::size_t index) {
  const auto& first = index == 0 ? header : out_.stores.front().header;
  if (header.format != first.format) return fail(errc::ffu_store_version, "the stores differ in their version");
  if (header.store_count != first.store_count) return fail(errc::ffu_store_count, "the stores differ in their number");
  if (header.store_index != index + 1) {
    return fail(errc::ffu_store_index,
                "store " + std::to_string(index + 1) + " says it is number " + std::to_string(header.store_index));
  }
  const bool repeated = std::ranges::any_of(
      out_.stores, [&](const Store& store) { return store.header.device_path == header.device_path; });
  if (repeated) return fail(errc::ffu_device_path, "two stores are for " + header.device_path);
  return {};
}

Result<Store> MetadataReader::read_store() {
  const std::size_t index = out_.stores.size();
  Store store;
  FL_TRY(store.header, read_store_header(in_, chunk_size_));
  FL_CHECK(check_against_first(store.header, index));
  if (index == 0) FL_CHECK(check_manifest(store.header));
  FL_TRY(store.validation, read_validation(in_, store.header));
  StorePlanner planner{store.header, smallest_disk(index)};
  DescriptorReader descriptors{in_, store.header};
  WriteDescriptor entry;
  for (;;) {
    FL_TRY(const bool more, descriptors.next(entry));
    if (!more) break;
    FL_CHECK(planner.add(entry));
  }
  FL_TRY(store.layout, planner.finish());
  in_.skip_to_border();
  return store;
}

Status MetadataReader::read_stores() {
  do {
    auto store = read_store();
    if (!store) {
      const std::string where = "store " + std::to_string(out_.stores.size() + 1);
      return std::unexpected{in_context(where, std::move(store).error())};
    }
    out_.stores.push_back(std::move(*store));
  } while (out_.stores.size() < out_.stores.front().header.store_count);
  return {};
}

Status MetadataReader::check_file_end() {
  std::uint64_t end = out_.payload.value;
  for (const auto& store : out_.stores) {
    for (const auto& entry : store.layout.stored) end += entry.size;
    if (!compressed()) end += store.layout.blocks * store.header.block_size;
    if (end > file_size_.value) break;  // many stores together could exceed 64 bits
  }
  if (end > file_size_.value) {
    return fail(errc::truncated, "the payload ends at offset " + std::to_string(end) + ", the file at " +
                                     std::to_string(file_size_.value));
  }
  const std::uint64_t rest = file_size_.value - end;
  if (rest == 0) return {};
  const std::string text = std::to_string(rest) + " bytes after the end of the payload";
  // Whether its makers pad a compressed image is not known.
  if (!compressed() || rest >= chunk_size_) return fail(errc::trailing_bytes, text);
  warn(text);
  return {};
}

Status MetadataReader::check_table_size() {
  std::uint64_t needed = in_.chunks();
  for (const auto& store : out_.stores) needed += store.layout.blocks;
  const std::uint64_t found = out_.hashes.digests->size();
  if (found == needed) return {};
  return fail(found < needed ? errc::ffu_hash_table_short : errc::ffu_hash_table_long,
              std::to_string(found) + " digests for " + std::to_string(needed) + " chunks");
}

Result<Metadata> MetadataReader::read() {
  FL_CHECK(read_image_region());
  FL_CHECK(read_stores());
  out_.payload = in_.position();
  out_.metadata_chunks = in_.chunks();
  FL_CHECK(check_file_end());
  FL_CHECK(check_table_size());
  return std::move(out_);
}

}  // namespace

Result<SecurityRegion> read_security_region(int fd, ByteCount file_size) {
  SecurityRegion region;
  std::vector<std::byte> first(std::min<std::uint64_t>(SecurityHeader::length, file_size.value));
  FL_CHECK(read_exactly(fd, ByteOffset{0}, first));
  FL_TRY(region.header, parse_security_header(first));
  if (region.header.image_offset().value > file_size.value) {
    return fail(errc::truncated, "catalog and hash table end at offset " +
                                     std::to_string(region.header.image_offset().value) + ", the file at " +
                                     std::to_string(file_size.value));
  }
  region.catalog.resize(region.header.catalog_size);
  FL_CHECK(read_exactly(fd, ByteOffset{SecurityHeader::length}, region.catalog));
  region.hash_table.resize(region.header.hash_table_size);
  FL_CHECK(read_exactly(fd, ByteOffset{SecurityHeader::length + region.catalog.size()}, region.hash_table));
  return region;
}

Result<Metadata> read_metadata(int fd, ByteCount file_size, const SecurityRegion& region) {
  return MetadataReader{fd, file_size, region}.read();
}

}  // namespace flashline::imaging::ffu
