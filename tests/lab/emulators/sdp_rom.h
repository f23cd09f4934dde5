#pragma once
// The serial download ROM of an i.MX6, 7 or 8M, and U-Boot's first stage, which speaks the same.

#include <cstdint>
#include <optional>
#include <string>

#include "tests/lab/emulators/hid_device.h"
#include "tests/lab/emulators/sparse_memory.h"

namespace flashline::lab {

struct SdpRomPlan {
  HidPlan hid{};
  bool skips_dcd = false;       ///< knows the command for it
  bool closed = false;          ///< runs signed images only
  bool dram_needs_dcd = false;  ///< memory from dram_from on loses what is written before a DCD was run
  std::uint32_t dram_from = 0x10000000;
  bool is_spl = false;  ///< U-Boot: runs whatever lies at 0, takes files of any length
};

SdpRomPlan imx6q();
SdpRomPlan imx8mm();
/// U-Boot's SPL; `skips_spl`: by its release it asks to be given what lies behind itself.
SdpRomPlan imx_spl(bool skips_spl);

class SdpRomDevice final : public HidDevice {
 public:
  explicit SdpRomDevice(SdpRomPlan plan) : HidDevice{plan.hid}, plan_{std::move(plan)} {}

  const SparseMemory& memory() const { return memory_; }
  SparseMemory& memory() { return memory_; }
  /// The DCD that was run; empty: none.
  const Bytes& dcd() const { return dcd_; }
  /// Where it was told to jump to, when it went.
  std::optional<std::uint32_t> runs() const { return runs_; }
  bool skipped_dcd() const { return skipped_dcd_; }
  /// Bytes of the last file that was written.
  std::uint64_t file_size() const { return file_size_; }
  void reset() override;

 protected:
  bool take(std::uint8_t id, std::span<const std::byte> payload) override;

 private:
  bool command(std::span<const std::byte> packet);
  bool data(std::span<const std::byte> payload);
  void complete();
  bool jump();
  bool would_run(std::uint32_t address) const;
  void state_and(std::uint32_t status);
  void security();

  SdpRomPlan plan_;
  SparseMemory memory_;
  Bytes dcd_;
  std::optional<std::uint32_t> runs_;
  bool skipped_dcd_ = false;
  std::uint64_t file_size_ = 0;
  // The command whose data are on their way.
  std::uint16_t type_ = 0;
  std::uint32_t address_ = 0;
  std::uint32_t left_ = 0;
  Bytes collected_;
};

}  // namespace flashline::lab
