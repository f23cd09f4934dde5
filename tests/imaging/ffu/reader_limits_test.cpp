// Known readers of full flash update images get things wrong (ffu-format.md section 9). Each is simulated here with its
// own arithmetic, over what the writer makes at every length near a border; none may end up with another disk.

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <vector>

#include "imaging/ffu/write_ffu.h"
#include "tests/fakes/ffu_builder.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

using fakes::Bytes;

constexpr std::uint32_t block = 1024;
constexpr std::uint32_t disk_blocks = 160;

/// How a reader departs from the format.
struct Reader {
  const char* name;
  bool forgets_security_header = false;  ///< region = align(catalog + table)
  bool always_pads = false;              ///< a whole chunk where no padding is needed
  bool skips_initial_table = false;
  enum class End { exact, as_begin, ignored } end = End::exact;
  bool one_location = false;  ///< entries with exactly one location and one block
  bool wants_exact_size = false;
};

constexpr Reader readers[] = {
    {.name = "microsoft", .always_pads = true},
    {.name = "uuu", .forgets_security_header = true, .skips_initial_table = true},
    {.name = "ffu2img", .always_pads = true, .end = Reader::End::as_begin, .one_location = true},
    {.name = "img2ffu"},
    {.name = "wpinternals", .end = Reader::End::ignored, .wants_exact_size = true},
};

class File {
 public:
  explicit File(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    text_.assign(std::istreambuf_iterator<char>{in}, {});
  }
  std::uint64_t u32(std::uint64_t at) const {
    std::uint64_t value = 0;
    for (int i = 3; i >= 0; --i)
      value = value * 256 + static_cast<unsigned char>(text_.at(at + static_cast<std::size_t>(i)));
    return value;
  }
  std::string text(std::uint64_t at, std::size_t count) const { return text_.substr(at, count); }
  std::uint64_t size() const { return text_.size(); }

 private:
  std::string text_;
};

std::uint64_t padded(std::uint64_t length, bool always) {
  return length % block == 0 && !always ? length : (length / block + 1) * block;
}

/// The disk that `reader` makes of a V1 image, or what it complains of.
struct Simulation {
  std::string disk = std::string(std::size_t{disk_blocks} * block, '\0');
  std::string complaint;
};

Simulation simulate(const File& file, const Reader& reader) {
  Simulation out;
  const std::uint64_t security = file.u32(24) + file.u32(28) + (reader.forgets_security_header ? 0 : 32);
  std::uint64_t at = padded(security, reader.always_pads);
  if (file.text(at + 4, 12) != "ImageFlash  ") return out.complaint = "no image header", out;
  at += padded(24 + file.u32(at + 16), reader.always_pads);
  const std::uint64_t header = at;
  if (file.u32(header + 204) != block) return out.complaint = "no store header", out;
  const std::uint64_t entries = file.u32(header + 208);
  std::uint64_t data = header + padded(248 + file.u32(header + 212), reader.always_pads);
  std::uint64_t entry = header + 248 + file.u32(header + 220);
  for (std::uint64_t i = 0; i < entries; ++i, data += block) {
    const std::uint64_t locations = file.u32(entry);
    if (reader.one_location && locations != 1) return out.complaint = "several locations", out;
    if (file.u32(entry + 4) != 1) return out.complaint = "several blocks", out;
    entry += 8;
    for (std::uint64_t l = 0; l < locations; ++l, entry += 8) {
      if (reader.skips_initial_table && i < file.u32(header + 228)) continue;
      const bool from_end = file.u32(entry) == 2;
      if (from_end && reader.end == Reader::End::ignored) continue;
      const bool count_back = from_end && reader.end == Reader::End::exact;
      const std::uint64_t index = file.u32(entry + 4);
      const std::uint64_t place = count_back ? disk_blocks - 1 - index : index;
      out.disk.replace(place * block, block, file.text(data, block));
    }
  }
  if (reader.wants_exact_size && data != file.size()) out.complaint = "the file has another size";
  return out;
}

/// `data` blocks between the tables, as an import makes them.
FfuContent content_with(std::uint32_t data) {
  FfuStore store;
  store.description.min_sector_count = std::uint64_t{disk_blocks} * block / 512;
  store.fill = [](const FfuBlock& at, std::span<std::byte> out) -> Status {
    std::ranges::copy(fakes::fake_block(at.index + 1, out.size()), out.begin());
    return {};
  };
  store.phases.push_back(
      {Phase::Kind::initial_table, {{.anchor = Place::Anchor::end, .zeros = true}, {.zeros = true}}});
  FfuPhase middle{Phase::Kind::data, {}};
  for (std::uint32_t i = 1; i <= data; ++i) middle.blocks.push_back({.index = i});
  store.phases.push_back(middle);
  store.phases.push_back({Phase::Kind::final_table, {{.index = 0}, {.index = disk_blocks - 1}}});
  FfuContent content;
  content.block_size = block;
  content.stores = {store};
  return content;
}

