#include "imaging/ffu/write_ffu.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <utility>

#include "imaging/catalog/build_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/ffu/read_ffu.h"
#include "imaging/trust/signer.h"
#include "tests/fakes/ffu_builder.h"
#include "tests/fakes/memory_disk.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

using Kind = Phase::Kind;

constexpr std::uint32_t block_size = 4096;

Result<std::vector<std::byte>> unsigned_catalog(std::span<const std::byte> table) { return build_catalog(table); }

Status fill(const FfuBlock& block, std::span<std::byte> out) {
  std::ranges::copy(fakes::fake_block(block.index + 1, out.size()), out.begin());
  return {};
}

/// Zeros at both ends, `data` blocks from block 1 on, then block 0 and the last one of a 64-block disk.
FfuStore store_with(std::uint32_t data, std::uint32_t disk_blocks = 64) {
  FfuStore store;
  store.description.min_sector_count = std::uint64_t{disk_blocks} * block_size / 512;
  store.fill = fill;
  store.phases.push_back({Kind::initial_table, {{.zeros = true}, {.anchor = Place::Anchor::end, .zeros = true}}});
  FfuPhase middle{Kind::data, {}};
  for (std::uint32_t i = 1; i <= data; ++i) middle.blocks.push_back({.index = i});
  store.phases.push_back(middle);
  store.phases.push_back({Kind::final_table, {{.index = 0}, {.index = disk_blocks - 1}}});
  return store;
}

FfuContent content_with(std::uint32_t data) {
  FfuContent content;
  content.block_size = block_size;
  content.manifest.description = "line image 7";
  content.manifest.platform_ids = {"Contoso.Panel.P100.A", "Contoso.Panel.P200"};
  content.stores = {store_with(data)};
  return content;
}

std::vector<std::byte> bytes_of_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  return bytes_of(text);
}

OpenOptions unsigned_allowed() {
  OpenOptions options;
  options.trust.allow_unsigned = true;
  return options;
}

Result<OpenedImage> open(const std::filesystem::path& path) {
  return open_ffu(FileHandle{::open(path.c_str(), O_RDONLY | O_CLOEXEC)}, path, unsigned_allowed());
}

std::vector<std::byte> written(OpenedImage& image, std::size_t size, std::size_t store = 0) {
  MemoryDisk disk{size};
  const auto plan = resolved(image.stores.at(store).plan, ByteCount{size});
  EXPECT_TRUE(plan.has_value());
  EXPECT_TRUE(disk.apply(*plan, content_of(image.content.file.get())));
  return disk.bytes;
}

class WriteFfu : public testing::Test {
 protected:
  fakes::TempFolder folder_;
  std::filesystem::path path_ = folder_ / "image.ffu";
};

TEST_F(WriteFfu, WhatIsWrittenIsReadBack) {
  const auto made = write_ffu(path_, content_with(5), unsigned_catalog);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->file_size.value, std::filesystem::file_size(path_));
  auto image = open(path_);
  ASSERT_TRUE(image) << image.error().detail;
  EXPECT_EQ(image->facts.format, "ffu-v1");
  EXPECT_EQ(image->facts.digest, made->table_digest);
  EXPECT_EQ(image->facts.description, "line image 7");
  const auto& plan = image->stores[0].plan;
  EXPECT_THAT(plan.needs.platform_ids, testing::ElementsAre("Contoso.Panel.P100.A", "Contoso.Panel.P200"));
  std::vector<std::byte> expected(64UL * block_size);
  for (const std::uint32_t block : {0U, 1U, 2U, 3U, 4U, 5U, 63U}) {
    std::ranges::copy(fakes::fake_block(block + 1), expected.begin() + block * block_size);
  }
  EXPECT_EQ(written(*image, expected.size()), expected);
  EXPECT_EQ(verify_payload(*image, {}).value_or(Sha256{}), sha256(bytes_of_file(path_)));
}

