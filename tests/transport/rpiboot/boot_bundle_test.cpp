#include "transport/rpiboot/boot_bundle.h"

#include <gtest/gtest.h>

#include "tests/fakes/tar_builder.h"

namespace flashline::transport {
namespace {

using tests::bytes_of;
using tests::tar_of;
using tests::TarEntry;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(BootBundle, GivesItsFilesInTheirOrder) {
  const std::string tar =
      tar_of({{.name = "2711/", .type = '5'},
              {.name = "2711/mcb.bin", .content = "memory"},
              {.name = "./2712/bootsys", .content = std::string(700, 's'), .type = '\0'},
              {.name = "empty", .prefix = "2711/deep"},
              {.name = "2711/gnu", .content = "g", .magic = std::string{"ustar  \0", 8}, .prefix = "12345"},
              {.name = "head", .content = "20 mtime=1700000000\n", .type = 'x'}});
  const auto files = read_bundle(bytes_of(tar));
  ASSERT_TRUE(files) << to_text(files.error());
  ASSERT_EQ(files->size(), 4U);
  EXPECT_EQ(files->at(0).name, "2711/mcb.bin");
  EXPECT_EQ(text_of(files->at(0).content), "memory");
  EXPECT_EQ(files->at(1).name, "2712/bootsys");
  EXPECT_EQ(files->at(1).content.size(), 700U);
  EXPECT_EQ(files->at(2).name, "2711/deep/empty");
  EXPECT_EQ(files->at(3).name, "2711/gnu");
}

struct Damage {
  const char* name;
  std::string tar;
  std::string_view code;
};
class DamagedBundle : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedBundle, IsRefused) {
  const auto files = read_bundle(bytes_of(GetParam().tar));
  ASSERT_FALSE(files);
  EXPECT_EQ(code_of(files.error().code), GetParam().code);
}

const TarEntry good{.name = "2711/mcb.bin", .content = "memory"};

INSTANTIATE_TEST_SUITE_P(
    Table, DamagedBundle,
    ::testing::Values(
        Damage{"climbs_out", tar_of({good, {.name = "2711/../../etc/passwd"}}), "FL-RPI-031"},
        Damage{"climbs_out_by_its_prefix", tar_of({{.name = "x", .prefix = "../a"}}), "FL-RPI-031"},
        Damage{"absolute", tar_of({{.name = "/etc/passwd"}}), "FL-RPI-031"},
        Damage{"nameless", tar_of({{.name = ""}}), "FL-RPI-031"},
        Damage{"backslash", tar_of({{.name = "2711\\mcb.bin"}}), "FL-RPI-031"},
        Damage{"control_character", tar_of({{.name = "2711/a\nb"}}), "FL-RPI-031"},
        Damage{"symbolic_link", tar_of({{.name = "a", .type = '2'}}), "FL-RPI-030"},
        Damage{"hard_link", tar_of({{.name = "a", .type = '1'}}), "FL-RPI-030"},
        Damage{"device", tar_of({{.name = "a", .type = '3'}}), "FL-RPI-030"},
        Damage{"long_name", tar_of({{.name = "././@LongLink", .content = "x", .type = 'L'}}), "FL-RPI-030"},
        Damage{"renamed_by_extension", tar_of({{.name = "h", .content = "19 path=../../x.bin\n", .type = 'x'}}),
               "FL-RPI-030"},
        Damage{"size_past_the_end", tar_of({{.name = "a", .size = "00000100000"}}), "FL-RPI-030"},
        Damage{"huge_size", tar_of({{.name = "a", .size = "777777777777"}}), "FL-RPI-030"},
        Damage{"size_in_base_256", tar_of({{.name = "a", .size = std::string{"\x80\0\0\0\0\0\0\0\0\0\0\1", 12}}}),
               "FL-RPI-030"},
        Damage{"no_size", tar_of({{.name = "a", .size = "           "}}), "FL-RPI-030"},
        Damage{"wrong_sum", tar_of({{.name = "a", .sum_error = 1}}), "FL-RPI-030"},
        Damage{"no_archive", std::string(2048, 'x'), "FL-RPI-030"},
        Damage{"cut", tar_of({good}).substr(0, 515), "FL-RPI-030"},
        Damage{"no_end_mark", tar_of({good}, false), "FL-RPI-030"}, Damage{"empty", "", "FL-RPI-030"}),
    [](const auto& row) { return row.param.name; });

TEST(BootBundle, NamesStayInside) {
  for (const char* inside : {"boot.img", "2711/mcb.bin", "a..b", "..."}) EXPECT_TRUE(is_inside_name(inside)) << inside;
  for (const char* outside : {"", "/", "/a", "a/", "..", "a/..", "../a", "a//b", ".", "./a", "a\\b", "a\x7f"}) {
    EXPECT_FALSE(is_inside_name(outside)) << outside;
  }
  EXPECT_FALSE(is_inside_name(std::string(256, 'a')));
}

}  // namespace
}  // namespace flashline::transport
