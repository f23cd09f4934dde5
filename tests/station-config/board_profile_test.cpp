#include "station-config/board_profile.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <set>

#include "imaging/core/errors/config.h"
#include "station-config/station.h"
#include "tests/fakes/temp_folder.h"
#include "tests/station-config/mistakes.h"

namespace flashline::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::filesystem::path file = "/srv/line/boards/Panel-2.xml";
const std::filesystem::path folder = "/srv/line/boards";

class BoardMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(BoardMistake, is_refused_at_its_place) {
  const Mistake& row = GetParam();
  const std::string text = with_mistake(golden_config("board.xml"), row);
  ASSERT_FALSE(text.empty()) << "the golden file has no " << row.from;
  const auto board = parse_board(text, file, folder);
  ASSERT_FALSE(board.has_value());
  EXPECT_EQ(code_of(board.error().code), code_of(row.code)) << board.error().detail;
  EXPECT_THAT(board.error().detail, StartsWith(file.string() + ":" + std::string{row.where} + ": "));
  EXPECT_THAT(board.error().detail, HasSubstr(std::string{row.hint}));
  EXPECT_EQ(exit_code_of(board.error().code), 6);
}

INSTANTIATE_TEST_SUITE_P(Board, BoardMistake, ::testing::ValuesIn(board_mistakes()),
                         [](const auto& row) { return std::string{row.param.name}; });

