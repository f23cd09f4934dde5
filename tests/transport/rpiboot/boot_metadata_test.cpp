#include "transport/rpiboot/boot_metadata.h"

#include <gtest/gtest.h>

namespace flashline::transport {
namespace {

TEST(BootMetadata, IsInNamesBetweenStars) {
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(read_metadata_name("*MAC_ADDR*DC:A6:32:01:02:03"), (Pair{"MAC_ADDR", "DC:A6:32:01:02:03"}));
  EXPECT_EQ(read_metadata_name("*JTAG_LOCKED*"), (Pair{"JTAG_LOCKED", ""}));
  EXPECT_EQ(read_metadata_name("*A*b*c"), (Pair{"A", "b*c"}));
  EXPECT_EQ(read_metadata_name("*KEY\x01*va\nlue"), (Pair{"KEY?", "va?lue"}));
  for (const char* none : {"", "*", "**", "**x", "*KEY", "config.txt"})
    EXPECT_EQ(read_metadata_name(none), std::nullopt);
}

TEST(BootMetadata, DecodesTheFactoryId) {
  // Made by an encoder of its own: three digits to base 40 a half word, low half first.
  EXPECT_EQ(decode_factory_uuid("cb4e7ab7_197c1d4b"), "FLASH10NE0");
  EXPECT_EQ(decode_factory_uuid("59e9"), "ABC");
  EXPECT_EQ(decode_factory_uuid("4b1f3a2c_19e65d0a_0_77777777"), "5878QAVD01P");
  EXPECT_EQ(read_metadata_name("*FACTORY_UUID*59e9")->second, "ABC");
  EXPECT_EQ(read_metadata_name("*FACTORY_UUID*none")->second, "none");
}

TEST(BootMetadata, KeepsTheFactoryIdInItsBounds) {
  EXPECT_EQ(decode_factory_uuid("0"), "");
  EXPECT_EQ(decode_factory_uuid("0_11111111"), "");
  EXPECT_EQ(decode_factory_uuid(""), "");
  EXPECT_EQ(decode_factory_uuid("123456789"), std::nullopt);
  EXPECT_EQ(decode_factory_uuid("12_zz"), std::nullopt);
  EXPECT_EQ(decode_factory_uuid("-1"), std::nullopt);
  EXPECT_EQ(decode_factory_uuid("0000ffff"), "?YA");
  std::string endless = "ed2eed2e";
  for (int i = 0; i < 50; ++i) endless += "_ed2eed2e";
  EXPECT_EQ(decode_factory_uuid(endless)->size(), 36U);
}

}  // namespace
}  // namespace flashline::transport
