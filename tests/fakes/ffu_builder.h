#pragma once
// Full flash update images field by field, right or wrong: the smallest valid image of each version, then one change.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imaging/catalog/build_catalog.h"
#include "imaging/core/digest.h"

namespace flashline::fakes {

using Bytes = std::vector<std::byte>;

inline void put_text(Bytes& out, std::string_view text) {
  for (const char c : text) out.push_back(static_cast<std::byte>(c));
}
template <class T>
void put_number(Bytes& out, std::type_identity_t<T> value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<std::byte>((value >> (8 * i)) & 0xFF));
}
inline void put_bytes(Bytes& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline void pad_to(Bytes& out, std::size_t unit) { out.resize((out.size() + unit - 1) / unit * unit); }

/// BLOCK_DATA_ENTRY and its data.
struct FakeEntry {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> locations;  ///< access method, block index
  Bytes data;                                                      ///< decompressed
  std::uint32_t blocks = 1;
  std::optional<std::uint32_t> location_count = {};
  std::optional<Bytes> stored = {};  ///< V1C: as it lies in the file; else the data itself
  std::optional<std::uint32_t> stored_size = {};
};

/// STORE_HEADER, its entries and its payload.
struct FakeStore {
  std::uint32_t update_type = 0;
  std::uint16_t version[4] = {1, 0, 2, 0};
  std::string platform_ids{"Contoso.Panel.P100.A\0", 21};
  std::uint32_t block_size = 4096;
  std::optional<std::uint32_t> write_count = {};
  std::optional<std::uint32_t> write_length = {};
  std::uint32_t validation_count = 0;
  std::optional<std::uint32_t> validation_length = {};
  Bytes validation = {};
  std::uint32_t ranges[6] = {};  ///< initial, flash-only, final: index and count
  std::uint16_t store_count = 1;
  std::uint16_t store_index = 1;
  std::optional<std::uint64_t> payload_size = {};
  std::optional<std::uint16_t> path_length = {};
  std::u16string path;
  std::uint32_t compression = 0;
  std::vector<FakeEntry> entries;

  bool is_v2() const { return version[0] == 2; }
  bool is_compressed() const { return version[2] == 3; }

  Bytes descriptors() const {
    Bytes out;
    for (const auto& entry : entries) {
      put_number<std::uint32_t>(out, entry.location_count.value_or(static_cast<std::uint32_t>(entry.locations.size())));
      put_number<std::uint32_t>(out, entry.blocks);
      if (is_compressed()) {
        const auto size = static_cast<std::uint32_t>(entry.stored.value_or(entry.data).size());
        put_number<std::uint32_t>(out, entry.stored_size.value_or(size));
      }
      for (const auto& [method, index] : entry.locations) {
        put_number<std::uint32_t>(out, method);
        put_number<std::uint32_t>(out, index);
      }
    }
    return out;
  }

  Bytes metadata() const {
    const Bytes table = descriptors();
    std::uint64_t blocks = 0;
    for (const auto& entry : entries) blocks += entry.blocks;
    Bytes out;
    put_number<std::uint32_t>(out, update_type);
    for (const auto part : version) put_number<std::uint16_t>(out, part);
    put_text(out, platform_ids);
    out.resize(204);
    put_number<std::uint32_t>(out, block_size);
    put_number<std::uint32_t>(out, write_count.value_or(static_cast<std::uint32_t>(entries.size())));
    put_number<std::uint32_t>(out, write_length.value_or(static_cast<std::uint32_t>(table.size())));
    put_number<std::uint32_t>(out, validation_count);
    put_number<std::uint32_t>(out, validation_length.value_or(static_cast<std::uint32_t>(validation.size())));
    for (const auto number : ranges) put_number<std::uint32_t>(out, number);
    if (is_compressed()) put_number<std::uint32_t>(out, compression);
    if (is_v2()) {
      put_number<std::uint16_t>(out, store_count);
      put_number<std::uint16_t>(out, store_index);
      put_number<std::uint64_t>(out, payload_size.value_or(blocks * block_size));
      put_number<std::uint16_t>(out, path_length.value_or(static_cast<std::uint16_t>(path.size())));
      for (const char16_t c : path) put_number<std::uint16_t>(out, c);
    }
    put_bytes(out, validation);
    put_bytes(out, table);
    return out;
  }
};

/// A whole image. What is not overridden follows from the rest.
struct FakeFfu {
  std::uint32_t security_size = 32;
  std::string security_signature = "SignedImage ";
  std::uint32_t chunk_kib = 4;
  std::optional<std::uint32_t> chunk_kib_field = {};  ///< what the security header says of it
  std::uint32_t algorithm = 0x800C;
  std::optional<std::uint32_t> catalog_size = {};
  std::optional<std::uint32_t> table_size = {};
  std::uint32_t image_header_size = 24;
  std::string image_signature = "ImageFlash  ";
  std::optional<std::uint32_t> manifest_length = {};
  std::optional<std::uint32_t> image_chunk_kib = {};
  std::string manifest;
  std::uint32_t targeting_count = 0;
  Bytes targeting = {};
  std::vector<FakeStore> stores;
  Bytes trailing = {};  ///< after the payload, not hashed
  /// Digests to add (zero) or to take away before the catalog is made.
  int extra_digests = 0;
  /// Changes the bytes from the image header on, after they were hashed.
  std::function<void(Bytes&)> corrupt = {};
  /// Makes the catalog; the unsigned one when empty.
  std::function<Bytes(std::span<const std::byte>)> make_catalog = {};

  std::size_t chunk() const { return std::size_t{chunk_kib} * 1024; }

  Bytes image_region() const {
    Bytes out;
    put_number<std::uint32_t>(out, image_header_size);
    put_text(out, image_signature);
    put_number<std::uint32_t>(out, manifest_length.value_or(static_cast<std::uint32_t>(manifest.size())));
    put_number<std::uint32_t>(out, image_chunk_kib.value_or(chunk_kib));
    if (image_header_size == 28) put_number<std::uint32_t>(out, targeting_count);
    put_text(out, manifest);
    put_bytes(out, targeting);
    pad_to(out, chunk());
    return out;
  }

  /// All metadata from the image header on.
  Bytes metadata() const {
    Bytes out = image_region();
    for (const auto& store : stores) {
      put_bytes(out, store.metadata());
      pad_to(out, chunk());
    }
    return out;
  }

  /// What the hash table covers, in this order: chunks of the metadata, then the payload's blocks, decompressed.
  Bytes hashed() const {
    Bytes out = metadata();
    for (const auto& store : stores) {
      for (const auto& entry : store.entries) put_bytes(out, entry.data);
    }
    return out;
  }

  Bytes hash_table() const {
    Bytes table;
    const Bytes body = hashed();
    for (std::size_t at = 0; at < body.size(); at += chunk()) {
      put_bytes(table, sha256(std::span{body}.subspan(at, std::min(chunk(), body.size() - at))));
    }
    table.resize(table.size() + static_cast<std::size_t>(32 * extra_digests));
    return table;
  }

  Bytes body() const {
    Bytes out = metadata();
    for (const auto& store : stores) {
      for (const auto& entry : store.entries) put_bytes(out, entry.stored.value_or(entry.data));
    }
    return out;
  }

  Bytes build() const {
    const Bytes table = hash_table();
    const Bytes catalog = make_catalog ? make_catalog(table) : imaging::build_catalog(table);
    Bytes out;
    put_number<std::uint32_t>(out, security_size);
    put_text(out, security_signature);
    put_number<std::uint32_t>(out, chunk_kib_field.value_or(chunk_kib));
    put_number<std::uint32_t>(out, algorithm);
    put_number<std::uint32_t>(out, catalog_size.value_or(static_cast<std::uint32_t>(catalog.size())));
    put_number<std::uint32_t>(out, table_size.value_or(static_cast<std::uint32_t>(table.size())));
    put_bytes(out, catalog);
    put_bytes(out, table);
    pad_to(out, chunk());
    Bytes rest = body();
    if (corrupt) corrupt(rest);
    put_bytes(out, rest);
    put_bytes(out, trailing);
    return out;
  }
};

/// One block whose bytes tell which one it is.
inline Bytes fake_block(unsigned number, std::size_t size = 4096) {
  Bytes block(size);
  for (std::size_t i = 0; i < size; ++i) block[i] = static_cast<std::byte>((number * 37 + i * (i / 256 + 1)) & 0xFF);
  return block;
}

inline std::string fake_manifest(int stores = 1) {
  std::string text =
      "[FullFlash]\r\nVersion = 2.0\r\nDescription = smallest\r\nDevicePlatformId0 = Contoso.Panel.P100.A\r\n\r\n";
  for (int i = 0; i < stores; ++i)
    text += "[Store]\r\nSectorSize = 512\r\nMinSectorCount = 64\r\n\r\n";  // eight blocks
  return text;
}

/// V1: zeros at both ends, two blocks of data, a block at each end as the final table.
inline FakeFfu smallest_v1() {
  FakeFfu image;
  image.manifest = fake_manifest();
  FakeStore store;
  store.entries = {
      {.locations = {{0, 0}, {2, 0}}, .data = Bytes(4096)}, {.locations = {{0, 1}}, .data = fake_block(1)},
      {.locations = {{0, 2}}, .data = fake_block(2)},       {.locations = {{0, 0}}, .data = fake_block(3)},
      {.locations = {{2, 0}}, .data = fake_block(4)},
  };
  const std::uint32_t ranges[6] = {0, 1, 0, 0, 3, 2};
  std::copy(std::begin(ranges), std::end(ranges), std::begin(store.ranges));
  image.stores = {store};
  return image;
}

/// V2: the store of V1, and one of a single block.
inline FakeFfu smallest_v2() {
  FakeFfu image = smallest_v1();
  image.manifest = fake_manifest(2);
  auto& first = image.stores.front();
  first.version[0] = 2;
  first.store_count = 2;
  first.path = u"VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)";
  FakeStore second = first;
  second.store_index = 2;
  second.path = u"VenHw(12C55B20-25D3-41C9-8E06-282D94C676AD)";
  second.entries = {{.locations = {{0, 0}}, .data = fake_block(9)}};
  std::fill(std::begin(second.ranges), std::end(second.ranges), 0U);
  image.stores.push_back(second);
  return image;
}

/// V1C, its blocks stored as they are (which is told by their stored size).
inline FakeFfu smallest_v1c() {
  FakeFfu image = smallest_v1();
  image.stores.front().version[2] = 3;
  image.stores.front().compression = 4;
  return image;
}

}  // namespace flashline::fakes
