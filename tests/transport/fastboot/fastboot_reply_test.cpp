#include "transport/fastboot/fastboot_reply.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/fastboot.h"

namespace flashline::transport {
namespace {

using Kind = FastbootReply::Kind;

struct Row {
  const char* name;
  std::string packet;
  Kind kind;
  std::string text;
  std::uint32_t size = 0;
};
class Reply : public ::testing::TestWithParam<Row> {};

Result<FastbootReply> parsed(std::string_view packet) { return parse_fastboot_reply(std::as_bytes(std::span{packet})); }

TEST_P(Reply, IsUnderstood) {
  const auto& row = GetParam();
  const auto reply = parsed(row.packet);
  ASSERT_TRUE(reply) << to_text(reply.error());
  EXPECT_EQ(reply->kind, row.kind);
  EXPECT_EQ(reply->text, row.text);
  EXPECT_EQ(reply->size, row.size);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Reply,
    ::testing::Values(Row{"okay", "OKAY", Kind::okay, ""}, Row{"okay_with_value", "OKAY0.4", Kind::okay, "0.4"},
                      Row{"info", "INFOwriting 'mmcblk0'\n", Kind::line, "writing 'mmcblk0'"},
                      Row{"text", "TEXTpart", Kind::line, "part"}, Row{"data", "DATA0001ff00", Kind::data, "", 0x1ff00},
                      Row{"data_in_capitals", "DATAFFFFFFFF", Kind::data, "", 0xffff'ffff},
                      Row{"data_padded", std::string{"DATA00000010\0\0\0\0", 16}, Kind::data, "", 16},
                      Row{"fail", "FAILno such partition", Kind::fail, "no such partition"},
                      Row{"fail_with_garbage", std::string{"FAIL\x1b[2J\0\xff\xfe ok\x07", 15}, Kind::fail,
                          "?[2J??? ok?"},
                      Row{"fail_with_nothing", std::string{"FAIL\0\0\0", 7}, Kind::fail, ""},
                      Row{"fail_too_long", "FAIL" + std::string(4000, 'x'), Kind::fail, std::string(512, 'x')}),
    [](const auto& row) { return row.param.name; });

TEST(FastbootReply, OfAnotherFormIsRefused) {
  for (const std::string_view odd : {"", "OK", "okay", "NOPE", "DATA", "DATA1", "DATA000000000", "DATA0000001g",
                                     "DATA-0000001", "DATA0x000010", "\xa5\xa5\xa5\xa5\xa5"}) {
    const auto reply = parsed(odd);
    ASSERT_FALSE(reply) << odd;
    EXPECT_EQ(reply.error().code, errc::fastboot_reply);
  }
}

TEST(FastbootReply, NumbersAreHexOrDecimal) {
  EXPECT_EQ(parse_fastboot_number("0x10000000"), 0x10000000U);
  EXPECT_EQ(parse_fastboot_number("0X1f"), 31U);
  EXPECT_EQ(parse_fastboot_number(" 268435456\n"), 268435456U);
  EXPECT_EQ(parse_fastboot_number("0x0000000100000000"), 0x1'0000'0000U);
  for (const char* none : {"", "0x", "x", "12f", "-1", "0x-1", "1 2", "99999999999999999999", "0x10000000000000000"}) {
    EXPECT_EQ(parse_fastboot_number(none), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace flashline::transport
