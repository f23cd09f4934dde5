#pragma once
// Firehose: the programmer that Sahara loaded writes, reads and digests the board's storage.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "transport/firehose/firehose_xml.h"
#include "transport/sahara/edl_pipe.h"

namespace flashline::transport {

struct FirehoseOptions {
  std::string memory = "emmc";
  std::uint32_t max_payload = 1024 * 1024;   ///< bytes a transfer that are asked for; the programmer may want fewer
  std::chrono::milliseconds greeting{2000};  ///< for what it says after its start, which may be nothing
  std::chrono::milliseconds reply{10000};
  std::chrono::milliseconds data{30000};      ///< one transfer of data
  std::chrono::milliseconds program{120000};  ///< the end of a program, a read or a digest
  std::chrono::milliseconds erase{30000};
  std::chrono::milliseconds silence{100};  ///< after an answer, in which more may be said
  /// A line that the programmer says, made fit to be shown. May be empty.
  std::function<void(std::string_view)> on_log{};
};

struct FirehoseStorage {
  std::uint64_t sectors = 0;
  std::uint32_t sector_size = 0;  ///< 512 or 4096
  std::string name{};             ///< product name and serial as far as it tells them
};

/// A run of sectors.
struct SectorRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// One owner, one call at a time. Errors of all calls: those of the pipe, firehose_reply (an answer that is none),
/// firehose_nak (it refuses), firehose_raw (a call after one that failed while data were on their way: only power off
/// helps).
class Firehose {
 public:
  /// Listens to its greeting and agrees on how to transfer. The pipe outlives it.
  static asio::awaitable<Result<Firehose>> configure(EdlPipe pipe, FirehoseOptions options);

  /// Bytes of a transfer that were agreed on.
  std::uint32_t max_payload() const { return max_payload_; }

  /// What it writes to. Errors also: firehose_storage (it does not tell, or nothing sensible). Tells the programmer's
  /// sector size to all calls below.
  asio::awaitable<Result<FirehoseStorage>> storage();
  /// Writes `data`, as often as it takes to fill `run`; it divides the run's size. It is durable when this returns.
  asio::awaitable<Status> program(SectorRun run, std::span<const std::byte> data);
  /// Fills `into`, which has the run's size.
  asio::awaitable<Status> read(SectorRun run, std::span<std::byte> into);
  /// SHA-256 of the run as it lies on the medium.
  asio::awaitable<Result<Sha256>> digest(SectorRun run);
  asio::awaitable<Status> erase(SectorRun run);
  /// The board starts anew and leaves its port.
  asio::awaitable<Status> restart();

 private:
  /// What it said to one command.
  struct Reply {
    FirehoseElement response{};
    std::vector<std::string> logs{};
    unsigned transfers = 0;
  };
  /// Whether something may be said after an answer; behind that to `read` the data follow at once.
  enum class Late : std::uint8_t { may_come, cannot };

  Firehose(EdlPipe pipe, FirehoseOptions options) : pipe_{pipe}, options_{std::move(options)} {}

  asio::awaitable<Status> listen();
  asio::awaitable<Status> agree();
  asio::awaitable<Result<Reply>> command(std::string_view verb, std::vector<FirehoseAttribute> attributes,
                                         std::chrono::milliseconds timeout, Late late = Late::may_come);
  asio::awaitable<Result<Reply>> reply(std::chrono::milliseconds timeout, Late late = Late::may_come);
  asio::awaitable<Result<std::size_t>> hear(Reply& reply, std::chrono::milliseconds timeout, bool& answered);
  void keep(Reply& reply, FirehoseText text, bool& answered);
  void keep_log(Reply& reply, const FirehoseElement& element);
  asio::awaitable<Status> late_words(Reply& reply, bool& answered);
  asio::awaitable<Result<Reply>> accepted(std::string_view verb, SectorRun run, std::chrono::milliseconds timeout,
                                          Late late = Late::may_come);
  asio::awaitable<Status> raw_mode(std::string_view verb, SectorRun run, Late late);
  asio::awaitable<Status> send_all(SectorRun run, std::span<const std::byte> data);
  asio::awaitable<Status> receive_all(std::span<std::byte> into);
  asio::awaitable<Status> end_of_raw(std::string_view verb);
  Status in_raw(Status status);

  EdlPipe pipe_;
  FirehoseOptions options_;
  std::uint32_t max_payload_ = 0;
  std::uint32_t sector_size_ = 512;
  std::string heard_{};     ///< text whose document is not whole yet
  unsigned quiet_ = 0;      ///< answers after which nothing came
  bool ever_late_ = false;  ///< something came after an answer
  bool stuck_ = false;      ///< failed in raw mode
};

/// The storage that a programmer describes in its logs: `{"storage_info": {...}}` or "Device Total Logical Blocks:
/// 0x..". Errors: firehose_storage.
Result<FirehoseStorage> storage_in(std::span<const std::string> logs);

/// The only 64 hex digits in a row of a log or of an answer's attribute, or nothing.
std::optional<Sha256> digest_in(std::string_view text);

}  // namespace flashline::transport
