#pragma once
// Talking to a bootloader: one command at a time, an answer to each.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "transport/fastboot/detail/turns.h"
#include "transport/fastboot/fastboot_reply.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::transport {

/// How long what is waited for. A line of INFO begins the wait anew.
struct FastbootTimes {
  using Time = std::chrono::milliseconds;
  Time command{10'000};      ///< getvar, oem and the like
  Time piece{20'000};        ///< one piece of a download
  Time flash{120'000};       ///< one segment onto the medium
  Time erase{600'000};       ///< the whole medium
  Time after_erase{3000};    ///< bootloaders say it too early
  Time verify{120'000};      ///< one range
  Time in_all{30 * 60'000};  ///< one command with all its lines
  std::size_t most_lines = 10'000;
  std::size_t piece_size = 1024 * 1024;  ///< bytes; the pipe cuts it and keeps several in flight
};

/// What a download takes its bytes from, piece by piece.
struct FastbootData {
  std::uint64_t size = 0;
  std::function<void(std::uint64_t at, std::span<std::byte> into)> read{};
};

/// The fastboot interface of a device, or null. What it says of its endpoints is checked by FastbootSession::open.
const UsbInterface* fastboot_interface_of(const UsbFacts& device);
/// The Raspberry Pi's gadget: its USB ids are everybody's, so the manufacturer has to fit, too.
bool is_pi_gadget(const UsbFacts& device);

/// Errors of every command: fastboot_refused (the bootloader failed it; the session goes on), fastboot_reply,
/// fastboot_endless, those of BytePipe. After any but fastboot_refused: recover(), or give the board up.
class FastbootSession {
 public:
  using Time = FastbootTimes::Time;
  using OnLine = std::function<void(std::string_view line)>;

  /// `on_line` hears INFO and TEXT. Errors: fastboot_interface (not one bulk endpoint each way).
  static Result<std::shared_ptr<FastbootSession>> open(std::unique_ptr<BytePipe> pipe, FastbootTimes times = {},
                                                       OnLine on_line = {});

  /// The text of its OKAY.
  asio::awaitable<Result<std::string>> command(std::string words, Time timeout);
  asio::awaitable<Result<std::string>> command(std::string words) { return command(std::move(words), times_.command); }
  /// Nothing: the bootloader does not know it, or has no value.
  asio::awaitable<Result<std::optional<std::string>>> getvar(std::string name);
  /// Puts bytes into the board's memory. Errors also: fastboot_data_length.
  asio::awaitable<Status> download(FastbootData data);
  asio::awaitable<Status> flash(std::string partition);
  asio::awaitable<Status> erase(std::string partition);
  /// "reboot", "reboot-bootloader", "continue": the board may be gone before it answers.
  asio::awaitable<Status> reboot(std::string words = "reboot");
  /// A data phase cannot be taken back: resets the port and asks for a sign of life. Errors: usb_gone and others of the
  /// pipe; then only taking the board's power helps.
  asio::awaitable<Status> recover();

  /// Whose turn it is, where several share the session. Commands do not take it by themselves.
  detail::Turns& turns() { return turns_; }
  const UsbFacts& facts() const { return pipe_->facts(); }
  const FastbootTimes& times() const { return times_; }

 private:
  FastbootSession(std::unique_ptr<BytePipe> pipe, std::uint8_t in, std::uint8_t out, FastbootTimes times,
                  OnLine on_line)
      : pipe_{std::move(pipe)}, in_{in}, out_{out}, times_{times}, on_line_{std::move(on_line)} {}

  asio::awaitable<Status> say(std::string_view words);
  asio::awaitable<Result<FastbootReply>> answer(std::string_view words, Time timeout);
  asio::awaitable<Status> send(const FastbootData& data);

  std::unique_ptr<BytePipe> pipe_;
  std::uint8_t in_;
  std::uint8_t out_;
  FastbootTimes times_;
  OnLine on_line_;
  detail::Turns turns_;
};

}  // namespace flashline::transport
