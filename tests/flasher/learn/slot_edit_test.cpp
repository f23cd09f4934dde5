#include "flasher/learn/slot_edit.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "flasher/learn/slot_sheet.h"
#include "imaging/core/errors/config.h"
#include "station-config/station.h"
#include "station-config/values.h"
#include "tests/fakes/command.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::filesystem::path file = "/srv/line/station.xml";

LearnedSlot learned(const std::string& name, std::string_view port, std::uint32_t column = 9) {
  return {{name, 1, column, "Card"}, *transport::parse_port_path(port)};
}

const std::string station = R"(<?xml version="1.0" encoding="UTF-8"?>
<!-- <slots><slot name="9"/></slots> stays a comment -->
<station name="a > b" mode='test'>
  <trust allow-unsigned="true"/>
  <slots attempts="3">
    <!-- by the window -->
    <slot name="1" row="1" column="1"><virtual path="board>1.img" size="8MiB"/></slot>
    <slot name="2" row="1" column="2">
      <port path="pci-0/7" board="UP"/>
    </slot>   <!-- last -->
  </slots>
</station>
)";

std::vector<std::string> difference(const std::string& before, const std::vector<LearnedSlot>& slots) {
  const auto text = with_ports(before, file, slots);
  EXPECT_TRUE(text) << to_text(text.error());
  return text ? changed_lines(before, *text) : std::vector<std::string>{};
}

TEST(SlotEdit, reads_the_slots_that_stand_there) {
  const auto slots = written_slots(station, file);
  ASSERT_TRUE(slots) << to_text(slots.error());
  ASSERT_EQ(slots->size(), 2U);
  EXPECT_EQ((*slots)[0].port, "");
  EXPECT_EQ((*slots)[1].port, "pci-0/7");
  EXPECT_EQ((*slots)[1].board, "UP");
  EXPECT_EQ((*slots)[1].column, 2U);
}

TEST(SlotEdit, a_slot_that_is_there_gets_its_port_and_nothing_else_changes) {
  EXPECT_THAT(difference(station, {learned("1", "pci-0/1.4")}),
              ElementsAre(R"(-    <slot name="1" row="1" column="1"><virtual path="board>1.img" size="8MiB"/></slot>)",
                          R"(+    <slot name="1" row="1" column="1"><port path="pci-0/1.4" board="Card"/></slot>)"));
  EXPECT_THAT(
      difference(station, {learned("2", "pci-0/1#3")}),
      ElementsAre(R"(-      <port path="pci-0/7" board="UP"/>)", R"(+      <port path="pci-0/1#3" board="Card"/>)"));
}

TEST(SlotEdit, new_slots_stand_behind_the_last_one) {
  const auto text =
      with_ports(station, file, {learned("3", "pci-0/3", 3), learned("4", "pci-0/4", 4), learned("1", "pci-0/1")});
  ASSERT_TRUE(text) << to_text(text.error());
  EXPECT_THAT(*text, HasSubstr(R"(    </slot>
    <slot name="3" row="1" column="3"><port path="pci-0/3" board="Card"/></slot>
    <slot name="4" row="1" column="4"><port path="pci-0/4" board="Card"/></slot>   <!-- last -->
  </slots>)"));
  const auto read = config::parse_station(*text, file);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->slots.size(), 4U);
}

TEST(SlotEdit, a_station_without_slots_gets_its_first) {
  for (const char* empty :
       {"<slots stale=\"zero\"/>", "<slots stale=\"zero\"></slots>", "<slots stale=\"zero\">\n  </slots>"}) {
    const std::string text =
        std::string{"<station name='a' mode='test'>\n  <trust allow-unsigned='true'/>\n  "} + empty + "\n</station>\n";
    EXPECT_TRUE(written_slots(text, file)->empty());
    const auto filled = with_ports(text, file, {learned("1", "pci-0/1")});
    ASSERT_TRUE(filled) << to_text(filled.error());
    EXPECT_THAT(*filled, HasSubstr("  <slots stale=\"zero\">\n    <slot name=\"1\" row=\"1\" column=\"9\"><port "
                                   "path=\"pci-0/1\" board=\"Card\"/></slot>\n  </slots>\n</station>"));
  }
}

TEST(SlotEdit, what_would_be_no_station_is_refused) {
  const auto same = with_ports(station, file, {learned("3", "pci-0/7#1", 3)});
  ASSERT_FALSE(same);
  EXPECT_EQ(same.error().code, errc::config_duplicate_target);
  const auto place = with_ports(station, file, {learned("3", "pci-0/3", 2)});
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().code, errc::config_duplicate_position);
  EXPECT_FALSE(written_slots("<recipe/>", file));
  EXPECT_FALSE(written_slots(std::string{station}.replace(station.find("test"), 4, "tset"), file));
}

TEST(SlotEdit, the_file_is_replaced_as_a_whole_and_keeps_its_permissions) {
  const fakes::TempFolder folder;
  const auto path = folder.file("station.xml", "before");
  ::chmod(path.c_str(), 0640);
  EXPECT_TRUE(replace_file(path, "before", "after"));
  EXPECT_EQ(fakes::slurp(path), "after");
  struct stat found{};
  ::stat(path.c_str(), &found);
  EXPECT_EQ(found.st_mode & 0777U, 0640U);
  const auto changed = replace_file(path, "before", "again");
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error().code, errc::config_changed);
  EXPECT_EQ(fakes::slurp(path), "after");
  EXPECT_FALSE(std::filesystem::exists(folder / "station.xml.new"));
}

TEST(SlotSheet, has_a_label_a_slot_where_it_is_in_the_rack) {
  const auto html = slot_sheet("line <1>", {{"1", 1, 1, "pci-0/1", "Card"}, {"jig.2", 2, 3, "pci-0/2#1", ""}});
  EXPECT_THAT(html, HasSubstr("<h1>line &lt;1&gt;</h1>"));
  EXPECT_THAT(html, HasSubstr("repeat(3,1fr)"));
  EXPECT_THAT(html, HasSubstr("size:A4"));
  EXPECT_THAT(html, HasSubstr("grid-row:2;grid-column:3\"><b>jig.2</b>row 2, column 3<small></small><small>pci-0/2#1"));
}

// station-config must not know transport, so both read the name of a port.
TEST(PortNames, are_the_same_to_station_xml_and_to_the_transport) {
  for (const char* text : {"pci-0000:00:14.0/2.3",
                           "pci-0000:00:14.0/2.3#1",
                           "platform-vhci_hcd.0/1",
                           "a/255",
                           "a/1.2.3.4.5.6",
                           "a/1#0",
                           "a/1#255",
                           "",
                           "/1",
                           "a",
                           "a/",
                           "a/0",
                           "a/256",
                           "a/01",
                           "a/1.",
                           "a/.1",
                           "a/1#",
                           "a/1#256",
                           "a/1#01",
                           "a/1#-1",
                           "a/+1",
                           "a/1 ",
                           " a/1",
                           "a b/1",
                           "a/1/2",
                           "a/1#1#1",
                           "a/1..2",
                           "ä/1",
                           "1-2.3"}) {
    EXPECT_EQ(config::is_port(text), transport::parse_port_path(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace flashline::line
