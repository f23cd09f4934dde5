#include "imaging/provisioning/unit_list.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/unit.h"
#include "imaging/provisioning/csv.h"

namespace flashline::imaging {
namespace {

TEST(UnitList, reads_every_column) {
  const auto list = parse_unit_list(
      "\xEF\xBB\xBFserial,mac.0,mac.1,hostname,colour\r\n"
      "A1,02-00-5e-10-00-00,02:00:5E:10:00:01,panel-1,\"dark, \"\"red\"\"\"\r\n"
      "\r\n"
      "A2,02:00:5E:10:00:02,02005E100003,panel-2,\"two\nlines\"\n",
      "units.csv");
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_THAT(list->columns, ::testing::ElementsAre("serial", "mac.0", "mac.1", "hostname", "colour"));
  ASSERT_EQ(list->units.size(), 2U);
  const ListedUnit& first = list->units[0];
  EXPECT_EQ(first.serial, "A1");
  EXPECT_EQ(first.hostname, "panel-1");
  EXPECT_EQ(to_text(first.macs.at(1)), "02:00:5E:10:00:01");
  EXPECT_EQ(first.fields.at("mac.0"), "02:00:5E:10:00:00") << "canonical";
  EXPECT_EQ(first.fields.at("colour"), "dark, \"red\"");
  EXPECT_EQ(list->units[1].fields.at("colour"), "two\nlines");
  EXPECT_EQ(list->units[1].line, 4U);
}

TEST(UnitList, plain_mac_column_is_the_first_address) {
  const auto list = parse_unit_list("mac,serial,mac.1\n020000000001,A,020000000002", "u");
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_EQ(list->units[0].fields.at("mac"), "02:00:00:00:00:01");
  EXPECT_EQ(list->units[0].fields.at("mac.0"), "02:00:00:00:00:01");
  EXPECT_EQ(list->units[0].macs.size(), 2U);
}

struct Bad {
  const char* name;
  std::string csv;
  Errc code;
  const char* place;
};
std::ostream& operator<<(std::ostream& out, const Bad& row) { return out << row.name; }
class BadUnitList : public ::testing::TestWithParam<Bad> {};

INSTANTIATE_TEST_SUITE_P(
    Units, BadUnitList,
    ::testing::Values(
        Bad{"empty", "", errc::csv_missing_column, "u.csv:1:1: "},
        Bad{"header_only", "serial\n", errc::csv_no_units, "u.csv: "},
        Bad{"no_serial", "mac.0,name\n020000000001,x\n", errc::csv_missing_column, "u.csv:1:1: "},
        Bad{"semicolons", "serial;mac\nA;020000000001\n", errc::csv_missing_column, "u.csv:1:1: "},
        Bad{"column_twice", "serial,x,x\nA,1,2\n", errc::csv_columns, "u.csv:1:10: "},
        Bad{"column_without_name", "serial,,x\nA,1,2\n", errc::csv_columns, "u.csv:1:8: "},
        Bad{"reserved_column", "serial,batch\nA,1\n", errc::csv_columns, "u.csv:1:8: "},
        Bad{"mac_twice", "serial,mac,mac.0\nA,020000000001,020000000002\n", errc::csv_columns, "u.csv:1:8: "},
        Bad{"mac_with_a_gap", "serial,mac.0,mac.2\nA,020000000001,020000000002\n", errc::csv_missing_column,
            "u.csv:1:1: "},
        Bad{"duplicate_serial", "serial\nA\nB\nA\n", errc::duplicate_serial, "u.csv:4:1: "},
        Bad{"empty_serial", "x,serial\n1,\n", errc::bad_serial, "u.csv:2:3: "},
        Bad{"serial_with_slash", "serial\nA/B\n", errc::bad_serial, "u.csv:2:1: "},
        Bad{"bad_mac", "serial,mac.0\nA,02:00:00:00:00:0G\n", errc::bad_mac, "u.csv:2:3: "},
        Bad{"multicast_mac", "serial,mac.0\nA,01:00:00:00:00:00\n", errc::bad_mac, "u.csv:2:3: "},
        Bad{"empty_mac", "serial,mac.0\nA,\n", errc::bad_mac, "u.csv:2:3: "},
        Bad{"duplicate_mac", "serial,mac.0\nA,020000000001\nB,02:00:00:00:00:01\n", errc::duplicate_mac, "u.csv:3:3: "},
        Bad{"duplicate_mac_in_one_row", "serial,mac.0,mac.1\nA,020000000001,020000000001\n", errc::duplicate_mac,
            "u.csv:2:16: "},
        Bad{"bad_hostname", "serial,hostname\nA,a_b\n", errc::bad_hostname, "u.csv:2:3: "},
        Bad{"empty_hostname", "serial,hostname\nA,\n", errc::bad_hostname, "u.csv:2:3: "},
        Bad{"not_utf8", "serial,x\nA,\xC3\xA4\nB,\xE4\n", errc::csv_encoding, "u.csv:3:3: "},
        Bad{"zero_byte", std::string{"serial\nA\0B\n", 11}, errc::csv_encoding, "u.csv:2:2: "},
        Bad{"quote_not_closed", "serial,x\nA,\"b\nC,d\n", errc::csv_quote, "u.csv:2:3: "},
        Bad{"text_behind_quote", "serial,x\nA,\"b\"c\n", errc::csv_quote, "u.csv:2:6: "},
        Bad{"quote_inside", "serial,x\nA,b\"c\n", errc::csv_quote, "u.csv:2:4: "},
        Bad{"short_row", "serial,x\nA,1\nB\n", errc::csv_ragged, "u.csv:3:1: "},
        Bad{"long_row", "serial,x\nA,1,2\n", errc::csv_ragged, "u.csv:2:5: "}),
    [](const auto& row) { return row.param.name; });

TEST_P(BadUnitList, is_refused_with_its_place) {
  const auto list = parse_unit_list(GetParam().csv, "u.csv");
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().code, GetParam().code) << list.error().detail;
  EXPECT_THAT(list.error().detail, ::testing::StartsWith(GetParam().place));
}

TEST(UnitList, columns_count_characters) {
  EXPECT_THAT(parse_unit_list("x,serial\näöü,\n", "u").error().detail, ::testing::StartsWith("u:2:5: "));
}

TEST(Csv, cells_may_be_empty_and_the_last_line_may_lack_its_end) {
  const auto rows = parse_csv(",a\n\"\",", "f").value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0][1].text, "a");
  EXPECT_EQ(rows[1].size(), 2U);
}

TEST(Csv, carriage_return_inside_of_a_line_is_kept) {
  EXPECT_EQ(parse_csv("a\rb,c\r\n", "f").value()[0][0].text, "a\rb");
}

}  // namespace
}  // namespace flashline::imaging
