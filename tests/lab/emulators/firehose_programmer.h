#pragma once
// A Firehose programmer and the eMMC that it writes.

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/emulated_device.h"
#include "tests/lab/emulators/sparse_memory.h"

namespace flashline::lab {

struct FirehosePlan {
  std::uint64_t sectors = 15269888;  ///< of 512 bytes: a medium of 7.3 GiB
  std::uint32_t sector_size = 512;
  std::uint32_t max_payload = 1024 * 1024;  ///< what it says to a larger wish
  bool naks_large_payload = false;          ///< refuses the larger wish, else says yes with its own size
  bool logs_late = false;                   ///< something after each answer, as on the MSM8916
  bool reads = true;
  bool digests = true;
  bool escapes = false;  ///< quotes in its logs; real ones do not
  std::string product = "8GME4R";
  std::uint32_t serial = 1212760641;
  std::uint64_t bad_sector = ~std::uint64_t{0};    ///< a program that reaches it ends with NAK
  std::uint64_t lying_sector = ~std::uint64_t{0};  ///< written with one bit wrong, and no word of it
};

class FirehoseProgrammer final : public EmulatedDevice {
 public:
  explicit FirehoseProgrammer(FirehosePlan plan = {});

  const Descriptors& descriptors() const override { return descriptors_; }
  Reply control(const Setup& setup, std::span<const std::byte> data) override;
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override;
  Reply in(std::uint8_t endpoint, std::size_t most) override;

  const SparseMemory& medium() const { return medium_; }
  SparseMemory& medium() { return medium_; }
  /// Verbs in the order that they came in, with the range that they were about: "program 0+8".
  const std::string& commands() const { return commands_; }

 private:
  using Attributes = std::map<std::string, std::string, std::less<>>;

  void command(std::string_view text);
  void carry_out(std::string_view verb, const Attributes& attributes);
  void configure(const Attributes& attributes);
  void storage_info();
  void sectors(std::string_view verb, const Attributes& attributes);
  void program_end();
  void read_out(std::uint64_t first, std::uint64_t count);
  void digest(std::uint64_t first, std::uint64_t count);
  bool raw(std::span<const std::byte> data);
  void log(std::string_view line);
  void respond(bool ack, std::string_view more = "");
  void document(std::string_view element);
  void say(Bytes bytes) { answers_.push_back(std::move(bytes)); }

  FirehosePlan plan_;
  Descriptors descriptors_;
  SparseMemory medium_;
  std::deque<Bytes> answers_;
  std::string commands_;
  std::uint64_t raw_at_ = 0;    ///< byte of the medium
  std::uint64_t raw_left_ = 0;  ///< of a program
  bool bad_ = false;            ///< the program on its way hit the bad sector
  bool restarting_ = false;
};

}  // namespace flashline::lab
