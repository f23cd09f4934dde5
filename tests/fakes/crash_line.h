#pragma once
// A station that can be killed: files as boards, a small bootable-looking image, and checks of what a kill left behind.

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "flasher/record/record_reader.h"
#include "flasher/record/store.h"
#include "flasher/record/verify.h"
#include "imaging/core/units.h"
#include "tests/fakes/command.h"
#include "tests/fakes/state_folder.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line::test {

inline constexpr std::uint64_t crash_disk_size = 3_MiB;
inline constexpr std::uint64_t crash_esp_start = 1_MiB;

/// A GPT with one FAT partition, as one makes it by hand.
inline void make_crash_image(const std::filesystem::path& image) {
  const auto run = [](const std::vector<std::string>& command) {
    const auto result = fakes::run_command(command, {"MTOOLS_SKIP_CHECK=1"});
    ASSERT_EQ(result.exit_code, 0) << command[0] << ": " << result.err;
  };
  const std::string esp = image.string() + ".esp";
  std::ofstream{esp}.close();
  std::filesystem::resize_file(esp, 1_MiB);
  run({"mkfs.fat", "-F", "12", "-n", "ESP", esp});
  std::ofstream{image}.close();
  std::filesystem::resize_file(image, crash_disk_size);
  run({"sgdisk", "-a", "8", "-n", "1:2048:4095", "-t", "1:ef00", "-c", "1:ESP", image.string()});
  run({"dd", "if=" + esp, "of=" + image.string(), "bs=1M", "seek=1", "conv=notrunc", "status=none"});
  std::filesystem::remove(esp);
}

/// What the child's side and the killer's side agree on, all below one folder.
struct CrashFolder {
  std::filesystem::path root;  ///< image, recipe, boards; in memory, since a kill loses nothing that was written
  std::filesystem::path state;

  std::filesystem::path image() const { return root / "image.img"; }
  std::filesystem::path recipe() const { return root / "recipe.xml"; }
  std::filesystem::path station() const { return root / "station.xml"; }
  std::filesystem::path board(unsigned slot) const { return root / fmt::format("board-{}.img", slot); }

  void write_recipe() const {
    std::ofstream{recipe()} << R"(<recipe name="crash"><identity><serial pattern="FL-{n:6}" first="1"/>
      <mac first="02:00:5E:10:00:00" last="02:00:5E:1F:FF:FF" count="2"/></identity>
      <overlay><file partition="ESP" path="/flashline/identity.env">SERIAL=${serial}&#10;MAC0=${mac.0}&#10;</file></overlay>
      <write stale="zero"/></recipe>)";
  }
  void write_station(unsigned slots) const {
    std::ofstream out{station()};
    out << fmt::format(R"(<station name="crash" mode="test"><paths state="{}" cache="cache" logs="logs" images="."/>
      <listen port="0" socket="flashlined.sock"/><trust clock="now" allow-unsigned="true"/>
      <slots stale="zero" attempts="2">)",
                       state.string());
    for (unsigned i = 1; i <= slots; ++i) {
      out << fmt::format(
          R"(<slot name="{0}" row="1" column="{0}"><virtual path="board-{0}.img" size="3MiB" rate="{1}MB/s"/></slot>)",
          i, 20 + 15 * i);
    }
    out << "</slots></station>";
  }
};

/// Looks at what a killed station left. A board is a file, wherever it lies now.
class CrashWitness {
 public:
  CrashWitness(CrashFolder folder, unsigned slots) : folder_{std::move(folder)}, slots_{slots} {}

  /// After each kill: the records are whole, no serial was ever seen on two boards, and each was reserved before it
  /// was written.
  void look() {
    const auto report = verify_records(folder_.state);
    ASSERT_TRUE(report) << to_text(report.error());
    ASSERT_TRUE(report->ok()) << report->findings.front().text;
    const auto units = all_units();
    for (unsigned slot = 1; slot <= slots_; ++slot) {
      for (const auto& serial : serials_on(folder_.board(slot))) {
        ASSERT_TRUE(units.contains(serial)) << serial << " was written before it was reserved";
        const auto [known, fresh] = boards_.emplace(serial, board_id(slot));
        ASSERT_TRUE(fresh || known->second == board_id(slot)) << serial << " is on two boards";
      }
    }
  }