std::string expected_disk(const FfuContent& content) {
  std::string disk(std::size_t{disk_blocks} * block, '\0');
  for (const auto& phase : content.stores[0].phases) {
    for (const auto& at : phase.blocks) {
      if (at.zeros) continue;
      const Bytes bytes = fakes::fake_block(at.index + 1, block);
      std::ranges::transform(bytes, disk.begin() + std::int64_t{at.index} * block,
                             [](std::byte b) { return std::to_integer<char>(b); });
    }
  }
  return disk;
}

/// A catalog of any length: what these readers do not look into.
MakeCatalog catalog_of(std::size_t size) {
  return [size](std::span<const std::byte>) -> Result<Bytes> { return Bytes(size, std::byte{0x30}); };
}

class ReaderLimits : public testing::Test {
 protected:
  void expect_understood(const FfuContent& content, std::size_t catalog_size, const std::string& where) {
    const auto made = write_ffu(path_, content, catalog_of(catalog_size));
    ASSERT_TRUE(made) << made.error().detail;
    const File file{path_};
    for (const auto& reader : readers) {
      const auto found = simulate(file, reader);
      ASSERT_EQ(found.complaint, "") << reader.name << ": " << where;
      ASSERT_TRUE(found.disk == expected_disk(content)) << reader.name << ": " << where;
    }
  }

  fakes::TempFolder folder_{"/dev/shm"};
  std::filesystem::path path_ = folder_ / "image.ffu";
};

/// A descriptor has 16 bytes, so the store's metadata ends on a border at some number of blocks.
TEST_F(ReaderLimits, WhereverTheDescriptorsEnd) {
  for (std::uint32_t data = 0; data < 140; ++data) {
    expect_understood(content_with(data), 328, std::to_string(data) + " blocks");
  }
}

TEST_F(ReaderLimits, WhereverTheSecurityRegionEnds) {
  const auto content = content_with(3);
  for (std::size_t size = 300; size < 300 + block + 8; ++size) {
    expect_understood(content, size, "catalog of " + std::to_string(size) + " bytes");
  }
}

TEST_F(ReaderLimits, WhereverTheManifestEnds) {
  auto content = content_with(3);
  for (std::size_t size = 1; size < block + 8; ++size) {
    content.manifest.description = std::string(size, 'x');
    expect_understood(content, 328, "description of " + std::to_string(size) + " bytes");
  }
}

/// Device paths are the trouble with V2: some count their characters instead of bytes, some take them for one
/// character.
TEST(ReaderLimitsV2, NoBorderLiesBetweenTheRightLengthAndTheWrongOnes) {
  const fakes::TempFolder folder{"/dev/shm"};
  const auto path = folder / "image.ffu";
  for (std::uint32_t data = 0; data < 140; ++data) {
    auto content = content_with(data);
    content.version = FfuVersion::v2;
    content.stores[0].description.device_path = "VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)";
    ASSERT_TRUE(write_ffu(path, content, catalog_of(328)));
    const File file{path};
    std::uint64_t at = padded(32 + file.u32(24) + file.u32(28), false);
    at += padded(24 + file.u32(at + 16), false);
    const std::uint64_t characters = content.stores[0].description.device_path.size();
    const std::uint64_t entries = file.u32(at + 212);
    const std::uint64_t right = padded(248 + 14 + 2 * characters + entries, false);
    EXPECT_EQ(right, padded(248 + 14 + 2 * characters + entries, true)) << data;
    EXPECT_EQ(right, padded(248 + 14 + characters + entries, false)) << "Microsoft's estimate, " << data;
    EXPECT_EQ(right, padded(248 + 14 + 2 + entries, false)) << "UUU, " << data;
  }
}

/// The walk has teeth: what ends near a border fools the readers that it should fool.
TEST(ReaderLimitsSelf, ABorderIsNoticed) {
  const fakes::TempFolder folder;
  const auto file_with = [&folder](std::size_t left) {
    auto image = fakes::smallest_v1();
    image.chunk_kib = 1;
    image.stores[0].block_size = block;
    for (auto& entry : image.stores[0].entries) entry.data.resize(block);
    const std::size_t catalog = 4 * block - 32 - image.hash_table().size() - left;
    image.make_catalog = [catalog](std::span<const std::byte>) { return Bytes(catalog); };
    const Bytes bytes = image.build();
    std::ofstream out{folder / "image.ffu", std::ios::binary};
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    out.close();
    return File{folder / "image.ffu"};
  };
  EXPECT_EQ(simulate(file_with(200), {.name = "right"}).complaint, "");
  EXPECT_EQ(simulate(file_with(0), {.name = "right"}).complaint, "");
  EXPECT_EQ(simulate(file_with(0), {.name = "pads", .always_pads = true}).complaint, "no image header");
  EXPECT_EQ(simulate(file_with(block - 16), {.name = "forgets", .forgets_security_header = true}).complaint,
            "no image header");
}

}  // namespace
}  // namespace flashline::imaging