TEST_F(WriteFfu, SeveralStores) {
  auto content = content_with(3);
  content.version = FfuVersion::v2;
  content.stores.push_back(store_with(1));
  content.stores[0].description.device_path = "VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)";
  content.stores[1].description.device_path = "VenHw(12C55B20-25D3-41C9-8E06-282D94C676AD)";
  content.stores[1].description.is_main_os_store = false;
  ASSERT_TRUE(write_ffu(path_, content, unsigned_catalog));
  auto image = open(path_);
  ASSERT_TRUE(image) << image.error().detail;
  ASSERT_EQ(image->stores.size(), 2U);
  EXPECT_EQ(image->stores[1].device_path, content.stores[1].description.device_path);
  const auto second = written(*image, 64UL * block_size, 1);
  EXPECT_EQ(std::vector(second.begin() + block_size, second.begin() + 2 * block_size), fakes::fake_block(2));
}

TEST_F(WriteFfu, TheSameInputsGiveTheSameBytes) {
  ASSERT_TRUE(write_ffu(path_, content_with(5), unsigned_catalog));
  ASSERT_TRUE(write_ffu(folder_ / "again.ffu", content_with(5), unsigned_catalog));
  EXPECT_EQ(bytes_of_file(path_), bytes_of_file(folder_ / "again.ffu"));
}

TEST_F(WriteFfu, ZeroBlocksTakeNoSpace) {
  auto content = content_with(2000);
  content.stores = {store_with(0, 4000)};
  for (std::uint32_t i = 1; i < 3000; ++i) content.stores[0].phases[1].blocks.push_back({.index = i, .zeros = true});
  ASSERT_TRUE(write_ffu(path_, content, unsigned_catalog));
  struct stat facts{};
  ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
  EXPECT_GT(facts.st_size, 3000 * block_size);
  EXPECT_LT(facts.st_blocks * 512, 100 * block_size);
  auto image = open(path_);
  ASSERT_TRUE(image);
  EXPECT_TRUE(verify_payload(*image, {}));
}

/// Files in the folder, hidden ones too.
std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) names.push_back(entry.path().filename());
  return names;
}

TEST_F(WriteFfu, AFailureLeavesTheWorldAsItWas) {
  std::ofstream{path_} << "what was there";
  struct Row {
    const char* name;
    FillBlock fill;
    MakeCatalog catalog;
    Errc code;
  };
  int calls = 0;
  const MakeCatalog fails_later = [&calls](std::span<const std::byte> table) -> Result<std::vector<std::byte>> {
    if (++calls == 1) return build_catalog(table);
    return fail(errc::signing, "the token is gone");
  };
  const MakeCatalog grows = [](std::span<const std::byte> table) -> Result<std::vector<std::byte>> {
    auto catalog = build_catalog(table);
    if (table.size() > 32) catalog.push_back({});
    return catalog;
  };
  const FillBlock broken = [](const FfuBlock& block, std::span<std::byte> out) -> Status {
    if (block.index == 3) return fail(errc::image_read, "a bad sector");
    return fill(block, out);
  };
  const Row rows[] = {{"the source cannot be read", broken, unsigned_catalog, errc::image_read},
                      {"the signer fails", fill, fails_later, errc::signing},
                      {"the catalog has another length", fill, grows, errc::ffu_unwritable}};
  for (const auto& row : rows) {
    auto content = content_with(5);
    content.stores[0].fill = row.fill;
    const auto made = write_ffu(path_, content, row.catalog);
    ASSERT_FALSE(made) << row.name;
    EXPECT_EQ(made.error().code, row.code) << row.name;
    EXPECT_EQ(bytes_of_file(path_), bytes_of("what was there")) << row.name;
    EXPECT_THAT(names_in(folder_.path()), testing::ElementsAre("image.ffu")) << row.name;
  }
}

TEST_F(WriteFfu, AFolderThatIsNotThere) {
  const auto made = write_ffu(folder_ / "missing" / "image.ffu", content_with(1), unsigned_catalog);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, errc::image_write);
}

