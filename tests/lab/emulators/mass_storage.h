#pragma once
// A card reader, a stick or a board that shows its storage: USB mass storage, Bulk-Only Transport, one disk a LUN.
// Source: Universal Serial Bus Mass Storage Class, Bulk-Only Transport, revision 1.0.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/emulated_device.h"
#include "tests/lab/emulators/scsi_disk.h"

namespace flashline::lab {

struct MassStoragePlan {
  std::uint16_t vendor = 0x058f;
  std::uint16_t product = 0x6366;
  std::string manufacturer = "Generic";
  std::string name = "Mass Storage Device";
  std::string serial = "058F63666433";
  transport::UsbSpeed speed = transport::UsbSpeed::high;
  std::vector<ScsiDiskPlan> disks{{}};
  std::uint64_t leaves_at = 0;  ///< is pulled out when so many bytes were written to its media; 0: never
};

class MassStorage final : public EmulatedDevice {
 public:
  explicit MassStorage(const MassStoragePlan& plan);

  const Descriptors& descriptors() const override { return descriptors_; }
  Reply control(const Setup& setup, std::span<const std::byte> data) override;
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override;
  Reply in(std::uint8_t endpoint, std::size_t most) override;
  void reset() override;

  std::size_t luns() const { return disks_.size(); }
  ScsiDisk& disk(std::size_t lun) { return disks_.at(lun); }

 private:
  enum class Phase : std::uint8_t { command, data_out, data_in, status };

  Reply command(std::span<const std::byte> wrapper);
  Reply take_data(std::span<const std::byte> data);
  Reply give_data(std::size_t most);
  Reply give_status();
  void run();

  Descriptors descriptors_;
  std::vector<ScsiDisk> disks_;
  std::uint64_t leaves_at_;
  std::uint64_t written_ = 0;
  Phase phase_ = Phase::command;
  std::uint32_t tag_ = 0;
  std::uint32_t expected_ = 0;  ///< what the host wants to send or get in this command
  std::uint8_t lun_ = 0;
  Bytes command_;
  Bytes data_;
  std::size_t given_ = 0;
  bool failed_ = false;
};

}  // namespace flashline::lab
