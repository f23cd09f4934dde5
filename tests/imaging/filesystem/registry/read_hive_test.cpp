#include "imaging/filesystem/registry/read_hive.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/filesystem/registry/build_hive.h"
#include "imaging/filesystem/registry/hive_format.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"
#include "tests/imaging/filesystem/registry/hives.h"

namespace flashline::imaging {
namespace {

using fakes::every_kind;
using fakes::hivex_lines;
using fakes::lines_of;
using fakes::noon;
using fakes::number_value;
using flashline::fakes::TempFolder;

std::vector<std::byte> built(const RegistryTree& tree) { return build_hive(tree, "SYSTEM", noon).value(); }

TEST(ReadHive, gives_back_what_was_built) {
  const RegistryTree tree = every_kind();
  const auto hive = built(tree);
  const auto read = read_hive(hive, "p");
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(fakes::difference(lines_of(*read), lines_of(tree)), "");
  EXPECT_EQ(read->descriptors(), tree.descriptors());
  EXPECT_EQ(read->writer(*read->find("Software\\Contoso", "text")), "p");
  EXPECT_TRUE(built(*read) == hive) << "and writing it again gives the same bytes";
}

TEST(ReadHive, keeps_class_names_links_and_descriptors) {
  TreeKey root;
  root.name = u"CMI-CreateHive";
  root.keys[u"LSA"] = std::make_unique<TreeKey>();
  TreeKey& lsa = *root.keys[u"LSA"];
  lsa.name = u"Lsa";
  lsa.class_name = fakes::wide(u"abcd");
  lsa.flags = hive::key_flag::symbolic_link;
  lsa.security = 1;
  const RegistryTree tree{std::move(root), {fakes::bytes_of("first"), fakes::bytes_of("second")}, "p"};
  auto read = read_hive(built(tree), "p");
  ASSERT_TRUE(read) << read.error().detail;
  ASSERT_TRUE(read->merge("lsa\\new", {}, "q"));
  EXPECT_EQ(read->root().name, u"CMI-CreateHive");
  const TreeKey* const key = read->find("Lsa");
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(key->class_name, fakes::wide(u"abcd"));
  EXPECT_EQ(key->flags, hive::key_flag::symbolic_link);
  EXPECT_EQ(read->descriptors()[key->security], fakes::bytes_of("second"));
  EXPECT_EQ(read->find("Lsa\\new")->security, key->security) << "a new key is as safe as the one above it";
}

TEST(ReadHive, reads_what_libhivex_wrote) {
  const TempFolder folder;
  const auto file = folder.file("hive", fakes::as_text(built(every_kind())));
  folder.file("commands",
              "cd \\Software\nadd Made\ncd Made\nsetval "
              "3\n@\nstring:default\nnumber\ndword:0x12\nlist\nhex:7:61,00,00,00,00,00\n"
              "commit\n");
  ASSERT_EQ(run_tool("hivexsh -w -f " + (folder / "commands").string() + " " + file.string()).output, "");
  const auto read = read_hive(fakes::file_bytes(file), "p");
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(fakes::difference(lines_of(*read), hivex_lines(file)), "");
  EXPECT_NE(read->find("Software\\Made", "number"), nullptr);
}

TEST(ReadHive, takes_merges_on_top) {
  const TempFolder folder;
  auto tree = read_hive(built(every_kind()), "base");
  ASSERT_TRUE(tree);
  ASSERT_TRUE(tree->merge("SOFTWARE\\Contoso", std::vector{number_value("number", 7)}, "package"));
  EXPECT_THAT(tree->conflicts(),
              ::testing::ElementsAre(RegistryConflict{"SOFTWARE\\Contoso", "number", "base", "package"}));
  EXPECT_EQ(fakes::difference(hivex_lines(folder.file("hive", fakes::as_text(built(*tree)))), lines_of(*tree)), "");
}

/// A small hive and where its records are: root -> "K" -> values "small", "large", "huge".
struct Small {
  std::vector<std::byte> bytes;

