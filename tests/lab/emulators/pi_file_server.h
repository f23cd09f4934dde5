#pragma once
// The stages that follow a Pi's boot ROM: a client that asks its host for files and at last leaves.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/emulated_device.h"
#include "tests/lab/emulators/pi_boot_rom.h"

namespace flashline::lab {

/// What the board asks, one after the other. A file that the host has is read after its size was asked.
struct PiAsk {
  enum class Kind : std::uint8_t {
    file,      ///< its size, then itself where there is one
    contents,  ///< itself, without asking for its size
    raw,       ///< `raw` as the answer, whatever it is
    end,       ///< an empty name
    done,      ///< command 2
  };
  Kind kind = Kind::file;
  std::string name{};
  Bytes raw{};
};

/// What a CM4 asks of a host that serves a bundle and a boot image.
std::vector<PiAsk> cm4_asks();
/// The same facts that a recovery image sends.
std::vector<PiAsk> metadata_asks();

class PiFileServer final : public EmulatedDevice {
 public:
  PiFileServer(PiBoardPlan plan, std::vector<PiAsk> asks);

  const Descriptors& descriptors() const override { return descriptors_; }
  Reply control(const Setup& setup, std::span<const std::byte> data) override;
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override;
  Reply in(std::uint8_t, std::size_t) override { return Reply::nothing_yet(); }

  /// Questions that are answered with nothing before the next one comes: the board unpacks.
  int busy = 0;
  /// Leaves right after the last file, without a word.
  bool leaves_silently = false;

  /// What it was given.
  const std::map<std::string, Bytes>& files() const { return files_; }
  /// Names that the host said it does not have.
  const std::vector<std::string>& missing() const { return missing_; }

 private:
  enum class State : std::uint8_t { asking, awaiting_size, awaiting_contents, receiving };
  Reply ask();
  Reply announced(std::size_t length);
  void next();

  Descriptors descriptors_;
  std::uint8_t endpoint_;
  std::vector<PiAsk> asks_;
  std::size_t at_ = 0;
  State state_ = State::asking;
  bool size_known_ = false;
  std::size_t awaited_ = 0;
  std::map<std::string, Bytes> files_;
  std::vector<std::string> missing_;
};

}  // namespace flashline::lab
