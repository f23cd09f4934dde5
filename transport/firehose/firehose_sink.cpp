#include "transport/firehose/firehose_sink.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/sahara.h"
#include "imaging/core/errors/usb.h"

namespace flashline::transport {
namespace {

constexpr std::size_t zeros_size = 1024 * 1024;
// As long as a run of zeros takes, nothing else is heard of the board.
constexpr std::uint64_t most_zeros = 64 * 1024 * 1024;
// Past this the list is verified by the way: memory has a limit whatever is written.
constexpr std::size_t most_unverified = 16384;

bool overlap(SectorRun one, SectorRun other) {
  return one.first < other.first + other.count && other.first < one.first + one.count;
}

asio::awaitable<Sha256> digest_of(std::uint64_t size, std::span<const std::byte> repeated) {
  Sha256Stream stream;
  for (std::uint64_t left = size; left > 0;) {
    const auto piece = repeated.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, repeated.size())));
    stream.update(piece);
    left -= piece.size();
  }
  co_return stream.finish();
}

}  // namespace

class FirehoseSink::Turns {
 public:
  explicit Turns(asio::any_io_executor executor) : one_{std::move(executor), 1} {}

  struct GiveBack {
    Turns* turns;
    void operator()(void*) const {
      turns->one_.try_receive([](auto...) {});
    }
  };
  using Turn = std::unique_ptr<void, GiveBack>;

  asio::awaitable<Turn> take() {
    co_await one_.async_send(boost::system::error_code{}, asio::use_awaitable);
    co_return Turn{this, {this}};
  }

 private:
  asio::experimental::channel<void(boost::system::error_code)> one_;
};

FirehoseSink::FirehoseSink(std::unique_ptr<BytePipe> pipe, Firehose firehose, asio::any_io_executor executor,
                           FirehoseSinkOptions options)
    : pipe_{std::move(pipe)},
      firehose_{std::move(firehose)},
      options_{std::move(options)},
      turns_{std::make_shared<Turns>(std::move(executor))} {
  collected_.reserve(options_.collect);
}

asio::awaitable<Result<std::unique_ptr<FirehoseSink>>> FirehoseSink::open(std::unique_ptr<BytePipe> pipe,
                                                                          std::string name,
                                                                          FirehoseSinkOptions options) {
  FL_CO_TRY(const EdlPipe edl, EdlPipe::over(*pipe));
  FL_CO_TRY(Firehose firehose, co_await Firehose::configure(edl, options.programmer));
  const auto executor = co_await asio::this_coro::executor;
  std::unique_ptr<FirehoseSink> sink{
      new FirehoseSink{std::move(pipe), std::move(firehose), executor, std::move(options)}};
  FL_CO_CHECK(co_await sink->find_facts(std::move(name)));
  co_return sink;
}

asio::awaitable<Status> FirehoseSink::find_facts(std::string name) {
  FL_CO_TRY(const FirehoseStorage storage, co_await firehose_.storage());
  facts_ = {.path = std::move(name),
            .capacity = ByteCount{storage.sectors * storage.sector_size},
            .sector_size = storage.sector_size,
            .medium = storage.name,
            .access = fmt::format("Firehose, transfers of {} bytes", firehose_.max_payload())};
  if (options_.read_back) {
    facts_.read_back = *options_.read_back;
  } else {
    FL_CO_TRY(facts_.read_back, co_await tried_read_back());
  }
  co_return Status{};
}

/// Asks for the first sector in either way. A refusal leaves the programmer as it was.
asio::awaitable<Result<ReadBack>> FirehoseSink::tried_read_back() {
  std::vector<std::byte> sector(facts_.sector_size);
  const auto read = co_await firehose_.read({0, 1}, sector);
  if (read) co_return ReadBack::bytes;
  if (read.error().code != errc::firehose_nak) co_return std::unexpected{read.error()};
  const auto digest = co_await firehose_.digest({0, 1});
  if (digest) co_return ReadBack::by_board;
  if (digest.error().code != errc::firehose_nak) co_return std::unexpected{digest.error()};
  co_return ReadBack::none;
}

Result<SectorRun> FirehoseSink::sectors(ByteOffset at, std::uint64_t length) const {
  const auto end = end_of(at, ByteCount{length});
  if (!end || end->value > facts_.capacity.value) {
    return fail(errc::device_full, fmt::format("{} bytes at {} of {}", length, at.value, facts_.capacity.value));
  }
  return SectorRun{at.value / facts_.sector_size, length / facts_.sector_size};
}

/// What happened, in the words of sinks; what only a programmer does keeps its own.
Status FirehoseSink::as_device(Status status, ByteOffset at) {
  if (status) return status;
  const std::string detail = fmt::format("at {}: {}", at.value, status.error().detail);
  const Errc code = status.error().code;
  if (code == errc::usb_gone) return fail(errc::device_gone, detail);
  if (code == errc::usb_timeout) return fail(errc::device_timeout, detail);
  if (code == errc::firehose_nak) return fail(errc::device_write, detail);
  return fail(code, detail);
}

asio::awaitable<Status> FirehoseSink::write(ByteOffset at, IoBuffer data) {
  FL_CO_TRY([[maybe_unused]] const SectorRun run, sectors(at, data.bytes.size()));
  const auto turn = co_await turns_->take();
  co_return co_await take(at, data.bytes);
}

