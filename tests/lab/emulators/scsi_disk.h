#pragma once
// One card slot as SCSI sees it: what usb-storage and sd ask of a disk, answered from a medium that comes and goes.
// Source: SPC-4 and SBC-3, as far as a reader of cards goes.

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tests/lab/emulators/medium.h"

namespace flashline::lab {

struct ScsiDiskPlan {
  std::string vendor = "Generic";  ///< 8 characters at most; a Pi's storage gadget has its disk's name here
  std::string product = "SD/MMC";  ///< 16
  std::string revision = "1.00";   ///< 4
  std::uint32_t sector = 512;      ///< bytes
  bool removable = true;
  bool write_protected = false;
};

/// What a command came to. Sense key 0: it went well.
struct ScsiReply {
  std::uint8_t key = 0;
  std::uint8_t code = 0;  ///< additional sense code and its qualifier
  std::uint8_t qualifier = 0;
  Bytes data{};  ///< towards the host
};

class ScsiDisk {
 public:
  explicit ScsiDisk(ScsiDiskPlan plan) : plan_{std::move(plan)} {}

  /// Does a command of 16 bytes. `data` is what the host sent with it.
  ScsiReply run(std::span<const std::byte> command, std::span<const std::byte> data);

  /// A card comes in; the host learns of it when it asks the next time.
  void insert(std::shared_ptr<Medium> medium);
  void eject();
  const std::shared_ptr<Medium>& medium() const { return medium_; }

 private:
  ScsiReply refused(std::uint8_t key, std::uint8_t code, std::uint8_t qualifier = 0);
  ScsiReply not_ready();
  ScsiReply inquiry(std::span<const std::byte> command) const;
  ScsiReply sense();
  ScsiReply capacity(bool large);
  ScsiReply mode_sense(bool large) const;
  ScsiReply read(std::span<const std::byte> command);
  ScsiReply write(std::span<const std::byte> command, std::span<const std::byte> data);

  ScsiDiskPlan plan_;
  std::shared_ptr<Medium> medium_;
  ScsiReply last_{};
  bool changed_ = false;  ///< to be told once
};

}  // namespace flashline::lab
