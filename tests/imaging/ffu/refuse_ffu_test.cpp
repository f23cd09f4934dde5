// The checks of ffu-format.md section 9: each row takes a valid image, changes one field, and names the code.

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <set>
#include <string>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/read_ffu.h"
#include "tests/fakes/ffu_builder.h"
#include "tests/fakes/memory_file.h"

namespace flashline::imaging {
namespace {

using fakes::Bytes;
using fakes::FakeFfu;
using fakes::FakeStore;

/// Plain functions: tables of them need no code to be set up.
using Change = void(FakeFfu&);

struct Case {
  const char* name;
  Errc code;
  FakeFfu (*base)();
  Change* change;
  bool in_payload = false;
};

FakeStore& store(FakeFfu& image) { return image.stores.front(); }

constexpr Case v1(const char* name, Errc code, Change* change, bool in_payload = false) {
  return {name, code, fakes::smallest_v1, change, in_payload};
}
constexpr Case v2(const char* name, Errc code, Change* change) { return {name, code, fakes::smallest_v2, change}; }
constexpr Case v1c(const char* name, Errc code, Change* change, bool in_payload = false) {
  return {name, code, fakes::smallest_v1c, change, in_payload};
}

void set_ranges(FakeFfu& f, const std::array<std::uint32_t, 6>& numbers) {
  std::ranges::copy(numbers, std::begin(store(f).ranges));
}

/// A compressed entry that holds `size` bytes of nonsense instead of block 2.
void set_stored(FakeFfu& f, std::uint32_t algorithm, std::size_t size) {
  store(f).compression = algorithm;
  store(f).entries[2].stored = Bytes(size, std::byte{0xFF});
}

void flip(FakeFfu& f, std::size_t at) {
  f.corrupt = [at](Bytes& body) { body[at] ^= std::byte{1}; };
}

void drop(FakeFfu& f, std::size_t count) {
  f.corrupt = [count](Bytes& body) { body.resize(body.size() - count); };
}

void add_validation(FakeFfu& f, std::uint32_t count, const Bytes& bytes, std::uint32_t update_type = 1) {
  store(f).update_type = update_type;
  store(f).validation_count = count;
  store(f).validation = bytes;
}

void add_targeting(FakeFfu& f, std::uint32_t count, const Bytes& bytes) {
  f.image_header_size = 28;
  f.targeting_count = count;
  f.targeting = bytes;
}

const std::string head = "[FullFlash]\r\nVersion = 2.0\r\n\r\n";
const std::string disk = "[Store]\r\nSectorSize = 512\r\nMinSectorCount = 64\r\n";

class RefuseFfu : public testing::TestWithParam<Case> {
 protected:
  static Result<OpenedImage> open(const FakeFfu& image) {
    OpenOptions options;
    options.trust.allow_unsigned = true;
    options.experimental = true;
    return open_ffu(fakes::memory_file(image.build()), "image.ffu", options);
  }
};

TEST_P(RefuseFfu, WithItsCode) {
  FakeFfu image = GetParam().base();
  ASSERT_TRUE(open(image)) << "the image is valid before the change";
  GetParam().change(image);
  auto opened = open(image);
  if (GetParam().in_payload) {  // found when it is read, not before
    ASSERT_TRUE(opened) << opened.error().detail;
    const auto checked = verify_payload(*opened, {});
    ASSERT_FALSE(checked);
    EXPECT_EQ(code_of(checked.error().code), code_of(GetParam().code)) << checked.error().detail;
    return;
  }
  ASSERT_FALSE(opened);
  EXPECT_EQ(code_of(opened.error().code), code_of(GetParam().code)) << opened.error().detail;
}

constexpr std::array security_rows{
    v1("security_signature", errc::ffu_security_signature, [](FakeFfu& f) { f.security_signature = "SignedImage_"; }),
    v1("security_signature_case", errc::ffu_security_signature,
       [](FakeFfu& f) { f.security_signature = "signedImage "; }),
    v1("security_size", errc::ffu_security_size, [](FakeFfu& f) { f.security_size = 36; }),
    v1("chunk_size_zero", errc::ffu_chunk_size, [](FakeFfu& f) { f.chunk_kib_field = 0; }),
    v1("chunk_size_odd", errc::ffu_chunk_size, [](FakeFfu& f) { f.chunk_kib_field = 3; }),
    v1("chunk_size_wraps", errc::ffu_chunk_size, [](FakeFfu& f) { f.chunk_kib_field = 0x400000; }),
    v1("hash_algorithm_sha1", errc::ffu_hash_algorithm, [](FakeFfu& f) { f.algorithm = 0x8004; }),
    v1("hash_algorithm_unknown", errc::ffu_hash_algorithm, [](FakeFfu& f) { f.algorithm = 0x800D; }),
    v1("catalog_size_zero", errc::catalog_size, [](FakeFfu& f) { f.catalog_size = 0; }),
    v1("catalog_size_huge", errc::catalog_size, [](FakeFfu& f) { f.catalog_size = 0xFFFFFFFF; }),
    v1("catalog_cut", errc::catalog_der, [](FakeFfu& f) { f.catalog_size = 327; }),
    v1("table_size_zero", errc::ffu_hash_table_size, [](FakeFfu& f) { f.table_size = 0; }),
    v1("table_size_odd", errc::ffu_hash_table_size, [](FakeFfu& f) { f.table_size = 33; }),
    v1("table_size_huge", errc::ffu_hash_table_size, [](FakeFfu& f) { f.table_size = 0xFFFFFFE0; }),
    v1("table_past_the_end", errc::truncated, [](FakeFfu& f) { f.table_size = 0x100000; }),
    v1("table_is_not_the_catalogs", errc::catalog_digest, [](FakeFfu& f) { f.table_size = 32; }),
    v1("table_short", errc::ffu_hash_table_short, [](FakeFfu& f) { f.extra_digests = -1; }),
    v1("table_ends_in_metadata", errc::ffu_hash_table_short, [](FakeFfu& f) { f.extra_digests = -6; }),
    v1("table_long", errc::ffu_hash_table_long, [](FakeFfu& f) { f.extra_digests = 1; }),
    v1("image_header_changed", errc::chunk_hash, [](FakeFfu& f) { flip(f, 0); }),
    v1("padding_changed", errc::chunk_hash, [](FakeFfu& f) { flip(f, 4095); }),
    v1("descriptor_changed", errc::chunk_hash, [](FakeFfu& f) { flip(f, 4096 + 250); }),
    v1(
        "payload_changed", errc::chunk_hash, [](FakeFfu& f) { flip(f, 8192 + 2 * 4096); }, true),
    v1("trailing_byte", errc::trailing_bytes, [](FakeFfu& f) { f.trailing.resize(1); }),
    v1("trailing_chunk", errc::trailing_bytes, [](FakeFfu& f) { f.trailing.resize(4096); }),
    v1("last_byte_missing", errc::truncated, [](FakeFfu& f) { drop(f, 1); }),
    v1("last_block_missing", errc::truncated, [](FakeFfu& f) { drop(f, 4096); }),
};

constexpr std::array image_rows{
    v1("image_signature", errc::ffu_image_signature, [](FakeFfu& f) { f.image_signature = "ImageFlash _"; }),
    v1("image_size", errc::ffu_image_size, [](FakeFfu& f) { f.image_header_size = 32; }),
    v1("chunk_mismatch", errc::ffu_chunk_mismatch, [](FakeFfu& f) { f.image_chunk_kib = 128; }),
    v1("manifest_empty", errc::ffu_manifest_length, [](FakeFfu& f) { f.manifest_length = 0; }),
    v1("manifest_huge", errc::ffu_manifest_length, [](FakeFfu& f) { f.manifest_length = 0x7FFFFFFF; }),
    v1("manifest_past_the_end", errc::truncated, [](FakeFfu& f) { f.manifest_length = 0x100000; }),
    v1("manifest_not_ascii", errc::ffu_manifest, [](FakeFfu& f) { f.manifest = head + "\xC3\xA4\r\n" + disk; }),
    v1("manifest_without_full_flash", errc::ffu_manifest, [](FakeFfu& f) { f.manifest = disk; }),
    v1("manifest_two_full_flash", errc::ffu_manifest, [](FakeFfu& f) { f.manifest = head + head + disk; }),
    v1("manifest_version", errc::ffu_manifest,
       [](FakeFfu& f) { f.manifest = "[FullFlash]\r\nVersion = 2.1\r\n" + disk; }),
    v1("manifest_without_version", errc::ffu_manifest, [](FakeFfu& f) { f.manifest = "[FullFlash]\r\n" + disk; }),
    v1("manifest_sector_size", errc::ffu_manifest,
       [](FakeFfu& f) { f.manifest = head + "[Store]\r\nSectorSize = 520\r\n"; }),
    v1("manifest_without_sector_size", errc::ffu_manifest,
       [](FakeFfu& f) { f.manifest = head + "[Store]\r\nMinSectorCount = 64\r\n"; }),
    v1("manifest_sector_count", errc::ffu_manifest,
       [](FakeFfu& f) {
         f.manifest = head + "[Store]\r\nSectorSize = 512\r\nMinSectorCount = 99999999999999999999\r\n";
       }),
    v1("manifest_sector_count_wraps", errc::ffu_manifest,
       [](FakeFfu& f) { f.manifest = head + "[Store]\r\nSectorSize = 512\r\nMinSectorCount = 36028797018963969\r\n"; }),
    v1("manifest_without_store", errc::ffu_manifest, [](FakeFfu& f) { f.manifest = head; }),
    v1("manifest_two_stores", errc::ffu_manifest, [](FakeFfu& f) { f.manifest = head + disk + disk; }),
    v1("manifest_partition_first", errc::ffu_manifest,
       [](FakeFfu& f) { f.manifest = head + "[Partition]\r\nName = A\r\n" + disk; }),
    v1("targeting_count", errc::ffu_targeting, [](FakeFfu& f) { add_targeting(f, 257, {}); }),
    v1("targeting_length", errc::ffu_targeting, [](FakeFfu& f) { add_targeting(f, 1, Bytes(28, std::byte{0x7F})); }),
    v1("targeting_past_the_end", errc::truncated,
       [](FakeFfu& f) {
         add_targeting(f, 1, Bytes(8192));
         f.manifest_length = static_cast<std::uint32_t>(f.manifest.size() + 8192 - 20);
         f.stores.clear();
       }),
};

constexpr std::array store_rows{
    v1("version_major", errc::ffu_store_version, [](FakeFfu& f) { store(f).version[0] = 3; }),
    v1("version_minor", errc::ffu_store_version, [](FakeFfu& f) { store(f).version[1] = 1; }),
    v1("version_full_flash", errc::ffu_store_version, [](FakeFfu& f) { store(f).version[2] = 4; }),
    v1("version_full_flash_minor", errc::ffu_store_version, [](FakeFfu& f) { store(f).version[3] = 1; }),
    v2("version_of_compressed_stores", errc::ffu_store_version, [](FakeFfu& f) { store(f).version[2] = 3; }),
    v2("version_differs", errc::ffu_store_version, [](FakeFfu& f) { f.stores[1].version[0] = 1; }),
    v1("update_type", errc::ffu_update_type, [](FakeFfu& f) { store(f).update_type = 2; }),
    v1("partial_update", errc::ffu_partial_update, [](FakeFfu& f) { store(f).update_type = 1; }),
    v1("platform_id_unended", errc::ffu_platform_id, [](FakeFfu& f) { store(f).platform_ids = std::string(192, 'A'); }),
    v1("platform_id_unprintable", errc::ffu_platform_id, [](FakeFfu& f) { store(f).platform_ids = "A\x7F"; }),
    v1("platform_id_not_ascii", errc::ffu_platform_id, [](FakeFfu& f) { store(f).platform_ids = "\xC3\xA4"; }),
    v1("platform_id_after_the_end", errc::ffu_platform_id, [](FakeFfu& f) { store(f).platform_ids = {"A\0\0B", 4}; }),
    v1("block_size_zero", errc::ffu_block_size, [](FakeFfu& f) { store(f).block_size = 0; }),
    v1("block_size_odd", errc::ffu_block_size, [](FakeFfu& f) { store(f).block_size = 4097; }),
    v1("block_size_below_a_sector", errc::ffu_block_size, [](FakeFfu& f) { store(f).block_size = 256; }),
    v1("block_size_huge", errc::ffu_block_size, [](FakeFfu& f) { store(f).block_size = 0x80000000; }),
    v1("block_size_is_not_the_chunks", errc::ffu_chunk_block, [](FakeFfu& f) { store(f).block_size = 2048; }),
    v2("store_count_zero", errc::ffu_store_count, [](FakeFfu& f) { store(f).store_count = 0; }),
    v2("store_count_huge", errc::ffu_store_count, [](FakeFfu& f) { store(f).store_count = 65; }),
    v2("store_count_differs", errc::ffu_store_count, [](FakeFfu& f) { f.stores[1].store_count = 3; }),
    v2("store_count_is_not_the_manifests", errc::ffu_manifest, [](FakeFfu& f) { store(f).store_count = 1; }),
    v2("store_index_from_zero", errc::ffu_store_index, [](FakeFfu& f) { store(f).store_index = 0; }),
    v2("store_index_repeated", errc::ffu_store_index, [](FakeFfu& f) { f.stores[1].store_index = 1; }),
    v2("device_path_empty", errc::ffu_device_path, [](FakeFfu& f) { store(f).path = u""; }),
    v2("device_path_unprintable", errc::ffu_device_path, [](FakeFfu& f) { store(f).path = u"VenHw(\n)"; }),
    v2("device_path_half_surrogate", errc::ffu_device_path, [](FakeFfu& f) { store(f).path = u"VenHw(\xD800)"; }),
    v2("device_path_repeated", errc::ffu_device_path, [](FakeFfu& f) { f.stores[1].path = store(f).path; }),
    v2("device_path_past_the_end", errc::truncated, [](FakeFfu& f) { store(f).path_length = 0xFFFF; }),
    v2("payload_size", errc::ffu_payload_size, [](FakeFfu& f) { store(f).payload_size = 4 * 4096; }),
};

constexpr std::array descriptor_rows{
    v1("entry_count_huge", errc::ffu_entry_count, [](FakeFfu& f) { store(f).write_count = 0xFFFFFFFF; }),
    v1("entry_count_over_its_region", errc::ffu_entry_count, [](FakeFfu& f) { store(f).write_count = 6; }),
    v1("entry_count_below_its_region", errc::ffu_entry_length, [](FakeFfu& f) { store(f).write_count = 4; }),
    v1("entry_region_long", errc::ffu_entry_length, [](FakeFfu& f) { store(f).write_length = 5 * 16 + 8 + 16; }),
    v1("entry_region_short", errc::ffu_entry_length, [](FakeFfu& f) { store(f).write_length = 5 * 16 + 4; }),
    v1("entry_region_past_the_end", errc::truncated,
       [](FakeFfu& f) {
         store(f).write_length = 0x10000000;
         store(f).entries[0].location_count = 4096;
       }),
    v1("validation_in_a_full_update", errc::ffu_validation, [](FakeFfu& f) { add_validation(f, 1, Bytes(12), 0); }),
    v1("validation_region_short", errc::ffu_validation, [](FakeFfu& f) { add_validation(f, 2, Bytes(12)); }),
    v1("validation_region_long", errc::ffu_validation, [](FakeFfu& f) { add_validation(f, 1, Bytes(13)); }),
    v1("validation_entry_long", errc::ffu_validation,
       [](FakeFfu& f) { add_validation(f, 1, Bytes(12, std::byte{1})); }),
    v1("validation_region_huge", errc::ffu_validation, [](FakeFfu& f) { store(f).validation_length = 0xFFFFFFFF; }),
    v1("location_count_zero", errc::ffu_location_count, [](FakeFfu& f) { store(f).entries[1].location_count = 0; }),
    v1("location_count_huge", errc::ffu_location_count, [](FakeFfu& f) { store(f).entries[1].location_count = 4097; }),
    v1("location_count_over_the_region", errc::ffu_entry_length,
       [](FakeFfu& f) { store(f).entries[4].location_count = 2; }),
    v1("block_count_zero", errc::ffu_block_count, [](FakeFfu& f) { store(f).entries[1].blocks = 0; }),
    v1("block_count_sum_wraps", errc::ffu_block_count,
       [](FakeFfu& f) {
         store(f).entries[1].blocks = 0xFFFFFFF0;
         store(f).entries[1].locations[0].second = 0;
         f.manifest = head + "[Store]\r\nSectorSize = 512\r\n";
         store(f).entries[2].blocks = 0xFF;
         set_ranges(f, {});
       }),
    v1("access_method_sequential", errc::ffu_access_method,
       [](FakeFfu& f) { store(f).entries[1].locations[0].first = 1; }),
    v1("access_method_unknown", errc::ffu_access_method,
       [](FakeFfu& f) { store(f).entries[1].locations[0].first = 3; }),
    v1("block_index_wraps", errc::ffu_block_index,
       [](FakeFfu& f) { store(f).entries[1].locations[0].second = 0xFFFFFFFF; }),
    v1("block_outside_of_the_disk", errc::out_of_disk, [](FakeFfu& f) { store(f).entries[1].locations[0].second = 8; }),
    v1("block_from_the_end_outside", errc::out_of_disk,
       [](FakeFfu& f) { store(f).entries[4].locations[0].second = 8; }),
    v1("several_blocks_from_the_end", errc::ffu_end_multiblock,
       [](FakeFfu& f) {
         store(f).entries[4].blocks = 2;
         store(f).entries[4].data.resize(8192);
       }),
    v1("location_twice", errc::ffu_duplicate_location, [](FakeFfu& f) { store(f).entries[0].locations[1] = {0, 0}; }),
    v1("table_range_outside", errc::ffu_table_range, [](FakeFfu& f) { set_ranges(f, {0, 1, 0, 0, 3, 3}); }),
    v1("table_range_wraps", errc::ffu_table_range, [](FakeFfu& f) { set_ranges(f, {0, 1, 0, 0, 3, 0xFFFFFFFE}); }),
    v1("table_ranges_overlap", errc::ffu_table_range, [](FakeFfu& f) { set_ranges(f, {0, 2, 1, 1, 3, 2}); }),
    v1("table_ranges_out_of_order", errc::ffu_table_range, [](FakeFfu& f) { set_ranges(f, {3, 2, 0, 0, 0, 1}); }),
    v1("table_range_inside_of_an_entry", errc::ffu_table_range,
       [](FakeFfu& f) {
         store(f).entries[1].blocks = 2;
         store(f).entries[1].data.resize(8192);
         set_ranges(f, {0, 2, 0, 0, 4, 2});
       }),
};

constexpr std::array compressed_rows{
    v1c("algorithm_default", errc::ffu_compression, [](FakeFfu& f) { store(f).compression = 1; }),
    v1c("algorithm_unknown", errc::ffu_compression, [](FakeFfu& f) { store(f).compression = 5; }),
    v1c("stored_size_zero", errc::ffu_data_size, [](FakeFfu& f) { store(f).entries[1].stored_size = 0; }),
    v1c("stored_size_over_the_blocks", errc::ffu_data_size, [](FakeFfu& f) { store(f).entries[1].stored_size = 4097; }),
    v1c("stored_size_without_compression", errc::ffu_data_size,
        [](FakeFfu& f) {
          store(f).compression = 0;
          store(f).entries[1].stored_size = 4095;
        }),
    v1c("stored_size_past_the_end", errc::truncated,
        [](FakeFfu& f) {
          store(f).entries[4].stored_size = 4096;
          store(f).entries[4].stored = Bytes(10);
        }),
    v1c("entry_too_large", errc::ffu_block_count, [](FakeFfu& f) { store(f).entries[1].blocks = 0x10000; }),
    v1c(
        "lznt1_broken", errc::ffu_decompress, [](FakeFfu& f) { set_stored(f, 2, 100); }, true),
    v1c(
        "xpress_broken", errc::ffu_decompress, [](FakeFfu& f) { set_stored(f, 3, 100); }, true),
    v1c(
        "xpress_huffman_broken", errc::ffu_decompress, [](FakeFfu& f) { set_stored(f, 4, 300); }, true),
    v1c(
        "block_changed", errc::chunk_hash, [](FakeFfu& f) { flip(f, 8192 + 2 * 4096); }, true),
    v1c("trailing_chunk", errc::trailing_bytes, [](FakeFfu& f) { f.trailing.resize(4096); }),
    v1c("table_short", errc::ffu_hash_table_short, [](FakeFfu& f) { f.extra_digests = -1; }),
    v1c("table_long", errc::ffu_hash_table_long, [](FakeFfu& f) { f.extra_digests = 1; }),
};

std::string row_name(const testing::TestParamInfo<Case>& row) { return row.param.name; }
INSTANTIATE_TEST_SUITE_P(Security, RefuseFfu, testing::ValuesIn(security_rows), row_name);
INSTANTIATE_TEST_SUITE_P(Image, RefuseFfu, testing::ValuesIn(image_rows), row_name);
INSTANTIATE_TEST_SUITE_P(Store, RefuseFfu, testing::ValuesIn(store_rows), row_name);
INSTANTIATE_TEST_SUITE_P(Descriptors, RefuseFfu, testing::ValuesIn(descriptor_rows), row_name);
INSTANTIATE_TEST_SUITE_P(Compressed, RefuseFfu, testing::ValuesIn(compressed_rows), row_name);

/// A code that no row provokes is a check that nobody tests. The three that no image alone provokes have tests
/// elsewhere.
TEST(RefuseFfuRows, NameEveryCodeOfTheFormat) {
  std::set<std::string_view> named{code_of(errc::ffu_validation_mismatch), code_of(errc::ffu_experimental),
                                   code_of(errc::ffu_unwritable)};
  const auto add = [&named](std::span<const Case> rows) {
    for (const auto& row : rows) named.insert(code_of(row.code));
  };
  add(security_rows);
  add(image_rows);
  add(store_rows);
  add(descriptor_rows);
  add(compressed_rows);
  for (int code = static_cast<int>(errc::trailing_bytes); code <= static_cast<int>(errc::ffu_unwritable); ++code) {
    EXPECT_TRUE(named.contains(code_of(static_cast<Errc>(code)))) << code_of(static_cast<Errc>(code));
  }
}

}  // namespace
}  // namespace flashline::imaging
