#pragma once
// Qualcomm's boot ROM in emergency download mode: it asks for pieces of a programmer until it has the whole, then runs
// it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "imaging/core/error.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::transport {

struct SaharaOptions {
  std::chrono::milliseconds packet{1000};
  std::chrono::milliseconds data{5000};  ///< a piece of the programmer
  std::uint32_t image = 13;              ///< what the chip calls the programmer
  bool ask_serial = true;                ///< by the command mode, before anything is loaded
  /// Bytes of the programmer that were asked for up to now, of how many. May be empty.
  std::function<void(std::uint64_t, std::uint64_t)> on_progress{};
};

struct SaharaOutcome {
  bool firehose_runs = false;  ///< the chip said no hello: a programmer runs already, or nothing does
  std::uint32_t version = 0;   ///< of the chip's Sahara
  std::string serial{};        ///< eight hex digits; empty: it told none
  std::uint64_t sent = 0;      ///< bytes of the programmer
};

/// Gives `programmer` to the chip behind `pipe`; both outlive the call. Afterwards Firehose answers on the same pipe.
/// Errors: sahara_reply, sahara_programmer (it wants bytes that the file does not have), sahara_refused, sahara_mode,
/// usb_no_interface and those of the pipe.
asio::awaitable<Result<SaharaOutcome>> load_programmer(BytePipe& pipe, std::span<const std::byte> programmer,
                                                       SaharaOptions options = {});

/// The serial that a chip in this mode has in its product string ("..._SN:1A2B3C4D"), or nothing.
std::string serial_in_product(std::string_view product_name);

}  // namespace flashline::transport
