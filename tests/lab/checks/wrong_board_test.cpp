// Boards where they do not belong: on a port of no slot, or in a slot that is set up for another kind of board.
#include <gmock/gmock.h>

#include "tests/lab/checks/open_watch.h"
#include "tests/lab/checks/station_rig.h"
#include "tests/lab/emulators/pi_boot_rom.h"
#include "tests/lab/emulators/pi_file_server.h"
#include "tests/lab/emulators/sdp_rom.h"

namespace flashline::lab {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

using Strangers = StationOnTheLine;

/// A stick, the other card slot of a reader that has one, and a bare board: none of them is a slot's, and all are there
/// while a batch wants boards.
TEST_F(Strangers, AreShownAndNeverTouched) {
  make_image("Flashline.Lab.Board");
  station_.configure(
      fakes::StationProcess::xml(slot_xml("stick", port_text(1)) + slot_xml("card", port_text(2) + "#0")));
  OpenWatch opens;
  ASSERT_TRUE(opens.watches()) << std::strerror(errno);
  ASSERT_TRUE(station_.start()) << station_.log();

  const auto other_card = card();
  const auto stranger = card();
  const auto rom = std::make_shared<CountingDevice>(std::make_shared<PiBootRom>());
  LabBoard bare{plan_of(20, rom)};
  LabBoard stick{plan_of(21, reader({stranger}))};
  LabBoard two_slots{plan_of(2, reader({card(), other_card}))};
  bare.plug();
  stick.plug();
  two_slots.plug();
  start_batch(2);
  ASSERT_TRUE(slot_is("card", "passed")) << slot("card");

  EXPECT_THAT(listed(port_text(20)), ContainsRegex("^[^ ]+ +0a5c:2711 +high +BCM2711 Boot|^[^ ]+ +0a5c:2711 +high"));
  EXPECT_THAT(listed(port_text(21)), ContainsRegex("^[^ ]+ +058f:6366 +high +/dev/sd"));
  EXPECT_THAT(listed(port_text(2) + "#1"), ContainsRegex("^[^ ]+ +058f:6366 +high +/dev/sd"));
  EXPECT_THAT(listed(port_text(2) + "#0"), ContainsRegex("^[^ ]+ +card +058f:6366"));

  // One unit is still wanted. A stranger that comes now is no better off; the board that is waited for is taken.
  const auto late = card();
  LabBoard late_stick{plan_of(22, reader({late}))};
  late_stick.plug();
  ASSERT_TRUE(until([&] { return !listed(port_text(22)).empty(); }));
  LabBoard wanted{plan_of(1, reader({card()}))};
  wanted.plug();
  ASSERT_TRUE(slot_is("stick", "passed")) << slot("stick");

  const pid_t station = station_.process();
  EXPECT_GT(opens.opened(station, disk_on(1)), 0) << "the watch sees what the station opens";
  EXPECT_EQ(opens.opened(station, disk_on(2, 1)), 0);
  EXPECT_EQ(opens.opened(station, disk_on(21)), 0);
  EXPECT_EQ(opens.opened(station, disk_on(22)), 0);
  for (const unsigned socket : {20U, 21U, 22U}) EXPECT_EQ(opens.opened(station, usb_node_on(socket)), 0) << socket;
  EXPECT_EQ(rom->asked, 0) << "nobody said a word to the boot ROM";
  EXPECT_EQ(stranger->written() + other_card->written() + late->written(), 0);
}

class WrongBoard : public StationOnTheLine {
 protected:
  WrongBoard() {
    folder_.file("boards/LabPi.xml", R"(<board name="LabPi" title="Lab Pi">
  <stage name="boot-rom" protocol="rpiboot" timeout="60s"><usb vendor="0a5c" product="2711"/><file use="folder" path="pi"/></stage>
  <stage name="disk" protocol="mass-storage" gap="60s"><usb vendor="0a5c" product="0104"/></stage>
</board>)");
    folder_.file("boards/LabPanel.xml", R"(<board name="LabPanel" title="Lab Panel">
  <platform id="Flashline.Lab.Panel"/><stage name="card" protocol="card"/>
</board>)");
    for (const char* name : {"bootcode4.bin", "config.txt", "boot.img"})
      folder_.file(std::string{"boards/pi/"} + name, "what a board asks for");
  }

  /// A board that comes up as it should, with its storage.
  static LabBoard::Plan pi(unsigned socket, const std::shared_ptr<Medium>& medium) {
    const auto storage = reader({medium}, {.vendor = 0x0a5c, .product = 0x0104});
    const std::vector<PiAsk> asks{{.name = "config.txt"}, {.name = "boot.img"}, {.kind = PiAsk::Kind::done}};
    return {.socket = socket,
            .stages = {{"rom", [](unsigned) { return std::make_shared<PiBootRom>(); }},
                       {"server", [asks](unsigned) { return std::make_shared<PiFileServer>(PiBoardPlan{}, asks); }},
                       {"disk", [storage](unsigned) { return storage; }}}};
  }
};

TEST_F(WrongBoard, IsRefusedBeforeTheFirstWriteAndTheSlotIsFreeAgain) {
  make_image("Flashline.Lab.Board");
  station_.configure(fakes::StationProcess::xml(slot_xml("pi", port_text(3), "LabPi") +
                                                    slot_xml("panel", port_text(4), "LabPanel") +
                                                    slot_xml("neighbour", port_text(5)),
                                                "0", "1"));
  OpenWatch opens;
  ASSERT_TRUE(station_.start()) << station_.log();
  const auto rom = std::make_shared<SdpRomDevice>(imx6q());
  const auto panel_card = card();
  LabBoard other_product{plan_of(3, rom)};
  LabBoard other_image{plan_of(4, reader({panel_card}))};
  LabBoard neighbour{plan_of(5, reader({card()}))};
  other_product.plug();
  other_image.plug();
  start_batch(2);
  ASSERT_TRUE(slot_is("pi", "failed")) << slot("pi");
  ASSERT_TRUE(slot_is("panel", "failed")) << slot("panel");
  EXPECT_EQ(json_value(slot("pi"), "code"), "FL-BRD-002") << slot("pi");
  EXPECT_THAT(json_value(slot("pi"), "advice"), HasSubstr("take it out"));
  EXPECT_EQ(json_value(slot("panel"), "code"), "FL-TGT-009") << slot("panel");
  EXPECT_EQ(opens.opened(station_.process(), usb_node_on(3)), 0) << "the ids were enough";
  EXPECT_EQ(rom->file_size(), 0);
  EXPECT_EQ(panel_card->written(), 0);

  neighbour.plug();
  EXPECT_TRUE(slot_is("neighbour", "passed")) << slot("neighbour");

  other_product.unplug();
  other_image.unplug();
  EXPECT_TRUE(slot_is("pi", "empty")) << slot("pi");
  EXPECT_TRUE(slot_is("panel", "empty")) << slot("panel");
  const auto medium = card();
  LabBoard right{pi(3, medium)};
  right.plug();
  EXPECT_TRUE(slot_is("pi", "passed")) << slot("pi") << station_.log();
  EXPECT_GT(opens.opened(station_.process(), disk_on(3)), 0);
  const Bytes content = pattern(3U << 20U, 11);
  EXPECT_TRUE(std::ranges::equal(medium->bytes().first(content.size()), content));
}

}  // namespace
}  // namespace flashline::lab
