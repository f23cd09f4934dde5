#pragma once
// A card or an eMMC of any size, of which only what was written takes memory. It may lie about its size or break.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

/// What is wrong with a medium. Offsets and sizes in bytes.
struct MediumFault {
  enum class Kind : std::uint8_t {
    none,
    write_error,  ///< writes that touch the range fail
    read_error,   ///< reads that touch it do
    lost_write,   ///< writes to it are acknowledged and forgotten
    bit_rot,      ///< what is read from it has a bit turned
    wrap_around,  ///< the range begins where the true size ends: addresses start from 0 again
    limbo,        ///< the same, and what is written there is gone: zeros are read
  };
  Kind kind = Kind::none;
  std::uint64_t from = 0;
  std::uint64_t length = 0;
};
/// "none", "write-error", "read-error", "lost-write", "bit-rot", "wrap-around", "limbo".
std::string_view name_of(MediumFault::Kind kind);

class Medium {
 public:
  explicit Medium(std::uint64_t size, MediumFault fault = {});
  ~Medium();
  Medium(const Medium&) = delete;
  Medium& operator=(const Medium&) = delete;

  std::uint64_t size() const { return size_; }
  /// False: the medium failed, all or part of it may be there. The range lies inside the medium.
  bool write(std::uint64_t at, std::span<const std::byte> data);
  bool read(std::uint64_t at, std::span<std::byte> into) const;
  /// How much was written to it so far, of what was written twice twice.
  std::uint64_t written() const { return written_; }

  /// What really is on it, faults aside.
  std::span<std::byte> bytes() { return bytes_; }
  std::span<const std::byte> bytes() const { return bytes_; }
  /// A sparse file with what is on it.
  void save(const std::filesystem::path& file) const;

 private:
  bool touches(std::uint64_t at, std::size_t length) const;

  std::uint64_t size_;
  MediumFault fault_;
  std::span<std::byte> bytes_;
  std::uint64_t written_ = 0;
};

}  // namespace flashline::lab
