#include <gtest/gtest.h>
#include <string_view>
#include <vector>

#include "imaging/catalog/der_reader.h"
#include "imaging/catalog/der_writer.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/image.h"

namespace flashline::imaging::der {
namespace {

Bytes from(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

struct BrokenCase {
  const char* name;
  Bytes bytes;
};

class BrokenDer : public ::testing::TestWithParam<BrokenCase> {};

TEST_P(BrokenDer, IsRefused) {
  const Status status = check_tree(GetParam().bytes);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, errc::catalog_der) << status.error().detail;
}

Bytes nested(int depth) {
  Bytes inner = null();
  for (int i = 0; i < depth; ++i) inner = sequence({inner});
  return inner;
}

Bytes many_nulls(std::size_t count) {
  Bytes content;
  for (std::size_t i = 0; i < count; ++i) content.insert(content.end(), {std::byte{5}, std::byte{0}});
  return value(sequence_tag, content);
}

INSTANTIATE_TEST_SUITE_P(
    Der, BrokenDer,
    ::testing::Values(BrokenCase{"length_missing", from({0x30})}, BrokenCase{"indefinite", from({0x30, 0x80, 0, 0})},
                      BrokenCase{"long_form_for_short", from({0x30, 0x81, 0x02, 0x05, 0x00})},
                      BrokenCase{"leading_zero_length", from({0x30, 0x82, 0x00, 0x02, 0x05, 0x00})},
                      BrokenCase{"five_byte_length", from({0x30, 0x85, 0, 0, 0, 0, 0})},
                      BrokenCase{"length_digits_missing", from({0x30, 0x82, 0x01})},
                      BrokenCase{"past_the_end", from({0x30, 0x03, 0x05, 0x00})},
                      BrokenCase{"child_past_parent", from({0x30, 0x02, 0x04, 0x01, 0x00})},
                      BrokenCase{"trailing_byte", from({0x30, 0x00, 0x00})},
                      BrokenCase{"high_tag_number", from({0x30, 0x03, 0x1F, 0x20, 0x00})},
                      BrokenCase{"null_with_content", from({0x30, 0x03, 0x05, 0x01, 0x00})},
                      BrokenCase{"integer_empty", from({0x30, 0x02, 0x02, 0x00})},
                      BrokenCase{"integer_padded", from({0x30, 0x04, 0x02, 0x02, 0x00, 0x01})},
                      BrokenCase{"integer_sign_padded", from({0x30, 0x04, 0x02, 0x02, 0xFF, 0x80})},
                      BrokenCase{"boolean_not_canonical", from({0x30, 0x03, 0x01, 0x01, 0x01})},
                      BrokenCase{"oid_padded", from({0x30, 0x04, 0x06, 0x02, 0x80, 0x01})},
                      BrokenCase{"oid_unfinished", from({0x30, 0x03, 0x06, 0x01, 0x81})},
                      BrokenCase{"primitive_sequence", from({0x30, 0x02, 0x10, 0x00})},
                      BrokenCase{"constructed_octets", from({0x30, 0x02, 0x24, 0x00})},
                      BrokenCase{"too_deep", nested(34)}, BrokenCase{"too_many", many_nulls(65537)}),
    [](const auto& row) { return row.param.name; });

TEST(Der, TakesWhatItWrites) {
  const Bytes bytes = sequence({integer(0), integer(127), integer(128), integer(0x200), null(), bmp("a"),
                                octets(Bytes(300)), time(0), set({oid("1.2.840.113549.1.7.2")})});
  EXPECT_TRUE(check_tree(bytes));
  EXPECT_TRUE(check_tree(nested(32)));
  EXPECT_TRUE(check_tree(many_nulls(65000)));
}

TEST(Der, WritesIntegersInTheirShortestForm) {
  EXPECT_EQ(to_hex(integer(0)), "020100");
  EXPECT_EQ(to_hex(integer(128)), "02020080");
  EXPECT_EQ(to_hex(integer(0x200)), "02020200");
}

TEST(Der, ReadsObjectIdentifiersBack) {
  for (const std::string_view dotted : {"1.2.840.113549.1.7.2", "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26", "2.999.3"}) {
    const Bytes bytes = oid(dotted);
    EXPECT_EQ(Reader{bytes}.oid("test"), std::string{dotted});
  }
}

TEST(Der, ChoosesTheTimeFormByYear) {
  EXPECT_EQ(to_hex(time(0)), "170d3730303130313030303030305a");
  EXPECT_EQ(to_hex(time(2524608000)), "180f32303530303130313030303030305a");
}

TEST(Der, SortsSetsOf) { EXPECT_EQ(set_of({integer(2), integer(1)}), set({integer(1), integer(2)})); }

}  // namespace
}  // namespace flashline::imaging::der
