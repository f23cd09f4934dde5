#pragma once
// A board in its bootloader: fastboot as the Raspberry Pi's gadget and as U-Boot speak it, with a medium behind it.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/emulated_device.h"
#include "tests/lab/emulators/sparse_memory.h"

namespace flashline::lab {

/// What a board does instead of what it is told.
struct FastbootMischief {
  enum class Do : std::uint8_t {
    fail,           ///< FAIL and `text`, and nothing is done
    wrong_length,   ///< DATA with a number of its own
    endless_lines,  ///< INFO for ever
    lie,            ///< OKAY, and nothing is done
    flip,           ///< one bit of what is written is another
    silence,        ///< no answer any more, until a reset
    leave,          ///< off the port
  };
  std::string on{};  ///< commands that begin so
  unsigned nth = 1;  ///< the first, the second ... of them; 0: every one
  Do what = Do::fail;
  std::string text{};  ///< may hold any bytes
};

struct FastbootBoardPlan {
  enum class Flavour : std::uint8_t { pi_gadget, u_boot };
  Flavour flavour = Flavour::pi_gadget;
  std::string partition = "mmcblk0";
  std::uint64_t capacity = 64ULL * 1024 * 1024;
  std::uint32_t sector_size = 512;
  std::string serial = "10000000deadbeef";
  std::string max_download = "0x10000000";
  bool size_in_sectors = false;  ///< partition-size, as older U-Boots answer
  bool erase_works = true;       ///< many SD cards know no discard
  std::uint32_t bmap_magic = 0x50414D42;
  std::map<std::string, std::string> variables{};  ///< besides or instead of the usual ones; "" is unknown
  std::vector<FastbootMischief> mischief{};
  std::uint16_t vendor = 0x18d1;
  std::uint16_t product = 0x4e40;
  bool in_first = true;  ///< order of the two endpoints in the descriptor
  transport::UsbSpeed speed = transport::UsbSpeed::high;
};

class FastbootBoard final : public EmulatedDevice {
 public:
  explicit FastbootBoard(FastbootBoardPlan plan = {});

  const Descriptors& descriptors() const override { return descriptors_; }
  Reply control(const Setup&, std::span<const std::byte>) override { return Reply::refuse(); }
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override;
  Reply in(std::uint8_t endpoint, std::size_t most) override;
  void reset() override;

  /// Its medium; outlives resets and power.
  SparseMemory& medium() { return medium_; }
  /// Every command in its order.
  const std::vector<std::string>& commands() const { return commands_; }
  /// How many bytes the data phase still awaits.
  std::size_t awaited() const { return awaited_; }

 private:
  void run(std::string_view command);
  bool misbehave(std::string_view command);
  void getvar(std::string_view name);
  std::string variable(std::string_view name) const;
  void flash(std::string_view partition);
  std::string write_sparse(std::span<const std::byte> file);
  void erase(std::string_view partition);
  void oem(std::string_view words);
  void bmap_load(std::string_view partition);
  void bmap_verify(std::string_view partition);
  void u_boot(std::string_view words);
  void u_boot_read(const std::vector<std::string>& words);
  void u_boot_crc(const std::vector<std::string>& words);
  void put(std::uint64_t at, std::span<const std::byte> bytes);
  void say(std::string text) { replies_.push_back(std::move(text)); }
  bool refuses(std::string_view partition);

  FastbootBoardPlan plan_;
  Descriptors descriptors_;
  SparseMemory medium_;
  std::vector<std::string> commands_;
  std::deque<std::string> replies_;
  Bytes staged_;
  std::size_t awaited_ = 0;
  Bytes map_;
  Bytes u_boot_memory_;
  std::map<std::string, unsigned> counted_;
  bool endless_ = false;
  bool silent_ = false;
  std::optional<FastbootMischief::Do> spoil_;  // what happens to the write that is going on
};

}  // namespace flashline::lab