TEST_F(WriteFfu, WhatTheFormatCannotExpress) {
  struct Row {
    const char* name;
    void (*change)(FfuContent&);
  };
  constexpr Row rows[] = {
      {"no store", [](FfuContent& c) { c.stores.clear(); }},
      {"two stores in V1", [](FfuContent& c) { c.stores.push_back(c.stores[0]); }},
      {"a device path in V1", [](FfuContent& c) { c.stores[0].description.device_path = "VenHw(1)"; }},
      {"no device path in V2", [](FfuContent& c) { c.version = FfuVersion::v2; }},
      {"platform ids too long", [](FfuContent& c) { c.manifest.platform_ids = {std::string(191, 'x')}; }},
      {"a platform id that is not ASCII", [](FfuContent& c) { c.manifest.platform_ids = {"\xC3\xA4"}; }},
      {"an empty platform id", [](FfuContent& c) { c.manifest.platform_ids = {""}; }},
      {"a description that looks like a key", [](FfuContent& c) { c.manifest.description = "a\nVersion = 3"; }},
      {"a description that is not ASCII", [](FfuContent& c) { c.manifest.description = "\xC3\xA4"; }},
      {"odd blocks", [](FfuContent& c) { c.block_size = 3000; }},
      {"no smallest target", [](FfuContent& c) { c.stores[0].description.min_sector_count.reset(); }},
      {"a smallest target that is no whole blocks",
       [](FfuContent& c) { c.stores[0].description.min_sector_count = 513; }},
      {"sectors of 520 bytes", [](FfuContent& c) { c.stores[0].description.sector_size = 520; }},
      {"a block outside of the disk", [](FfuContent& c) { c.stores[0].phases[1].blocks[0].index = 64; }},
      {"phases out of order", [](FfuContent& c) { std::swap(c.stores[0].phases[0], c.stores[0].phases[2]); }},
      {"a phase twice", [](FfuContent& c) { c.stores[0].phases[1].kind = Kind::final_table; }},
      {"nobody who fills", [](FfuContent& c) { c.stores[0].fill = {}; }},
  };
  for (const auto& row : rows) {
    auto content = content_with(3);
    row.change(content);
    const auto made = write_ffu(path_, content, unsigned_catalog);
    ASSERT_FALSE(made) << row.name;
    EXPECT_EQ(made.error().code, errc::ffu_unwritable) << row.name;
    EXPECT_FALSE(std::filesystem::exists(path_)) << row.name;
  }
}

/// A file cut at any border, and around it, is refused when it is opened.
TEST_F(WriteFfu, AFileCutAnywhereIsRefused) {
  const auto made = write_ffu(path_, content_with(5), unsigned_catalog);
  ASSERT_TRUE(made);
  const auto whole = bytes_of_file(path_);
  std::vector<std::size_t> cuts{0, 1, 31, 32, 33, 359, 360, 361};
  for (std::size_t border = block_size; border <= whole.size(); border += block_size) {
    cuts.insert(cuts.end(), {border - 1, border, border + 1});
  }
  for (const std::size_t cut : cuts) {
    if (cut >= whole.size()) continue;
    std::filesystem::resize_file(path_, cut);
    const auto image = open(path_);
    ASSERT_FALSE(image) << cut;
    EXPECT_EQ(image.error().code, errc::truncated) << "cut at " << cut << ": " << image.error().detail;
    std::ofstream{path_, std::ios::binary}.write(reinterpret_cast<const char*>(whole.data()),
                                                 static_cast<std::streamsize>(whole.size()));
  }
}

class ReplaceCatalog : public WriteFfu {
 protected:
  void SetUp() override {
    identity_ = fakes::make_identity({.name = "Line Signer"});
    std::ofstream{folder_ / "key.pem"} << fakes::pem_of(identity_.key.get());
    std::ofstream{folder_ / "cert.pem"} << fakes::pem_of(identity_.certificate.get());
    auto signer = Signer::load({.key = folder_ / "key.pem", .certificate = folder_ / "cert.pem"});
    ASSERT_TRUE(signer) << signer.error().detail;
    signer_ = std::make_unique<Signer>(std::move(*signer));
  }
  MakeCatalog signed_catalog() const {
    return [this](std::span<const std::byte> table) {
      return signer_->sign(build_catalog(table, {.this_update = fakes::test_now}), fakes::test_now);
    };
  }
  OpenOptions trusting() const {
    OpenOptions options;
    options.trust.anchors = {{.pem = fakes::pem_of(identity_.certificate.get()), .name = "line"}};
    options.trust.clock = {.kind = ClockPolicy::Kind::fixed, .at = fakes::test_now};
    return options;
  }