  /// After a batch: each committed identity is read from its board by mtools, every other one has a reason.
  void look_at_finished() {
    look();
    std::set<std::string> committed;
    for (const auto& [serial, unit] : all_units()) {
      ASSERT_NE(unit.state, UnitState::reserved) << serial << " is lost";
      ASSERT_TRUE(unit.state == UnitState::committed || !unit.reason.empty()) << serial << " is lost without a reason";
      voided_ += unit.state == UnitState::voided ? 1 : 0;
      if (earlier_.insert(serial).second && unit.state == UnitState::committed) committed.insert(serial);
    }
    ASSERT_EQ(committed.size(), slots_);
    for (const auto& board : boards()) committed.erase(serial_read_from(board));
    ASSERT_TRUE(committed.empty()) << *committed.begin() << " is on no board";
  }

  /// The board is taken out; the next attempt finds another one.
  void swap_board(unsigned slot) {
    if (!std::filesystem::exists(folder_.board(slot))) return;
    const auto shelf = folder_.root / fmt::format("shelf-{}.img", shelved_.size());
    std::filesystem::rename(folder_.board(slot), shelf);
    shelved_.push_back(shelf);
  }
  /// Fresh boards for the next batch.
  void clear_boards() {
    for (const auto& board : boards()) std::filesystem::remove(board);
    shelved_.clear();
  }
  std::size_t voided() const { return voided_; }
  /// How many batches the records have.
  std::size_t batches() const { return (*open_store()->read().batches()).size(); }

 private:
  std::map<std::string, UnitRow> all_units() const {
    std::map<std::string, UnitRow> units;
    for (auto& unit : *open_store()->read().units()) units.emplace(unit.serial, unit);
    return units;
  }

  std::unique_ptr<Store> open_store() const {
    auto store = Store::open({.folder = folder_.state, .on_record = {}, .at_step = {}});
    EXPECT_TRUE(store) << to_text(store.error());
    return std::move(*store);
  }

  std::vector<std::filesystem::path> boards() const {
    auto all = shelved_;
    for (unsigned slot = 1; slot <= slots_; ++slot) all.push_back(folder_.board(slot));
    return all;
  }

  static std::string serial_read_from(const std::filesystem::path& board) {
    const auto partition = fmt::format("{}@@{}", board.string(), crash_esp_start);
    const auto read = fakes::run_command({"mtype", "-i", partition, "::/flashline/identity.env"});
    return read.out.substr(std::min(read.out.size(), std::size_t{7}), read.out.find('\n') - 7);
  }

  static std::set<std::string> serials_on(const std::filesystem::path& board) {
    std::string bytes(std::filesystem::exists(board) ? std::filesystem::file_size(board) : 0, '\0');
    std::ifstream{board, std::ios::binary}.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    std::set<std::string> serials;
    for (auto at = bytes.find("SERIAL="); at != std::string::npos; at = bytes.find("SERIAL=", at + 1)) {
      serials.insert(bytes.substr(at + 7, bytes.find('\n', at) - at - 7));
    }
    return serials;
  }

  /// Unlike an inode's number, its birth is never given out again.
  std::string board_id(unsigned slot) const {
    struct statx facts{};
    EXPECT_EQ(::statx(AT_FDCWD, folder_.board(slot).c_str(), 0, STATX_INO | STATX_BTIME, &facts), 0);
    return fmt::format("{}:{}.{}", facts.stx_ino, facts.stx_btime.tv_sec, facts.stx_btime.tv_nsec);
  }

  CrashFolder folder_;
  unsigned slots_;
  std::map<std::string, std::string> boards_;  ///< serial -> the one board it was seen on
  std::vector<std::filesystem::path> shelved_;
  std::set<std::string> earlier_;
  std::size_t voided_ = 0;
};

}  // namespace flashline::line::test
