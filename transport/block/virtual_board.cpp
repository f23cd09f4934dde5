#include "transport/block/virtual_board.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <string>
#include <utility>

#include "imaging/core/errors/device.h"

namespace flashline::transport {
namespace {

constexpr std::size_t page_size = 4096;

struct alignas(page_size) Page {
  std::byte bytes[page_size];
};

}  // namespace
VirtualBoard::VirtualBoard(asio::any_io_executor executor, std::unique_ptr<BlockSink> medium, BoardTraits traits,
                           std::shared_ptr<BoardHistory> history)
    : executor_{std::move(executor)},
      medium_{std::move(medium)},
      traits_{traits},
      history_{std::move(history)},
      facts_{medium_->facts()} {
  facts_.access += ", virtual board";
  // A card that wraps cannot punch holes where it says; it would only confuse what the wrapping shows.
  if (traits_.real_capacity.value != 0) facts_.can_discard = false;
}

VirtualBoard::Clock::time_point VirtualBoard::occupy(std::uint64_t bytes, std::uint64_t rate) {
  free_at_ = std::max(free_at_, Clock::now());
  if (rate != 0) {
    const double seconds = static_cast<double>(bytes) / static_cast<double>(rate);
    free_at_ += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{seconds});
  }
  return free_at_;
}

VirtualBoard::Clock::duration VirtualBoard::stalls_for(std::uint64_t bytes) {
  const auto before = history_->bytes_written;
  history_->bytes_written += bytes;
  const auto every = traits_.stall_every.value;
  if (every == 0) return {};
  return traits_.stall * (history_->bytes_written / every - before / every);
}

asio::awaitable<void> VirtualBoard::wait_until(Clock::time_point due) {
  if (due <= Clock::now()) co_return;
  asio::steady_timer timer{executor_, due};
  co_await timer.async_wait(asio::use_awaitable);
}

Status VirtualBoard::still_here() const {
  if (gone_) return fail(errc::device_gone, "the board left (virtual board, as set up)");
  return {};
}

Status VirtualBoard::misfortune_of_write(std::uint64_t number, ByteOffset end) {
  const bool reaches_end = traits_.vanish_at && end > *traits_.vanish_at;
  if (reaches_end || traits_.leave_write == number) leave();
  FL_CHECK(still_here());
  if (traits_.fail_write == number) return fail(errc::device_write, "write " + std::to_string(number) + " failed");
  return {};
}

VirtualBoard::Stretch VirtualBoard::real_stretch(ByteOffset at, std::uint64_t length) const {
  const auto real = traits_.real_capacity.value;
  if (real == 0) return {at, static_cast<std::size_t>(length)};
  const auto start = at.value % real;
  return {ByteOffset{start}, static_cast<std::size_t>(std::min(length, real - start))};
}

asio::awaitable<Status> VirtualBoard::keep(ByteOffset at, IoBuffer data) {
  for (std::size_t done = 0; done < data.bytes.size();) {
    const auto stretch = real_stretch(ByteOffset{at.value + done}, data.bytes.size() - done);
    FL_CO_CHECK(co_await medium_->write(stretch.at, data.part(done, stretch.length)));
    done += stretch.length;
  }
  co_return Status{};
}

// The caller's memory is not ours to change, so the wrong bit is written over the right ones afterwards.
asio::awaitable<Status> VirtualBoard::spoil(ByteOffset at, IoBuffer data) {
  const auto count = std::min(page_size, data.bytes.size());
  const std::unique_ptr<Page> wrong{new Page};
  std::memcpy(wrong->bytes, data.bytes.data(), count);
  wrong->bytes[count / 2] ^= std::byte{0x10};
  co_return co_await medium_->write(real_stretch(at, count).at, IoBuffer{{wrong->bytes, count}});
}

asio::awaitable<Status> VirtualBoard::write(ByteOffset at, IoBuffer data) {
  FL_CO_CHECK(still_here());
  const auto length = data.bytes.size();
  const auto number = ++history_->writes;
  FL_CO_CHECK(misfortune_of_write(number, ByteOffset{at.value + length}));
  occupy(length, traits_.write_rate);
  const auto due = free_at_ += stalls_for(length);
  auto status = co_await keep(at, data);
  if (status && traits_.lie_write == number) status = co_await spoil(at, data);
  co_await wait_until(due);
  if (status) status = still_here();
  co_return status;
}

asio::awaitable<Status> VirtualBoard::flush() {
  FL_CO_CHECK(still_here());
  co_await wait_until(free_at_);
  FL_CO_CHECK(still_here());
  co_return co_await medium_->flush();
}

asio::awaitable<Status> VirtualBoard::read(ByteOffset at, IoBuffer into) {
  FL_CO_CHECK(still_here());
  const auto due = occupy(into.bytes.size(), traits_.read_rate);
  for (std::size_t done = 0; done < into.bytes.size();) {
    const auto stretch = real_stretch(ByteOffset{at.value + done}, into.bytes.size() - done);
    FL_CO_CHECK(co_await medium_->read(stretch.at, into.part(done, stretch.length)));
    done += stretch.length;
  }
  co_await wait_until(due);
  co_return still_here();
}

asio::awaitable<Status> VirtualBoard::discard(ByteOffset at, ByteCount length) {
  FL_CO_CHECK(still_here());
  if (!facts_.can_discard) co_return Status{};
  co_return co_await medium_->discard(at, length);
}

asio::awaitable<Status> VirtualBoard::zero(ByteOffset at, ByteCount length) {
  FL_CO_CHECK(still_here());
  for (std::uint64_t done = 0; done < length.value;) {
    const auto stretch = real_stretch(ByteOffset{at.value + done}, length.value - done);
    FL_CO_CHECK(co_await medium_->zero(stretch.at, ByteCount{stretch.length}));
    done += stretch.length;
  }
  co_return Status{};
}

}  // namespace flashline::transport