TEST(Board, golden_file_gives_every_value) {
  const auto board = parse_board(golden_config("board.xml"), file, folder);
  ASSERT_TRUE(board.has_value()) << board.error().detail;
  EXPECT_EQ(board->name, "Panel-2");
  EXPECT_EQ(board->title, "Panel, second edition");
  EXPECT_THAT(board->platforms, ElementsAre("Contoso.Panel.2", "Contoso.Panel.2b"));
  ASSERT_EQ(board->stages.size(), 2U);
  const Stage& rom = board->stages[0];
  EXPECT_EQ(rom.name, "boot-rom");
  EXPECT_EQ(rom.protocol, Protocol::rpiboot);
  EXPECT_EQ(rom.timeout.count(), 90'000);
  EXPECT_EQ(rom.gap.count(), 5'000);
  ASSERT_EQ(rom.ids.size(), 1U);
  EXPECT_EQ(rom.ids[0].vendor, 0x0a5c);
  EXPECT_EQ(rom.ids[0].product, 0x2711);
  ASSERT_NE(rom.file(BoardFile::Use::folder), nullptr);
  EXPECT_EQ(rom.file(BoardFile::Use::folder)->path, "/srv/line/boards/raspberrypi/gadget");
  EXPECT_TRUE(rom.file(BoardFile::Use::folder)->vendor);
  const BoardFile* bundle = rom.file(BoardFile::Use::bundle);
  ASSERT_NE(bundle, nullptr);
  EXPECT_FALSE(bundle->vendor);
  EXPECT_EQ(to_hex(*bundle->digest), "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
  EXPECT_EQ(bundle->where, "/srv/line/boards/Panel-2.xml:9:6");
  const Stage& gadget = board->stages[1];
  EXPECT_EQ(gadget.timeout.count(), 120'000);
  EXPECT_EQ(gadget.gap.count(), 30'000);
  ASSERT_EQ(gadget.ids.size(), 2U);
  EXPECT_EQ(gadget.ids[0].vendor, 0x18d1);
  EXPECT_EQ(gadget.ids[0].manufacturer, "Raspberry Pi");
  EXPECT_EQ(board->storage.verify, Storage::Verify::map);
  EXPECT_EQ(board->storage.partition, "mmcblk0");
  EXPECT_EQ(board->storage.segment.value, 64_MiB);
  EXPECT_EQ(board->storage.load_address, 0x40480000U);
  EXPECT_EQ(board->defaults.verify, true);
  EXPECT_EQ(board->defaults.fit_gpt, true);
  EXPECT_TRUE(board->power.cycle);
  EXPECT_EQ(board->power.off.count(), 1500);
  EXPECT_FALSE(board->is_plain_disk());
}

TEST(Board, smallest_is_a_card) {
  const auto board = parse_board(golden_config("board-smallest.xml"), file, folder);
  ASSERT_TRUE(board.has_value()) << board.error().detail;
  EXPECT_TRUE(board->is_plain_disk());
  EXPECT_TRUE(board->platforms.empty());
  EXPECT_EQ(board->storage.verify, Storage::Verify::read_back);
  EXPECT_FALSE(board->defaults.verify.has_value());
  EXPECT_FALSE(board->power.cycle);
}

TEST(Board, sahara_loads_firehose) {
  const auto board = parse_board(
      "<board name='q' title='q'><stage name='a' protocol='sahara'><usb vendor='05c6' product='9008'/>"
      "<file use='programmer' path='p.mbn'/></stage><stage name='b' protocol='firehose'/>"
      "<storage memory='emmc' verify='digest'/></board>",
      file, folder);
  ASSERT_TRUE(board.has_value()) << board.error().detail;
  EXPECT_EQ(board->storage.memory, "emmc");
}

TEST(ShippedBoard, each_is_read_by_its_name) {
  std::set<std::string> names;
  for (const ShippedBoard& shipped : shipped_boards()) {
    const auto board = find_board(shipped.name, "/nonexistent");
    ASSERT_TRUE(board.has_value()) << board.error().detail;
    EXPECT_EQ(board->name, shipped.name);
    names.insert(board->name);
  }
  for (const char* wanted :
       {"RaspberryPi-2", "RaspberryPi-3", "RaspberryPi-3APlus", "RaspberryPi-Zero2W", "RaspberryPi-CM1",
        "RaspberryPi-CM3", "RaspberryPi-CM4", "RaspberryPi-CM5", "RaspberryPi-4", "RaspberryPi-5", "DragonBoard-410c",
        "NXP-iMX6", "NXP-iMX7", "NXP-iMX8M", "MinnowBoard", "UP", "QemuX64"}) {
    EXPECT_TRUE(names.contains(wanted)) << wanted;
  }
}

TEST(ShippedBoard, two_may_share_their_ids) {
  const auto first = find_board("RaspberryPi-CM4", folder);
  const auto second = find_board("RaspberryPi-4-usb", folder);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->stages[0].ids[0].product, second->stages[0].ids[0].product);
}

class BoardFolder : public ::testing::Test {
 protected:
  void add(const std::string& name, const std::string& sha256 = {}) const {
    const std::string digest = sha256.empty() ? "" : " sha256='" + sha256 + "'";
    files_.file("boards/" + name + ".xml", "<board name='" + name +
                                               "' title='t'><stage name='rom' protocol='sdps'>\n<usb vendor='1fc9' "
                                               "product='0146'/>\n<file use='image' path='flash.bin'" +
                                               digest +
                                               "/></stage><stage name='disk' protocol='mass-storage'/></board>");
  }
  Status check(const std::string& name) const {
    FL_TRY(const auto board, find_board(name, files_ / "boards"));
    return check_board_files(board);
  }

  fakes::TempFolder files_;
};

TEST_F(BoardFolder, a_profile_of_the_station_goes_before_the_shipped_one) {
  add("RaspberryPi-CM4");
  const auto board = find_board("RaspberryPi-CM4", files_ / "boards");
  ASSERT_TRUE(board.has_value()) << board.error().detail;
  EXPECT_EQ(board->stages[0].protocol, Protocol::sdps);
  EXPECT_EQ(board->stages[0].files[0].path, files_ / "boards/flash.bin");
}

TEST_F(BoardFolder, a_missing_profile_is_named_with_the_nearest_shipped_one) {
  const auto board = find_board("RaspberryPi-CM44", files_ / "boards");
  ASSERT_FALSE(board.has_value());
  EXPECT_EQ(board.error().code, errc::config_no_board);
  EXPECT_THAT(board.error().detail, HasSubstr("did you mean 'RaspberryPi-CM4'?"));
}

TEST_F(BoardFolder, a_profile_under_another_name_is_refused) {
  add("A");
  std::filesystem::rename(files_ / "boards/A.xml", files_ / "boards/B.xml");
  const auto board = find_board("B", files_ / "boards");
  ASSERT_FALSE(board.has_value());
  EXPECT_EQ(board.error().code, errc::config_no_board);
  EXPECT_THAT(board.error().detail, HasSubstr("is named A"));
}

TEST_F(BoardFolder, a_missing_or_another_file_is_said_with_its_place) {
  add("A", std::string(64, '0'));
  const auto missing = check("A");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::config_board_file);
  EXPECT_THAT(missing.error().detail,
              HasSubstr("A.xml:3:2: " + (files_ / "boards/flash.bin").string() + " is missing"));
  EXPECT_THAT(missing.error().detail, HasSubstr("belongs to the board's maker"));

  files_.file("boards/flash.bin", "boot");
  const auto other = check("A");
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().detail, HasSubstr("has the digest "));
  add("A", "4509beb0ab401d71fa4a5cd94a55c9a74f13332776ae4019c5bfc4c2005157ff");
  EXPECT_TRUE(check("A"));
  add("A");
  EXPECT_TRUE(check("A"));

  std::filesystem::remove(files_ / "boards/flash.bin");
  std::filesystem::create_directory(files_ / "boards/flash.bin");
  const auto is_folder = check("A");
  ASSERT_FALSE(is_folder);
  EXPECT_THAT(is_folder.error().detail, HasSubstr("is a folder"));
}

TEST_F(BoardFolder, a_station_is_complete_before_it_starts) {
  const auto with_board = [&](const std::string& name) {
    return parse_station(
        "<station name='a' mode='test'><trust allow-unsigned='true'/><slots>"
        "<slot name='1' row='1' column='1'><port path='pci-0/1' board='" +
            name + "'/></slot><slot name='2' row='1' column='2'><port path='pci-0/2' board='" + name +
            "'/></slot></slots></station>",
        files_ / "station.xml");
  };
  auto card = with_board("Card");
  ASSERT_TRUE(card && load_boards(*card));
  ASSERT_EQ(card->boards.size(), 1U);
  EXPECT_EQ(card->board_of(card->slots[1])->name, "Card");
  auto module = with_board("RaspberryPi-CM4");
  ASSERT_TRUE(module);
  const auto refused = load_boards(*module);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::config_board_file);
  EXPECT_THAT(refused.error().detail, HasSubstr("station.xml:1:"));
  EXPECT_THAT(refused.error().detail, HasSubstr("boards/raspberrypi/fastboot-gadget is missing"));
}

}  // namespace
}  // namespace flashline::config