asio::awaitable<Status> FirehoseSink::take(ByteOffset at, std::span<const std::byte> data) {
  if (failed_) co_return std::unexpected{*failed_};
  const bool follows = at.value == collected_at_.value + collected_.size();
  if (!follows || collected_.size() + data.size() > options_.collect) FL_CO_CHECK(co_await write_collected());
  if (data.size() >= options_.collect) {
    FL_CO_TRY(const SectorRun run, sectors(at, data.size()));
    co_return co_await write_run(run, data);
  }
  if (collected_.empty()) collected_at_ = at;
  collected_.insert(collected_.end(), data.begin(), data.end());
  co_return Status{};
}

asio::awaitable<Status> FirehoseSink::write_collected() {
  if (failed_) co_return std::unexpected{*failed_};
  if (collected_.empty()) co_return Status{};
  FL_CO_TRY(const SectorRun run, sectors(collected_at_, collected_.size()));
  const auto status = co_await write_run(run, collected_);
  collected_.clear();
  co_return status;
}

asio::awaitable<Status> FirehoseSink::write_run(SectorRun run, std::span<const std::byte> data) {
  if (failed_) co_return std::unexpected{*failed_};
  auto status = co_await program(run, data);
  if (!status) failed_ = status.error();
  co_return status;
}

asio::awaitable<Status> FirehoseSink::program(SectorRun run, std::span<const std::byte> data) {
  const bool digests = facts_.read_back == ReadBack::by_board;
  if (digests) FL_CO_CHECK(co_await verify_before(run));
  FL_CO_CHECK(as_device(co_await firehose_.program(run, data), at_of(run)));
  if (digests) written_.push_back({run, co_await digested(run, data)});
  co_return Status{};
}

asio::awaitable<Sha256> FirehoseSink::digested(SectorRun run, std::span<const std::byte> data) {
  auto work = digest_of(run.count * facts_.sector_size, data);
  if (!options_.hash_on) co_return co_await std::move(work);
  co_return co_await asio::co_spawn(options_.hash_on, std::move(work), asio::use_awaitable);
}

/// A run that is about to be overwritten has to be verified before: afterwards its digest would say nothing, and the
/// part of it that stays would never have been looked at.
asio::awaitable<Status> FirehoseSink::verify_before(SectorRun run) {
  const bool hides = std::ranges::any_of(written_, [&](const Written& each) { return overlap(each.run, run); });
  if (hides || written_.size() >= most_unverified) co_return co_await verify_all();
  co_return Status{};
}

asio::awaitable<Status> FirehoseSink::verify_all() {
  for (const Written& each : written_) {
    const auto found = co_await firehose_.digest(each.run);
    if (!found) co_return as_device(std::unexpected{found.error()}, at_of(each.run));
    if (*found != each.digest) {
      co_return fail(errc::verify_mismatch, fmt::format("{} bytes at {}: the board's digest is another",
                                                        each.run.count * facts_.sector_size, at_of(each.run).value));
    }
  }
  written_.clear();
  co_return Status{};
}

asio::awaitable<Status> FirehoseSink::flush() {
  const auto turn = co_await turns_->take();
  co_return co_await write_collected();
}

asio::awaitable<Status> FirehoseSink::verify_written() {
  const auto turn = co_await turns_->take();
  FL_CO_CHECK(co_await write_collected());
  co_return co_await verify_all();
}

asio::awaitable<Status> FirehoseSink::read(ByteOffset at, IoBuffer into) {
  FL_CO_TRY(const SectorRun run, sectors(at, into.bytes.size()));
  const auto turn = co_await turns_->take();
  FL_CO_CHECK(co_await write_collected());
  auto status = co_await firehose_.read(run, into.bytes);
  if (!status && status.error().code == errc::firehose_nak) status.error().code = errc::device_read;
  co_return as_device(std::move(status), at);
}

asio::awaitable<Status> FirehoseSink::discard(ByteOffset, ByteCount) { co_return Status{}; }

asio::awaitable<Status> FirehoseSink::zero(ByteOffset at, ByteCount length) {
  FL_CO_TRY(SectorRun left, sectors(at, length.value));
  const auto turn = co_await turns_->take();
  FL_CO_CHECK(co_await write_collected());
  const std::vector<std::byte> zeros(zeros_size);
  while (left.count > 0) {
    const SectorRun run{left.first, std::min(left.count, most_zeros / facts_.sector_size)};
    const std::uint64_t bytes = run.count * facts_.sector_size;
    // A run has to end where the zeros at hand end: a rest that does not is a run of its own.
    const std::uint64_t size = bytes < zeros_size ? bytes : bytes / zeros_size * zeros_size;
    const SectorRun whole{run.first, size / facts_.sector_size};
    FL_CO_CHECK(co_await write_run(
        whole, std::span{zeros}.first(static_cast<std::size_t>(std::min<std::uint64_t>(size, zeros_size)))));
    left = {left.first + whole.count, left.count - whole.count};
  }
  co_return Status{};
}

asio::awaitable<Status> FirehoseSink::restart() {
  const auto turn = co_await turns_->take();
  FL_CO_CHECK(co_await write_collected());
  co_return as_device(co_await firehose_.restart(), ByteOffset{0});
}

}  // namespace flashline::transport
