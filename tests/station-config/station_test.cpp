#include "station-config/station.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>

#include "imaging/core/errors/config.h"
#include "tests/station-config/mistakes.h"

namespace flashline::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::filesystem::path file = "/srv/line/station.xml";

class StationMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(StationMistake, is_refused_at_its_place) {
  const Mistake& row = GetParam();
  const std::string text = with_mistake(golden_config("station.xml"), row);
  ASSERT_FALSE(text.empty()) << "the golden file has no " << row.from;
  const auto station = parse_station(text, file);
  ASSERT_FALSE(station.has_value());
  EXPECT_EQ(code_of(station.error().code), code_of(row.code)) << station.error().detail;
  EXPECT_THAT(station.error().detail, StartsWith(file.string() + ":" + std::string{row.where} + ": "));
  EXPECT_THAT(station.error().detail, HasSubstr(std::string{row.hint}));
  EXPECT_EQ(exit_code_of(station.error().code), 6);
}

INSTANTIATE_TEST_SUITE_P(Station, StationMistake, ::testing::ValuesIn(station_mistakes()),
                         [](const auto& row) { return std::string{row.param.name}; });

TEST(Station, golden_file_gives_every_value) {
  const auto station = parse_station(golden_config("station.xml"), file);
  ASSERT_TRUE(station.has_value()) << station.error().detail;
  EXPECT_EQ(station->name, "line-1");
  EXPECT_EQ(station->mode, Mode::test);
  EXPECT_EQ(station->paths.state, "/srv/line/state");
  EXPECT_EQ(station->paths.images, "/srv/images");
  EXPECT_EQ(station->listen.port, 8470);
  EXPECT_EQ(station->listen.socket, "/srv/line/flashlined.sock");
  EXPECT_EQ(station->trust.clock.kind, Clock::Kind::fixed);
  EXPECT_EQ(station->trust.clock.at, 1767225600);
  ASSERT_EQ(station->trust.anchors.size(), 2U);
  EXPECT_EQ(station->trust.anchors[0].file, "/srv/line/certs/test-ca.pem");
  EXPECT_TRUE(station->trust.anchors[0].test);
  EXPECT_EQ(station->trust.anchors[0].where, "/srv/line/station.xml:7:6");
  EXPECT_EQ(station->trust.anchors[1].file, "/etc/flashline/ca.pem");
  EXPECT_FALSE(station->trust.anchors[1].test);
  ASSERT_EQ(station->trust.pins.size(), 1U);
  EXPECT_EQ(to_hex(station->trust.pins[0]), "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  EXPECT_EQ(station->stale, StalePolicy::zero);
  EXPECT_EQ(station->attempts, 3U);
}

TEST(Station, golden_file_gives_every_slot) {
  const auto station = parse_station(golden_config("station.xml"), file);
  ASSERT_TRUE(station.has_value()) << station.error().detail;
  ASSERT_EQ(station->slots.size(), 4U);
  const Slot& first = station->slots[0];
  EXPECT_EQ(first.target.kind, Target::Kind::file);
  EXPECT_EQ(first.target.path, "/srv/line/board-1.img");
  EXPECT_EQ(first.target.size.value, 1_GiB);
  EXPECT_EQ(station->slots[1].target.kind, Target::Kind::block);
  const Slot& bound = station->slots[3];
  EXPECT_EQ(bound.target.kind, Target::Kind::port);
  EXPECT_EQ(bound.target.port, "pci-0000:00:14.0/2.3#1");
  EXPECT_EQ(bound.target.text(), "pci-0000:00:14.0/2.3#1");
  EXPECT_EQ(bound.target.board, "RaspberryPi-CM4");
  EXPECT_EQ(station->boards_folder, "/srv/line/profiles");
  const Slot& last = station->slots[2];
  EXPECT_EQ(last.name, "jig.left_3");
  EXPECT_EQ(last.row, 2U);
  EXPECT_EQ(last.column, 1U);
  EXPECT_EQ(last.target.kind, Target::Kind::virtual_board);
  EXPECT_EQ(last.target.size.value, 64_MiB);
  const BoardBehaviour& behaviour = last.target.behaviour;
  EXPECT_EQ(behaviour.rate, 40000000U);
  EXPECT_EQ(behaviour.read_rate, 80000000U);
  EXPECT_EQ(behaviour.stall_every.value, 32_MiB);
  EXPECT_EQ(behaviour.stall.count(), 300);
  EXPECT_EQ(behaviour.fail_write, 1U);
  EXPECT_EQ(behaviour.lie_write, 2U);
  EXPECT_EQ(behaviour.leave_write, 3U);
}

TEST(Station, defaults_stand_where_nothing_is_said) {
  const auto station = parse_station(golden_config("station-smallest.xml"), file);
  ASSERT_TRUE(station.has_value()) << station.error().detail;
  EXPECT_EQ(station->paths.state, "/srv/line/state");
  EXPECT_EQ(station->listen.port, 8470);
  EXPECT_EQ(station->listen.address, "127.0.0.1");
  EXPECT_EQ(station->trust.clock.kind, Clock::Kind::now);
  EXPECT_FALSE(station->trust.allow_unsigned);
  EXPECT_EQ(station->stale, StalePolicy::discard_verified);
  EXPECT_EQ(station->attempts, 2U);
  EXPECT_EQ(station->boards_folder, "/srv/line/boards");
  EXPECT_EQ(station->slots[0].target.size.value, 0U);
  EXPECT_TRUE(station->warnings.empty());
}

TEST(Station, missing_elements_are_named) {
  struct Row {
    std::string_view text;
    std::string_view detail;
  };
  for (const Row& row : {Row{"<station name='a' mode='test'><slots/></station>", "<station> needs the element <trust>"},
                         Row{"<station name='a' mode='test'><trust/></station>", "<station> needs the element <slots>"},
                         Row{"<station name='a' mode='test'><trust allow-unsigned='true'/><slots/></station>",
                             "1:62: <slots> needs the element <slot>"}}) {
    const auto station = parse_station(row.text, file);
    ASSERT_FALSE(station.has_value()) << row.text;
    EXPECT_EQ(station.error().code, errc::config_missing_element);
    EXPECT_THAT(station.error().detail, HasSubstr(std::string{row.detail}));
  }
}

TEST(Station, byte_order_mark_and_schema_location_are_fine) {
  std::string text = golden_config("station.xml");
  text.insert(text.find(" name=\"line-1\""),
              " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
              " xsi:noNamespaceSchemaLocation=\"station.xsd\"");
  EXPECT_TRUE(parse_station("\xEF\xBB\xBF" + text, file).has_value());
  EXPECT_TRUE(parse_station(text, file).has_value());
  const auto bad = parse_station("\xEF\xBB\xBF<a/>", file);
  EXPECT_THAT(bad.error().detail, StartsWith("/srv/line/station.xml:1:2: "));
}

TEST(Station, columns_count_characters) {
  const auto bad = parse_station("<!-- h\xC3\xB6he --><a/>", file);
  ASSERT_FALSE(bad.has_value());
  EXPECT_THAT(bad.error().detail, StartsWith("/srv/line/station.xml:1:15: "));
}

TEST(Station, what_is_legal_but_odd_gives_a_warning) {
  const auto station = parse_station(
      "<station name='a' mode='production'><trust clock='unchecked' allow-unsigned='true'><anchor file='a' "
      "release='test'/>"
      "</trust><slots><slot name='1' row='1' column='1'><block path='/dev/sdb'/></slot></slots></station>",
      file);
  ASSERT_TRUE(station.has_value()) << station.error().detail;
  EXPECT_THAT(station->warnings,
              ::testing::UnorderedElementsAre(HasSubstr("/dev/sdb may name another device"),
                                              HasSubstr("unsigned images are allowed"), HasSubstr("expiry"),
                                              HasSubstr("test anchors are ignored")));
}

TEST(Station, card_slots_of_one_reader_are_slots) {
  const auto station = parse_station(
      "<station name='a' mode='production'><trust allow-unsigned='true'/><slots>"
      "<slot name='1' row='1' column='1'><port path='pci-0/1#0' board='Card'/></slot>"
      "<slot name='2' row='1' column='2'><port path='pci-0/1#1' board='Card'/></slot></slots></station>",
      file);
  ASSERT_TRUE(station.has_value()) << station.error().detail;
}

TEST(Station, limits_hold) {
  std::string slots;
  for (int i = 0; i < 129; ++i) {
    slots += "<slot name='" + std::to_string(i) + "' row='1' column='1'><file path='a'/></slot>";
  }
  const auto many = parse_station("<station name='a' mode='test'><trust/><slots>" + slots + "</slots></station>", file);
  EXPECT_EQ(many.error().code, errc::config_nothing_trusted);
  const auto crowded = parse_station(
      "<station name='a' mode='test'><trust allow-unsigned='true'/><slots>" + slots + "</slots></station>", file);
  ASSERT_FALSE(crowded.has_value());
  EXPECT_EQ(crowded.error().code, errc::config_repeated_element);
  const auto large = parse_station(std::string(1024 * 1024 + 1, ' '), file);
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, errc::config_too_large);
}

TEST(Station, missing_file_and_folder_say_so) {
  const auto missing = load_station("/nonexistent/station.xml");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, errc::config_open);
  EXPECT_THAT(missing.error().detail, HasSubstr("No such file"));
  const auto folder = load_station("/tmp");
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().code, errc::config_open);
}

}  // namespace
}  // namespace flashline::config