  fakes::Identity identity_;
  std::unique_ptr<Signer> signer_;
};

TEST_F(ReplaceCatalog, AnImageIsSignedAsItIsWritten) {
  ASSERT_TRUE(write_ffu(path_, content_with(5), signed_catalog()));
  const auto image = open_ffu(FileHandle{::open(path_.c_str(), O_RDONLY)}, path_, trusting());
  ASSERT_TRUE(image) << image.error().detail;
  EXPECT_TRUE(image->facts.trust.is_signed);
  EXPECT_EQ(image->facts.trust.anchor, "line");
}

TEST_F(ReplaceCatalog, OnlyTheSecurityRegionChanges) {
  const auto made = write_ffu(path_, content_with(5), unsigned_catalog);
  ASSERT_TRUE(made);
  const auto before = bytes_of_file(path_);
  ASSERT_FALSE(open_ffu(FileHandle{::open(path_.c_str(), O_RDONLY)}, path_, trusting()));
  const auto replaced = replace_catalog(path_, path_, signed_catalog());
  ASSERT_TRUE(replaced) << replaced.error().detail;
  EXPECT_EQ(replaced->table_digest, made->table_digest);
  const auto after = bytes_of_file(path_);
  const std::vector body(before.begin() + block_size, before.end());
  EXPECT_EQ(std::vector(after.end() - static_cast<std::ptrdiff_t>(body.size()), after.end()), body);
  const auto image = open_ffu(FileHandle{::open(path_.c_str(), O_RDONLY)}, path_, trusting());
  ASSERT_TRUE(image) << image.error().detail;
  EXPECT_TRUE(image->facts.trust.is_signed);
}

TEST_F(ReplaceCatalog, NobodySignsADamagedImage) {
  ASSERT_TRUE(write_ffu(path_, content_with(5), unsigned_catalog));
  auto bytes = bytes_of_file(path_);
  bytes[bytes.size() - 1] ^= std::byte{1};
  std::ofstream{path_, std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                               static_cast<std::streamsize>(bytes.size()));
  const auto replaced = replace_catalog(path_, folder_ / "out.ffu", signed_catalog());
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, errc::chunk_hash);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.ffu"));
}

TEST_F(ReplaceCatalog, APinnedFileMustBeThatFile) {
  ASSERT_TRUE(write_ffu(path_, content_with(5), unsigned_catalog));
  auto options = unsigned_allowed();
  options.trust.file_digest = sha256(bytes_of_file(path_));
  EXPECT_TRUE(open_ffu(FileHandle{::open(path_.c_str(), O_RDONLY)}, path_, options));
  (*options.trust.file_digest)[0] ^= std::byte{1};
  const auto image = open_ffu(FileHandle{::open(path_.c_str(), O_RDONLY)}, path_, options);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, errc::file_digest);
}

TEST_F(ReplaceCatalog, ACompressedImageIsCopiedAndChecked) {
  auto fake = fakes::smallest_v1c();
  const auto write = [this](const fakes::Bytes& bytes) {
    std::ofstream{path_, std::ios::binary}.write(reinterpret_cast<const char*>(bytes.data()),
                                                 static_cast<std::streamsize>(bytes.size()));
  };
  write(fake.build());
  EXPECT_TRUE(replace_catalog(path_, folder_ / "out.ffu", signed_catalog()));
  fake.corrupt = [](fakes::Bytes& body) { body.back() ^= std::byte{1}; };
  write(fake.build());
  const auto replaced = replace_catalog(path_, folder_ / "bad.ffu", signed_catalog());
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, errc::chunk_hash);
}

}  // namespace
}  // namespace flashline::imaging