  Small() {
    RegistryTree tree;
    (void)tree.merge("K",
                     std::vector{number_value("small", 1),
                                 {"large", RegistryType::binary, fakes::pattern(64)},
                                 {"huge", RegistryType::binary, fakes::pattern(20000)}},
                     "p");
    bytes = built(tree);
  }
  std::uint32_t field(std::uint32_t cell, std::size_t at) const {
    return load32(std::span{bytes}.subspan(hive::block_size + cell + 4 + at));
  }
  void set(std::uint32_t cell, std::size_t at, std::uint32_t value) {
    store32(std::span{bytes}.subspan(hive::block_size + cell + 4 + at), value);
  }
  void header(std::size_t at, std::uint32_t value) {
    store32(std::span{bytes}.subspan(at), value);
    store32(std::span{bytes}.subspan(508), hive::checksum(bytes));
  }
  std::uint32_t root() const { return load32(std::span{bytes}.subspan(36)); }
  std::uint32_t keys() const { return field(root(), 28); }
  std::uint32_t key() const { return field(keys(), 4); }
  std::uint32_t values() const { return field(key(), 40); }
  std::uint32_t value(std::size_t n) const { return field(values(), 4 * n); }  // huge, large, small
  std::uint32_t security() const { return field(root(), 44); }
};

struct Damage {
  const char* name;
  void (*apply)(Small&);
  Errc code;
  const char* message;
};
class ReadHiveRefuses : public ::testing::TestWithParam<Damage> {};

TEST_P(ReadHiveRefuses, a_damaged_field) {
  Small hive;
  ASSERT_TRUE(read_hive(hive.bytes, "p"));
  GetParam().apply(hive);
  const auto read = read_hive(hive.bytes, "p");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, GetParam().code);
  EXPECT_THAT(read.error().detail, ::testing::StartsWith(std::string{"p: "} + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    ReadHive, ReadHiveRefuses,
    ::testing::Values(
        Damage{"short_file", [](Small& h) { h.bytes.resize(8191); }, errc::hive_damaged, "this is no registry hive"},
        Damage{"signature", [](Small& h) { h.bytes[0] = {}; }, errc::hive_damaged, "this is no registry hive"},
        Damage{"checksum", [](Small& h) { h.bytes[48] ^= std::byte{1}; }, errc::hive_damaged,
               "the header's checksum is wrong"},
        Damage{"major", [](Small& h) { h.header(20, 2); }, errc::hive_version, "format 2.5"},
        Damage{"old_minor", [](Small& h) { h.header(24, 2); }, errc::hive_version, "format 1.2"},
        Damage{"new_minor", [](Small& h) { h.header(24, 7); }, errc::hive_version, "format 1.7"},
        Damage{"dirty", [](Small& h) { h.header(4, 2); }, errc::hive_dirty, "sequence numbers 2 and 1"},
        Damage{"no_bins", [](Small& h) { h.header(40, 0); }, errc::hive_damaged, "its bins are 0 bytes"},
        Damage{"half_bin", [](Small& h) { h.header(40, 4097); }, errc::hive_damaged, "its bins are 4097 bytes"},
        Damage{"cut_off", [](Small& h) { h.bytes.resize(h.bytes.size() - 1); }, errc::hive_damaged, "its bins are"},
        Damage{"bin_signature", [](Small& h) { h.bytes[4096] = {}; }, errc::hive_damaged, "no hive bin at offset 0x1000"},
        Damage{"bin_offset", [](Small& h) { h.bytes[4100] = std::byte{1}; }, errc::hive_damaged,
               "no hive bin at offset 0x1000"},
        Damage{"bin_size", [](Small& h) { h.bytes[4104] = std::byte{1}; }, errc::hive_damaged,
               "a bin of impossible size at offset 0x1000"},
        Damage{"endless_bin", [](Small& h) { h.bytes[4107] = std::byte{0x7F}; }, errc::hive_damaged,
               "a bin of impossible size at offset 0x1000"},
        Damage{"root_outside", [](Small& h) { h.header(36, 0x7FFFFFF8); }, errc::hive_damaged, "no key at offset"},
        Damage{"root_odd", [](Small& h) { h.header(36, h.root() + 4); }, errc::hive_damaged, "no key at offset"},
        Damage{"root_in_bin_header", [](Small& h) { h.header(36, 8); }, errc::hive_damaged, "no key at offset 0x1008"},
        Damage{"free_cell", [](Small& h) { h.set(h.key() - 4, 0, 0x60); }, errc::hive_damaged,
               "a key in a cell that is free"},
        Damage{"small_cell", [](Small& h) { h.set(h.key() - 4, 0, 0xFFFFFFF0); }, errc::hive_damaged,
               "a key in a cell that is too small"},
        Damage{"endless_cell", [](Small& h) { h.set(h.key() - 4, 0, 0x80000000); }, errc::hive_damaged, "half a key"},
        Damage{"key_signature", [](Small& h) { h.set(h.key(), 0, 0); }, errc::hive_damaged, "no key"},
        Damage{"key_name_size", [](Small& h) { h.set(h.key(), 72, 0xFF); }, errc::hive_damaged, "no key"},
        Damage{"key_without_name", [](Small& h) { h.set(h.key(), 72, 0); }, errc::hive_damaged,
               "a key with an impossible name"},
        Damage{"key_name_with_backslash", [](Small& h) { h.set(h.key(), 76, '\\'); }, errc::hive_damaged,
               "a key with an impossible name"},
        Damage{"half_a_character", [](Small& h) { h.set(h.key(), 0, 0x6B6E); }, errc::hive_damaged,
               "a name of half a character"},
        Damage{"key_loop", [](Small& h) { h.set(h.keys(), 4, h.root()); }, errc::hive_damaged, "a key that is used twice"},
        Damage{"key_count", [](Small& h) { h.set(h.root(), 20, 2); }, errc::hive_damaged,
               "a key of 2 keys whose list has 1"},
        Damage{"key_list", [](Small& h) { h.set(h.keys(), 0, 0x0001786C); }, errc::hive_damaged, "no list of keys"},
        Damage{"key_list_count", [](Small& h) { h.set(h.keys(), 0, 0xFFFF686C); }, errc::hive_damaged, "no list of keys"},
        Damage{"index_in_itself", [](Small& h) { h.set(h.keys(), 0, 0x00016972), h.set(h.keys(), 4, h.keys()); },
               errc::hive_damaged, "a list of keys that is used twice"},
        Damage{"class_name", [](Small& h) { h.set(h.key(), 48, h.key()), h.set(h.key(), 72, 0x00100001); },
               errc::hive_damaged, "a class name that is used twice"},
        Damage{"security_outside", [](Small& h) { h.set(h.key(), 44, 0xFFFFFFF8); }, errc::hive_damaged,
               "no security descriptor"},
        Damage{"security_signature", [](Small& h) { h.set(h.security(), 0, 0); }, errc::hive_damaged,
               "no security descriptor"},
        Damage{"security_size", [](Small& h) { h.set(h.security(), 16, 0xFFFF); }, errc::hive_damaged,
               "no security descriptor"},
        Damage{"value_count", [](Small& h) { h.set(h.key(), 36, 0x7FFFFFFF); }, errc::hive_damaged,
               "a key with too many values"},
        Damage{"value_list", [](Small& h) { h.set(h.key(), 40, h.value(0)); }, errc::hive_damaged,
               "no value"},
        Damage{"value_signature", [](Small& h) { h.set(h.value(1), 0, 0); }, errc::hive_damaged, "no value"},
        Damage{"value_name_size", [](Small& h) { h.set(h.value(1), 0, 0xFFFF6B76); }, errc::hive_damaged, "no value"},
        Damage{"value_twice", [](Small& h) { h.set(h.values(), 4, h.value(0)); }, errc::hive_damaged,
               "a value that is used twice"},
        Damage{"inline_size", [](Small& h) { h.set(h.value(2), 4, 0x80000005); }, errc::hive_damaged,
               "a value with more data than fits in it"},
        Damage{"data_size", [](Small& h) { h.set(h.value(1), 4, 4096); }, errc::hive_damaged,
               "a value's data in a cell that is too small"},
        Damage{"data_of_another", [](Small& h) { h.set(h.value(1), 8, h.key()); }, errc::hive_damaged,
               "a value's data that is used twice"},
        Damage{"segments_signature", [](Small& h) { h.set(h.field(h.value(0), 8), 0, 0); }, errc::hive_damaged,
               "no large value's data"},
        Damage{"segment_count", [](Small& h) { h.set(h.value(0), 4, 16345 * 2); }, errc::hive_damaged,
               "no large value's data"},
        Damage{"segment_list", [](Small& h) { h.set(h.field(h.value(0), 8), 4, 0); }, errc::hive_damaged,
               "no list of segments"},
        Damage{"segment_twice",
               [](Small& h) {
                 const std::uint32_t list = h.field(h.field(h.value(0), 8), 4);
                 h.set(list, 4, h.field(list, 0));
               },
               errc::hive_damaged, "a segment of data that is used twice"}),
    [](const auto& row) { return row.param.name; });

TEST(ReadHive, survives_any_single_wrong_byte) {
  const Small hive;
  std::size_t refused = 0;
  for (std::size_t at = hive::block_size; at < hive.bytes.size(); at += at < 3 * hive::block_size ? 1 : 97) {
    auto bytes = hive.bytes;
    bytes[at] ^= std::byte{0xFF};
    refused += read_hive(bytes, "p") ? 0 : 1;
  }
  EXPECT_GT(refused, 100U);
}

TEST(ReadHive, refuses_two_names_that_differ_only_in_case) {
  RegistryTree tree;
  ASSERT_TRUE(tree.merge("Abc", std::vector{number_value("one", 1), number_value("onf", 1)}, "p"));
  ASSERT_TRUE(tree.merge("Abd", {}, "p"));
  const std::string hive = fakes::as_text(built(tree));
  for (const auto& [name, other] : {std::pair{"Abd", "aBC"}, std::pair{"onf", "ONE"}}) {
    std::string changed = hive;
    changed.replace(changed.find(name), 3, other);
    const auto read = read_hive(fakes::bytes_of(changed), "p");
    ASSERT_FALSE(read);
    EXPECT_THAT(read.error().detail, ::testing::HasSubstr("a second"));
  }
}

}  // namespace
}  // namespace flashline::imaging
