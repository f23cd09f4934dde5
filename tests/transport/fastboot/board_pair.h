#pragma once
// A board in its bootloader, perhaps with a fault, and a session with it.

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/awaited.h"
#include "tests/lab/emulators/emulated_pipe.h"
#include "tests/lab/emulators/fastboot_board.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/wire_log.h"
#include "transport/fastboot/fastboot_session.h"
#include "transport/fastboot/fastboot_sink.h"

namespace flashline::transport {

struct BoardPair {
  explicit BoardPair(lab::FastbootBoardPlan plan = {}, std::optional<lab::Fault> fault = {})
      : board{std::make_shared<lab::FastbootBoard>(std::move(plan))} {
    if (fault) faulty = std::make_shared<lab::FaultyDevice>(board, *fault);
    const std::shared_ptr<lab::EmulatedDevice> seen = fault ? std::shared_ptr<lab::EmulatedDevice>{faulty} : board;
    auto made = std::make_unique<lab::EmulatedPipe>(seen, PortPath{"usb", {1}});
    pipe = made.get();
    session = FastbootSession::open(std::move(made), {.after_erase = std::chrono::milliseconds{0}, .most_lines = 500},
                                    [this](std::string_view line) { lines.emplace_back(line); })
                  .value();
  }

  template <class T>
  T run(boost::asio::awaitable<T> work) {
    return tests::awaited(context, std::move(work));
  }

  /// The sink, or nothing where the board does not let itself be opened; then `error` says why.
  std::shared_ptr<FastbootSink> sink(FastbootTarget target = pi_gadget_target(), FastbootSinkOptions options = {}) {
    options.on_acknowledged = [this](ByteOffset at, ByteCount length) { acknowledged.push_back({at, length}); };
    options.on_note = [this](std::string_view note) { notes.emplace_back(note); };
    auto opened = run(open_fastboot_sink(session, std::move(target), std::move(options)));
    if (opened) return *opened;
    error = opened.error();
    return nullptr;
  }

  /// How many commands began so.
  std::size_t count(std::string_view beginning) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(board->commands(), [&](const std::string& each) { return each.starts_with(beginning); }));
  }

  boost::asio::io_context context{};
  std::shared_ptr<lab::FastbootBoard> board;
  std::shared_ptr<lab::FaultyDevice> faulty{};
  lab::EmulatedPipe* pipe = nullptr;
  std::vector<std::string> lines{};
  std::vector<std::string> notes{};
  std::vector<std::pair<ByteOffset, ByteCount>> acknowledged{};
  std::optional<Error> error{};
  std::shared_ptr<FastbootSession> session{};
};

inline std::string code(const Status& status) { return status ? "" : std::string{code_of(status.error().code)}; }

/// `count` bytes that differ from others of another seed.
inline std::vector<std::byte> noise(std::size_t count, std::uint32_t seed) {
  std::vector<std::byte> bytes(count);
  std::uint32_t state = seed * 2654435761U + 1;
  for (auto& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::byte>(state >> 24U);
  }
  return bytes;
}

}  // namespace flashline::transport
