#include "transport/firehose/firehose.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/sahara.h"
#include "imaging/core/errors/usb.h"
#include "transport/usb/descriptors.h"

namespace flashline::transport {
namespace {

constexpr std::size_t transfer_size = 4096;
constexpr unsigned most_transfers = 1024;  // a report of a large storage takes some thirty
constexpr std::size_t most_of_a_line = 1024;
constexpr int most_proposals = 4;
constexpr unsigned most_empty_transfers = 16;
constexpr unsigned quiet_enough = 4;
constexpr std::chrono::milliseconds short_silence{2};

FirehoseAttribute attribute(std::string_view name, std::uint64_t value) {
  return {std::string{name}, fmt::format("{}", value)};
}

bool is_ack(const FirehoseElement& response) {
  const std::string* const value = response.find("value");
  return value != nullptr && *value == "ACK";
}

bool is_raw(const FirehoseElement& response) {
  const std::string* const mode = response.find("rawmode");
  return mode != nullptr && *mode == "true";
}

std::string last_words(const std::vector<std::string>& logs) {
  return logs.empty() ? "and does not say why" : fmt::format("saying \"{}\"", shown_string(logs.back()));
}

}  // namespace

asio::awaitable<Result<Firehose>> Firehose::configure(EdlPipe pipe, FirehoseOptions options) {
  Firehose made{pipe, std::move(options)};
  FL_CO_CHECK(co_await made.listen());
  FL_CO_CHECK(co_await made.agree());
  co_return made;
}

/// What it says of itself after its start, until it is silent.
asio::awaitable<Status> Firehose::listen() {
  Reply greeting;
  bool answered = false;
  auto timeout = options_.greeting;
  while (!answered) {
    const auto heard = co_await hear(greeting, timeout, answered);
    if (!heard && heard.error().code == errc::usb_timeout) break;
    if (!heard) co_return std::unexpected{heard.error()};
    timeout = options_.silence;
  }
  heard_.clear();
  co_return Status{};
}

asio::awaitable<Status> Firehose::agree() {
  std::uint32_t wanted = options_.max_payload;
  for (int proposal = 0; proposal < most_proposals; ++proposal) {
    FL_CO_TRY(const Reply said, co_await command("configure",
                                                 {{"MemoryName", options_.memory},
                                                  attribute("MaxPayloadSizeToTargetInBytes", wanted),
                                                  attribute("Verbose", 0),
                                                  attribute("ZlpAwareHost", 1),
                                                  attribute("SkipStorageInit", 0)},
                                                 options_.reply));
    const auto size = said.response.number("MaxPayloadSizeToTargetInBytes");
    const bool smaller = size && *size >= transfer_size && *size < wanted;
    max_payload_ = smaller ? static_cast<std::uint32_t>(*size / transfer_size * transfer_size) : wanted;
    if (is_ack(said.response)) co_return Status{};
    if (!smaller)
      co_return fail(errc::firehose_nak,
                     fmt::format("the programmer refuses its configuration, {}", last_words(said.logs)));
    wanted = max_payload_;
  }
  co_return fail(errc::firehose_nak, "the programmer refuses every size of transfers, its own ones, too");
}

asio::awaitable<Result<Firehose::Reply>> Firehose::command(std::string_view verb,
                                                           std::vector<FirehoseAttribute> attributes,
                                                           std::chrono::milliseconds timeout, Late late) {
  if (stuck_) co_return fail(errc::firehose_raw, "the programmer failed while data were on their way to it");
  const std::string text = firehose_command(verb, attributes);
  FL_CO_CHECK(co_await pipe_.write(std::as_bytes(std::span{text}), options_.reply));
  co_return co_await reply(timeout, late);
}

/// Everything up to a response, and what is said after it.
asio::awaitable<Result<Firehose::Reply>> Firehose::reply(std::chrono::milliseconds timeout, Late late) {
  Reply said;
  bool answered = false;
  while (!answered) FL_CO_CHECK(co_await hear(said, timeout, answered));
  // A refusal has no data behind it.
  if (late == Late::may_come || !is_ack(said.response)) FL_CO_CHECK(co_await late_words(said, answered));
  co_return said;
}

/// Some programmers log after they answered, and take nothing until that was read. One that was silent after each of
/// its first answers is not waited for any longer: it would be the slowest thing on the way.
asio::awaitable<Status> Firehose::late_words(Reply& said, bool& answered) {
  const bool known_quiet = !ever_late_ && quiet_ >= quiet_enough;
  const auto silence = known_quiet ? std::min(short_silence, options_.silence) : options_.silence;
  for (bool late = false;; late = true) {
    const auto heard = co_await hear(said, silence, answered);
    ever_late_ |= late;
    if (heard) continue;
    if (heard.error().code != errc::usb_timeout) co_return std::unexpected{heard.error()};
    ++quiet_;
    co_return Status{};
  }
}

/// One transfer more of what it says.
asio::awaitable<Result<std::size_t>> Firehose::hear(Reply& said, std::chrono::milliseconds timeout, bool& answered) {
  std::array<std::byte, transfer_size> bytes{};
  FL_CO_TRY(const std::size_t size, co_await pipe_.read(bytes, timeout));
  if (++said.transfers > most_transfers) co_return fail(errc::firehose_reply, "the programmer talks without end");
  heard_.append(reinterpret_cast<const char*>(bytes.data()), size);
  FL_CO_TRY(FirehoseText text, read_firehose(heard_));
  heard_.erase(0, text.used);
  keep(said, std::move(text), answered);
  co_return size;
}

void Firehose::keep(Reply& said, FirehoseText text, bool& answered) {
  for (FirehoseElement& element : text.elements) {
    if (element.name == "response") {
      said.response = std::move(element);
      answered = true;
    } else if (element.name == "log") {
      keep_log(said, element);
    }
  }
}

void Firehose::keep_log(Reply& said, const FirehoseElement& element) {
  const std::string* const line = element.find("value");
  if (line == nullptr) return;
  said.logs.push_back(line->substr(0, most_of_a_line));
  if (options_.on_log) options_.on_log(shown_string(*line));
}

asio::awaitable<Result<FirehoseStorage>> Firehose::storage() {
  FL_CO_TRY(Reply said,
            co_await command("getstorageinfo", {attribute("physical_partition_number", 0)}, options_.reply));
  if (!is_ack(said.response))
    co_return fail(errc::firehose_storage,
                   fmt::format("the programmer does not describe its storage, {}", last_words(said.logs)));
  FL_CO_TRY(FirehoseStorage found, storage_in(said.logs));
  sector_size_ = found.sector_size;
  co_return found;
}

/// A command about sectors that was answered with ACK.
asio::awaitable<Result<Firehose::Reply>> Firehose::accepted(std::string_view verb, SectorRun run,
                                                            std::chrono::milliseconds timeout, Late late) {
  FL_CO_TRY(
      Reply said,
      co_await command(verb,
                       {attribute("SECTOR_SIZE_IN_BYTES", sector_size_), attribute("num_partition_sectors", run.count),
                        attribute("physical_partition_number", 0), attribute("start_sector", run.first)},
                       timeout, late));
  if (is_ack(said.response)) co_return said;
  co_return fail(errc::firehose_nak, fmt::format("the programmer refuses to {} {} sectors at {}, {}", verb, run.count,
                                                 run.first, last_words(said.logs)));
}

asio::awaitable<Status> Firehose::raw_mode(std::string_view verb, SectorRun run, Late late) {
  FL_CO_TRY(const Reply said, co_await accepted(verb, run, options_.reply, late));
  if (!is_raw(said.response))
    co_return fail(errc::firehose_reply, fmt::format("the programmer says yes to {} and waits for no data", verb));
  co_return Status{};
}

/// An error between ACK and ACK leaves a programmer that takes everything for data.
Status Firehose::in_raw(Status status) {
  if (!status) stuck_ = true;
  return status;
}

asio::awaitable<Status> Firehose::program(SectorRun run, std::span<const std::byte> data) {
  FL_CO_CHECK(co_await raw_mode("program", run, Late::may_come));
  FL_CO_CHECK(in_raw(co_await send_all(run, data)));
  co_return in_raw(co_await end_of_raw("program"));
}

asio::awaitable<Status> Firehose::send_all(SectorRun run, std::span<const std::byte> data) {
  std::span<const std::byte> left;
  for (std::uint64_t to_send = run.count * sector_size_; to_send > 0;) {
    if (left.empty()) left = data;
    const auto piece = left.first(std::min<std::size_t>(left.size(), max_payload_));
    FL_CO_CHECK(co_await pipe_.write(piece, options_.data));
    left = left.subspan(piece.size());
    to_send -= piece.size();
  }
  co_return Status{};
}

asio::awaitable<Status> Firehose::read(SectorRun run, std::span<std::byte> into) {
  FL_CO_CHECK(co_await raw_mode("read", run, Late::cannot));
  FL_CO_CHECK(in_raw(co_await receive_all(into)));
  co_return in_raw(co_await end_of_raw("read"));
}

asio::awaitable<Status> Firehose::receive_all(std::span<std::byte> into) {
  unsigned empty = 0;
  while (!into.empty()) {
    FL_CO_TRY(const std::size_t size,
              co_await pipe_.read(into.first(std::min<std::size_t>(into.size(), max_payload_)), options_.data));
    if (size == 0 && ++empty > most_empty_transfers)
      co_return fail(errc::firehose_reply, "the programmer sends no data, over and over");
    into = into.subspan(size);
  }
  co_return Status{};
}

asio::awaitable<Status> Firehose::end_of_raw(std::string_view verb) {
  FL_CO_TRY(const Reply said, co_await reply(options_.program));
  if (is_ack(said.response) && !is_raw(said.response)) co_return Status{};
  co_return fail(errc::firehose_nak, fmt::format("the programmer could not {}, {}", verb, last_words(said.logs)));
}

asio::awaitable<Result<Sha256>> Firehose::digest(SectorRun run) {
  FL_CO_TRY(const Reply said, co_await accepted("getsha256digest", run, options_.program));
  for (const FirehoseAttribute& each : said.response.attributes) {
    if (const auto found = digest_in(each.value)) co_return *found;
  }
  for (const std::string& log : said.logs) {
    if (const auto found = digest_in(log)) co_return *found;
  }
  co_return fail(errc::firehose_reply, "the programmer says yes to a digest and tells none");
}

asio::awaitable<Status> Firehose::erase(SectorRun run) {
  FL_CO_TRY([[maybe_unused]] const Reply said, co_await accepted("erase", run, options_.erase));
  co_return Status{};
}

asio::awaitable<Status> Firehose::restart() {
  const auto said = co_await command("power", {{"value", "reset"}}, options_.reply);
  // It may be gone before, while or after it answers.
  if (!said && said.error().code != errc::usb_gone) co_return std::unexpected{said.error()};
  if (said && !is_ack(said->response))
    co_return fail(errc::firehose_nak,
                   fmt::format("the programmer does not restart the board, {}", last_words(said->logs)));
  co_return Status{};
}

}  // namespace flashline::transport
