#include "transport/fastboot/fastboot_sink.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/fastboot.h"
#include "imaging/core/errors/usb.h"
#include "transport/fastboot/detail/on_worker.h"

namespace flashline::transport {
namespace {

// Digests that wait for verification; a board of any size is checked in between when there are more.
constexpr std::size_t most_ranges = 16'384;

/// To those above, a board that left is a board that left, whatever carried it.
Error as_device(Error error) {
  if (error.code == errc::usb_gone) error.code = errc::device_gone;
  return error;
}

}  // namespace

FastbootSink::FastbootSink(std::shared_ptr<FastbootSession> session, FastbootTarget target, FastbootSinkOptions options,
                           SinkFacts facts, detail::SegmentLimits limits)
    : session_{std::move(session)},
      target_{std::move(target)},
      options_{std::move(options)},
      facts_{std::move(facts)},
      segment_{limits, facts_.sector_size},
      check_{*session_, target_, facts_.sector_size, options_.workers} {}

asio::awaitable<Status> FastbootSink::write(ByteOffset at, IoBuffer data) {
  FL_CO_CHECK(check(at, data.bytes.size()));
  const auto turn = co_await session_->turns().take();
  co_return co_await gather(at.value, data.bytes.size(), data.bytes);
}

asio::awaitable<Status> FastbootSink::zero(ByteOffset at, ByteCount length) {
  FL_CO_CHECK(check(at, length.value));
  const auto turn = co_await session_->turns().take();
  co_return co_await gather(at.value, length.value, {});
}

asio::awaitable<Status> FastbootSink::flush() {
  const auto turn = co_await session_->turns().take();
  if (lost_) co_return std::unexpected{*lost_};
  co_return co_await send_gathered();
}

asio::awaitable<Status> FastbootSink::read(ByteOffset at, IoBuffer into) {
  co_return fail(errc::fastboot_no_read,
                 fmt::format("{} bytes at offset {}: a bootloader gives nothing back", into.bytes.size(), at.value));
}

asio::awaitable<Status> FastbootSink::discard(ByteOffset at, ByteCount length) {
  if (!facts_.can_discard || at.value != 0 || length != facts_.capacity) co_return Status{};
  const auto turn = co_await session_->turns().take();
  if (lost_) co_return std::unexpected{*lost_};
  FL_CO_CHECK(co_await send_gathered());
  co_return co_await erase();
}

asio::awaitable<Status> FastbootSink::verify_written() {
  const auto turn = co_await session_->turns().take();
  if (lost_) co_return std::unexpected{*lost_};
  co_return co_await verify_pending();
}

Status FastbootSink::check(ByteOffset at, std::uint64_t length) const {
  if (lost_) return std::unexpected{*lost_};
  const bool between = at.value % facts_.sector_size != 0 || length % facts_.sector_size != 0;
  if (between || at.value > facts_.capacity.value || length > facts_.capacity.value - at.value) {
    return fail(errc::device_write,
                fmt::format("{} bytes at offset {} are outside of the medium or between sectors", length, at.value));
  }
  return {};
}

asio::awaitable<Status> FastbootSink::gather(std::uint64_t at, std::uint64_t length, std::span<const std::byte> data) {
  if (lost_) co_return std::unexpected{*lost_};
  if (segment_.overlaps(at, length)) FL_CO_CHECK(co_await send_gathered());
  for (std::uint64_t done = 0; done < length;) {
    const std::uint64_t count = segment_.room_for(at + done, length - done, data.empty());
    if (count == 0) {
      FL_CO_CHECK(co_await send_gathered());
      continue;
    }
    if (data.empty()) {
      segment_.add_zeros(at + done, count);
    } else {
      segment_.add(at + done, data.subspan(done, count));
    }
    done += count;
  }
  co_return Status{};
}

asio::awaitable<Status> FastbootSink::send_gathered() {
  if (segment_.empty()) co_return Status{};
  const bool cut = std::ranges::any_of(segment_.runs(),
                                       [&](const auto& run) { return written_.cuts(run.first, run.second.length); });
  if (cut || written_.size() > most_ranges) FL_CO_CHECK(remembered(co_await verify_pending()));
  FL_CO_CHECK(remembered(co_await send_segment()));
  co_return Status{};
}

asio::awaitable<Status> FastbootSink::send_segment() {
  const auto digests =
      co_await detail::on_worker(options_.workers, [this] { return digests_of(segment_, target_.verify); });
  auto sent = co_await send_once();
  if (!sent && sent.error().code != errc::usb_gone) {
    note(fmt::format("sent once more: {}", to_text(sent.error())));
    // A refusal leaves the session as it was; anything else leaves the board waiting for bytes.
    const bool refused = sent.error().code == errc::fastboot_refused;
    if (!refused) {
      if (const auto back = co_await session_->recover(); !back) co_return sent;
    }
    sent = co_await send_once();
    if (!sent && sent.error().code == errc::fastboot_refused) sent = fail(errc::fastboot_flash, sent.error().detail);
  }
  FL_CO_CHECK(sent);
  acknowledge(digests);
  segment_.clear();
  co_return Status{};
}

asio::awaitable<Status> FastbootSink::send_once() {
  const SparseFile file = segment_.file();
  const FastbootData data{file.size(), [&file](std::uint64_t at, std::span<std::byte> into) { file.read(at, into); }};
  FL_CO_CHECK(co_await session_->download(data));
  co_return co_await session_->flash(target_.partition);
}

void FastbootSink::acknowledge(const std::vector<detail::WrittenRange>& digests) {
  for (const auto& each : digests) written_.put(each);
  if (!options_.on_acknowledged) return;
  for (const auto& [at, run] : segment_.runs()) options_.on_acknowledged(ByteOffset{at}, ByteCount{run.length});
}

asio::awaitable<Status> FastbootSink::verify_pending() {
  auto status = co_await check_.check(written_.in_order());
  written_.clear();
  if (!status) co_return std::unexpected{as_device(std::move(status).error())};
  co_return Status{};
}

asio::awaitable<Status> FastbootSink::erase() {
  const auto erased = co_await session_->erase(target_.partition);
  written_.clear();
  if (!erased && erased.error().code != errc::fastboot_refused) {
    co_return remembered(std::unexpected{erased.error()});
  }
  if (!erased) note(to_text(erased.error()));
  asio::steady_timer rest{co_await asio::this_coro::executor, session_->times().after_erase};
  co_await rest.async_wait(asio::use_awaitable);
  co_return Status{};
}

void FastbootSink::note(std::string_view what) const {
  if (options_.on_note) options_.on_note(what);
}

Status FastbootSink::remembered(Status status) {
  if (status) return status;
  std::string where = target_.partition;
  if (!segment_.empty()) {
    where += fmt::format(", {} bytes from offset {} on", segment_.written(), segment_.runs().begin()->first);
  }
  lost_ = in_context(where, as_device(std::move(status).error()));
  return std::unexpected{*lost_};
}

namespace {

// What a bootloader is taken to hold that does not say.
constexpr std::uint64_t usual_download = 16_MiB;
constexpr std::uint64_t slack = 4_KiB;
constexpr std::uint64_t least_download = 64_KiB;

asio::awaitable<Result<std::optional<std::uint64_t>>> number(FastbootSession& session, std::string name) {
  FL_CO_TRY(const auto text, co_await session.getvar(name));
  if (!text) co_return std::nullopt;
  const auto value = parse_fastboot_number(*text);
  if (!value) co_return fail(errc::fastboot_size, fmt::format("{} is '{}'", name, *text));
  co_return value;
}

/// The board's serial number in the storage's place. Makers leave it out or give it to every board: without one nothing
/// is told, and boards in two slots stay two.
std::string medium_of_board(const FastbootSession& session, const std::string& serial, const FastbootTarget& target) {
  if (serial.empty()) return {};
  return fmt::format("{}/{} on {}", serial, target.partition, to_text(session.facts().port));
}

asio::awaitable<Result<SinkFacts>> ask_facts(FastbootSession& session, const FastbootTarget& target) {
  const bool mmc = target.size == FastbootTarget::Size::mmc;
  FL_CO_TRY(const auto sector, co_await number(session, mmc ? "mmc-sector-size" : "logical-block-size"));
  FL_CO_TRY(const auto size, co_await number(session, mmc ? "mmc-sector-count" : "partition-size:" + target.partition));
  const std::uint64_t sector_size = sector.value_or(target.sector_size);
  if (sector_size != 512 && sector_size != 1024 && sector_size != 2048 && sector_size != 4096) {
    co_return fail(errc::fastboot_size, fmt::format("sectors of {} bytes", sector_size));
  }
  const std::uint64_t unit = target.size == FastbootTarget::Size::bytes ? 1 : sector_size;
  // A block's number in a sparse image has 32 bits.
  const std::uint64_t most = std::uint64_t{0xffff'ffff} * sector_size;
  if (!size || *size == 0 || *size > most / unit || *size * unit % sector_size != 0) {
    co_return fail(errc::fastboot_size, fmt::format("the size of {} is {}", target.partition, size.value_or(0)));
  }
  FL_CO_TRY(const auto cid, co_await session.getvar("mmc-cid"));
  FL_CO_TRY(const auto serial, co_await session.getvar("serialno"));
  const std::string unit_name = serial.value_or(session.facts().serial);
  co_return SinkFacts{.path = fmt::format("fastboot:{}/{}", unit_name, target.partition),
                      .capacity = ByteCount{*size * unit},
                      .sector_size = static_cast<std::uint32_t>(sector_size),
                      .medium = cid ? "cid " + *cid : medium_of_board(session, unit_name, target),
                      .can_discard = target.erases,
                      .access = "fastboot",
                      .read_back = target.verify == FastbootTarget::Verify::none ? ReadBack::none : ReadBack::by_board};
}

}  // namespace

asio::awaitable<Result<std::shared_ptr<FastbootSink>>> open_fastboot_sink(std::shared_ptr<FastbootSession> session,
                                                                          FastbootTarget target,
                                                                          FastbootSinkOptions options) {
  const auto turn = co_await session->turns().take();
  FL_CO_TRY(const auto told, co_await number(*session, "max-download-size"));
  const std::uint64_t download = std::min(told.value_or(usual_download), target.most_download.value);
  if (download < least_download) {
    co_return fail(errc::fastboot_size, fmt::format("the bootloader takes {} bytes at once", download));
  }
  FL_CO_TRY(auto facts, co_await ask_facts(*session, target));
  const detail::SegmentLimits limits{.memory = std::max(options.memory.value, least_download),
                                     .file = download - slack,
                                     .written = std::max(target.most_written.value, least_download)};
  co_return std::shared_ptr<FastbootSink>{
      new FastbootSink{std::move(session), std::move(target), std::move(options), std::move(facts), limits}};
}

}  // namespace flashline::transport
