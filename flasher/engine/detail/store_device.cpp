#include "flasher/engine/detail/store_device.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "flasher/engine/detail/fast_digest.h"
#include "imaging/core/errors/device.h"
#include "imaging/core/errors/image.h"
#include "transport/block/probe_capacity.h"

namespace flashline::line::detail {

using imaging::Run;

StoreDevice::StoreDevice(RunContext context, std::shared_ptr<ImageState> image,
                         std::shared_ptr<transport::BlockSink> sink, imaging::BlockPlan plan,
                         std::shared_ptr<RunControl> control, std::shared_ptr<Resume> resume)
    : context_{std::move(context)},
      image_{std::move(image)},
      sink_{std::move(sink)},
      plan_{std::move(plan)},
      control_{std::move(control)},
      resume_{std::move(resume)},
      clock_{context_.stall},
      scratch_{*context_.scratch, context_.read_lanes} {
  report_.sink = sink_->facts();
}

Status StoreDevice::check_cancelled() const {
  if (!control_->cancelled()) return {};
  return fail(errc::cancelled, "the run was stopped");
}

asio::awaitable<Status> StoreDevice::in_lanes(std::size_t count, std::function<asio::awaitable<Status>()> lane) {
  return detail::in_lanes(context_.executor, shared_from_this(), clock_, count, std::move(lane));
}

asio::awaitable<Status> StoreDevice::write(Run run, bool table) {
  dirty_ = true;
  touched_ = true;
  switch (run.source) {
    case Run::Source::content:
      return write_content(run, table);
    case Run::Source::blob:
      return write_blob(run);
    case Run::Source::zeros:
      break;
  }
  return write_zeros(run);
}

asio::awaitable<Status> StoreDevice::write_content(Run run, bool table) {
  const auto piece = image_->map.piece_with(ByteOffset{run.from}, run.length, table);
  if (!piece) co_return fail(errc::content_unvouched, fmt::format("content at {} is in no piece", run.from));
  auto chunk = co_await context_.cache->acquire(*reader_, *image_, *piece);
  if (!chunk) co_return std::unexpected{std::move(chunk).error()};
  note_parts(run, *chunk);
  const auto data = chunk->part(ByteOffset{run.from}, run.length.value);
  FL_CO_TRY(const bool there, co_await is_there(extent_of(run), table, data.bytes));
  if (!there) FL_CO_CHECK(co_await clock_.timed(sink_->write(extent_of(run).at, data)));
  (there ? report_.resumed : report_.written).value += run.length.value;
  progress().written += run.length.value;
  if (!table && resume_) {
    fresh_.push_back(extent_of(run));
    fresh_bytes_ += run.length.value;
  }
  co_return Status{};
}

asio::awaitable<Status> StoreDevice::write_blob(Run run) {
  const ScratchRef buffer{scratch_, co_await scratch_.take()};
  const auto data = (*buffer).part(0, run.length.value);
  std::ranges::copy(std::span{plan_.blobs[run.from]}.subspan(run.skip, run.length.value), data.bytes.begin());
  FL_CO_CHECK(co_await clock_.timed(sink_->write(extent_of(run).at, data)));
  report_.written.value += run.length.value;
  progress().written += run.length.value;
  co_return Status{};
}

asio::awaitable<Status> StoreDevice::write_zeros(Run run) {
  FL_CO_CHECK(co_await clock_.timed(sink_->zero(extent_of(run).at, run.length)));
  report_.zeroed.value += run.length.value;
  co_return Status{};
}

asio::awaitable<Status> StoreDevice::read(ByteOffset at, transport::IoBuffer into) {
  return clock_.timed(sink_->read(at, into));
}

asio::awaitable<Status> StoreDevice::discard(imaging::Extent extent) {
  dirty_ = true;
  touched_ = true;
  FL_CO_CHECK(co_await clock_.timed(sink_->discard(extent.at, extent.length)));
  report_.discarded.value += extent.length.value;
  co_return Status{};
}

asio::awaitable<Status> StoreDevice::barrier() {
  if (!dirty_) co_return Status{};
  FL_CO_CHECK(co_await in_lanes(1, [this] { return flush_lane(); }));
  dirty_ = false;
  co_return Status{};
}

asio::awaitable<Status> StoreDevice::checkpoint() {
  if (!resume_ || flushing_ || fresh_bytes_ < resume_->every.value) co_return Status{};
  co_return co_await flush_and_note();
}

asio::awaitable<Status> StoreDevice::flush_lane() { return flush_and_note(); }

// What is written while the flush runs may or may not be covered by it: it waits for the next one.
asio::awaitable<Status> StoreDevice::flush_and_note() {
  auto covered = std::exchange(fresh_, {});
  fresh_bytes_ = 0;
  flushing_ = true;
  Status status = co_await clock_.timed(sink_->flush());
  flushing_ = false;
  if (status && resume_ && resume_->note && !covered.empty()) resume_->note(std::move(covered));
  co_return status;
}

bool StoreDevice::remembered(imaging::Extent extent) const {
  if (!resume_ || facts().read_back != transport::ReadBack::bytes) return false;
  const auto& durable = resume_->durable;
  const auto next = std::ranges::upper_bound(durable, extent.at, {}, &imaging::Extent::at);
  if (next == durable.begin()) return false;
  const auto& before = *std::prev(next);
  return extent.at.value + extent.length.value <= before.at.value + before.length.value;
}

asio::awaitable<Result<bool>> StoreDevice::is_there(imaging::Extent extent, bool table,
                                                    std::span<const std::byte> data) {
  if (table || !remembered(extent)) co_return false;
  const ScratchRef buffer{scratch_, co_await scratch_.take()};
  for (std::size_t done = 0; done < data.size();) {
    const auto into = (*buffer).part(0, std::min<std::size_t>(scratch_size, data.size() - done));
    FL_CO_CHECK(co_await clock_.timed(sink_->read(ByteOffset{extent.at.value + done}, into)));
    if (std::memcmp(into.bytes.data(), data.data() + done, into.bytes.size()) != 0) co_return false;
    done += into.bytes.size();
  }
  co_return true;
}

asio::awaitable<Status> StoreDevice::probe() {
  if (facts().read_back != transport::ReadBack::bytes) co_return Status{};
  dirty_ = true;
  co_return co_await in_lanes(1, [this] { return probe_lane(); });
}

asio::awaitable<Status> StoreDevice::probe_lane() { return clock_.timed(transport::probe_capacity(*sink_)); }

asio::awaitable<Status> StoreDevice::verify_by_board() {
  if (facts().read_back == transport::ReadBack::none) co_return Status{};
  co_return co_await in_lanes(1, [this] { return verify_lane(); });
}

asio::awaitable<Status> StoreDevice::verify_lane() { return clock_.timed(sink_->verify_written()); }

void StoreDevice::note_parts(const Run& written, const ChunkRef& chunk) {
  const std::uint64_t from = written.place.distance;
  const std::uint64_t to = from + written.length.value;
  auto next = std::ranges::upper_bound(survivors_, from, {},
                                       [](const Run& run) { return run.place.distance + run.length.value; });
  for (; next != survivors_.end() && next->place.distance < to; ++next) {
    const bool is_this_one = next->source == Run::Source::content &&
                             next->from - next->place.distance == written.from - written.place.distance;
    if (!is_this_one) continue;
    const std::uint64_t start = std::max(from, next->place.distance);
    const std::uint64_t length = std::min(to, next->place.distance + next->length.value) - start;
    note_part(imaging::part_of(*next, start - next->place.distance, length), chunk);
  }
}

void StoreDevice::note_part(const Run& part, const ChunkRef& chunk) {
  const auto& map = image_->map;
  for (std::uint64_t done = 0; done < part.length.value;) {
    const ByteOffset at{part.from + done};
    const std::uint64_t left = map.granule() - (at.value - map.granule_base()) % map.granule();
    const std::uint64_t length = std::min(left, part.length.value - done);
    if (length != map.granule() && !image_->digests.find(map, at, length)) {
      image_->digests.note_part(at, length, fast_digest(chunk.part(at, length).bytes));
    }
    done += length;
  }
}

}  // namespace flashline::line::detail
