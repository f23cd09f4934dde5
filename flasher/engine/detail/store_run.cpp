#include "flasher/engine/detail/store_run.h"

#include <algorithm>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "flasher/engine/detail/read_back.h"
#include "flasher/engine/detail/write_pass.h"
#include "imaging/core/errors/device.h"

namespace flashline::line::detail {
namespace {

using imaging::Extent;
using imaging::Phase;
using imaging::Run;

/// Holds every GPT there can be at one end, and little else; `keep` wipes no more than GPTs of both sector sizes take.
constexpr std::uint64_t wiped_end = 128_KiB;
constexpr std::uint64_t wiped_end_when_keeping = 32_KiB;
/// What lies past the image's area is not looked at, but for this much at the medium's end: old backup tables.
constexpr std::uint64_t tail = 1_MiB;
/// A medium with so many bad places (64 MiB at least) is broken: writing them again would only take time.
constexpr std::size_t most_differences = 1024;
/// So many holes with old bytes (16 MiB) say that a discard does not clear: then all are zeroed without a further look.
constexpr std::size_t most_stale = 64;

Run zeros(Extent extent) {
  return {
      .place = {imaging::Place::Anchor::begin, extent.at.value}, .length = extent.length, .source = Run::Source::zeros};
}

std::uint64_t total(const std::vector<Run>& runs) {
  std::uint64_t sum = 0;
  for (const auto& run : runs) sum += run.length.value;
  return sum;
}

std::vector<Run> merged(const std::vector<Run>& a, const std::vector<Run>& b) {
  std::vector<Run> all;
  std::ranges::merge(
      a, b, std::back_inserter(all), {}, [](const Run& run) { return run.place.distance; },
      [](const Run& run) { return run.place.distance; });
  return all;
}

/// Whether the medium still listens after this error.
bool may_go_on(const Error& error) {
  return error.code != errc::device_gone && error.code != errc::device_timeout && error.code != errc::cancelled;
}

/// What of `holes` lies in [0, area) or in the tail of the medium.
std::vector<Run> concerned(const std::vector<Extent>& holes, std::uint64_t area, std::uint64_t capacity) {
  const std::uint64_t tail_start = std::max(area, capacity - std::min(capacity, tail));
  std::vector<Run> found;
  for (const auto& hole : holes) {
    const std::uint64_t end = hole.at.value + hole.length.value;
    for (const auto& [from, to] : {std::pair{std::uint64_t{0}, area}, std::pair{tail_start, capacity}}) {
      const std::uint64_t start = std::max(from, hole.at.value);
      if (start < std::min(to, end)) found.push_back(zeros({ByteOffset{start}, ByteCount{std::min(to, end) - start}}));
    }
  }
  return found;
}

}  // namespace

StoreRun::StoreRun(RunContext context, std::shared_ptr<ImageState> image, std::shared_ptr<transport::BlockSink> sink,
                   imaging::BlockPlan plan, WriteOptions options, std::shared_ptr<RunControl> control,
                   std::shared_ptr<Resume> resume)
    : device_{std::make_shared<StoreDevice>(std::move(context), std::move(image), std::move(sink), std::move(plan),
                                            std::move(control), std::move(resume))},
      options_{std::move(options)} {
  const auto& placed = device_->plan();
  const auto final_phase =
      std::ranges::find(placed.phases, Phase::Kind::final_table, [](const Phase& phase) { return phase.kind; });
  first_final_ = static_cast<std::size_t>(final_phase - placed.phases.begin());
  std::vector<Run> all;
  for (const auto& survivor : imaging::survivors(placed)) {
    const Run& run = placed.phases[survivor.phase].runs[survivor.run];
    all.push_back(imaging::part_of(run, survivor.at.value - run.place.distance, survivor.length.value));
    (survivor.phase < first_final_ ? before_final_ : final_).push_back(all.back());
  }
  const std::uint64_t capacity = device_->facts().capacity.value;
  const std::uint64_t area = std::min(capacity, placed.needs.gpt_size.value_or(placed.needs.min_size).value);
  if (options_.stale != StalePolicy::keep) {
    holes_ = concerned(imaging::holes(placed, ByteCount{capacity}), area, capacity);
  }
  if (options_.verify) device_->expect(std::move(all));
  auto& progress = device_->progress();
  for (const auto& phase : placed.phases) {
    for (const auto& run : phase.runs) {
      if (run.source != Run::Source::zeros) progress.write_total += run.length.value;
    }
  }
  progress.prepare_total += total(holes_);
  if (options_.verify) progress.verify_total += total(before_final_) + total(final_);
}

bool StoreRun::has_tables() const {
  return std::ranges::any_of(device_->plan().phases, [](const Phase& phase) { return is_table(phase.kind); });
}

std::vector<Run> StoreRun::ends() const {
  const std::uint64_t capacity = device_->facts().capacity.value;
  const std::uint64_t wanted = options_.stale == StalePolicy::keep ? wiped_end_when_keeping : wiped_end;
  const std::uint64_t length = std::min(wanted, capacity);
  // The backup first: as long as the primary is there nobody repairs it from the backup.
  return {zeros({ByteOffset{capacity - length}, ByteCount{length}}), zeros({ByteOffset{0}, ByteCount{length}})};
}

asio::awaitable<Status> StoreRun::zero_now(std::vector<Run> runs, WriteOrder order) {
  const auto kept = std::make_shared<std::vector<Run>>(std::move(runs));
  FL_CO_CHECK(co_await write_all(device_, *kept, order, kept));
  co_return co_await device_->barrier();
}

asio::awaitable<Status> StoreRun::probe() { return device_->probe(); }

asio::awaitable<Status> StoreRun::wipe() {
  if (!has_tables()) co_return Status{};
  co_return co_await zero_now(ends(), {.table = true});
}

asio::awaitable<Status> StoreRun::clear_holes() {
  if (options_.stale == StalePolicy::keep || holes_.empty()) co_return Status{};
  // What cannot be looked at is not left to a discard.
  if (options_.stale == StalePolicy::zero || !reads_back()) co_return co_await make_holes_zero();
  Status discarded = fail(errc::device_write, "the medium cannot discard");
  if (device_->facts().can_discard) discarded = co_await discard_holes();
  if (!discarded) {
    if (!may_go_on(discarded.error())) co_return discarded;
    FL_CO_CHECK(co_await zero_now(holes_));
  }
  FL_CO_CHECK(co_await device_->barrier());
  co_return co_await look_at_holes();
}

asio::awaitable<Status> StoreRun::make_holes_zero() {
  FL_CO_CHECK(co_await zero_now(holes_));
  device_->progress().prepared += total(holes_);
  if (options_.verify) {
    before_final_ = merged(before_final_, holes_);
    device_->progress().verify_total += total(holes_);
  }
  co_return Status{};
}

asio::awaitable<Status> StoreRun::discard_holes() {
  for (const auto& hole : holes_) {
    FL_CO_CHECK(device_->check_cancelled());
    FL_CO_CHECK(co_await device_->in_lanes(
        1, [device = device_.get(), extent = extent_of(hole)] { return device->discard(extent); }));
  }
  co_return Status{};
}

asio::awaitable<Status> StoreRun::look_at_holes() {
  FL_CO_TRY(auto stale, co_await read_back(device_, holes_, most_stale, true));
  if (stale.runs.empty()) co_return Status{};
  const auto suspects = stale.all ? std::move(stale.runs) : holes_;
  FL_CO_CHECK(co_await zero_now(suspects));
  FL_CO_TRY(const auto still, co_await read_back(device_, suspects, LbaList::most_ranges, true));
  if (still.runs.empty()) co_return Status{};
  for (const auto& run : still.runs) report().bad.add(lbas(run));
  co_return fail(errc::verify_mismatch, fmt::format("{} sectors of holes do not read as zeros, the first is LBA {}",
                                                    report().bad.sectors, report().bad.ranges.front().first));
}

asio::awaitable<Status> StoreRun::write_phase(std::size_t number) {
  const auto& phase = device_->plan().phases[number];
  const bool table = is_table(phase.kind);
  if (table) FL_CO_CHECK(co_await device_->barrier());
  FL_CO_CHECK(co_await write_all(device_, phase.runs, {.table = table}));
  device_->reader().begin_stage();
  if (table) FL_CO_CHECK(co_await device_->barrier());
  co_return Status{};
}

asio::awaitable<Status> StoreRun::write() {
  for (std::size_t number = 0; number < first_final_; ++number) FL_CO_CHECK(co_await write_phase(number));
  co_return co_await device_->barrier();
}

asio::awaitable<Status> StoreRun::verify() {
  if (!options_.verify) co_return Status{};
  if (!reads_back()) co_return co_await device_->verify_by_board();
  co_return co_await verify_runs(before_final_, false);
}

LbaRange StoreRun::lbas(const Run& run) const {
  const std::uint64_t sector = device_->facts().sector_size;
  return {run.place.distance / sector, (run.length.value + sector - 1) / sector};
}

asio::awaitable<Status> StoreRun::verify_runs(std::vector<Run> runs, bool table) {
  FL_CO_TRY(auto first, co_await read_back(device_, runs, most_differences));
  if (first.runs.empty()) co_return Status{};
  LbaList* wrong = &report().bad;
  if (first.all) {
    for (const auto& run : first.runs) report().rewritten.add(lbas(run));
    const auto again = std::make_shared<std::vector<Run>>(first.runs);
    FL_CO_CHECK(co_await write_all(device_, *again, {.table = table}, again));
    FL_CO_CHECK(co_await device_->barrier());
    // All of it, not only what was written again: on a card that wraps around, a repair spoils what was right before.
    auto all = table ? merged(before_final_, runs) : std::move(runs);
    FL_CO_TRY(first, co_await read_back(device_, std::move(all), most_differences));
    if (first.runs.empty()) co_return Status{};
  }
  for (const auto& run : first.runs) wrong->add(lbas(run));
  co_return fail(
      errc::verify_mismatch,
      fmt::format("{} sectors in {}{} ranges do not read back as written, the first is LBA {}", wrong->sectors,
                  first.all ? "" : "at least ", wrong->ranges.size(), wrong->ranges.front().first));
}

asio::awaitable<Status> StoreRun::finish() {
  if (first_final_ == device_->plan().phases.size()) co_return Status{};
  Status status = co_await write_and_verify_final();
  if (status) co_return status;
  // What is there of the table may be bootable: take it away again, if the medium still listens.
  if (may_go_on(status.error()) || status.error().code == errc::cancelled) {
    std::ignore = co_await zero_now(ends(), {.table = true, .must = true});
  }
  co_return status;
}

asio::awaitable<Status> StoreRun::write_and_verify_final() {
  for (std::size_t number = first_final_; number < device_->plan().phases.size(); ++number) {
    FL_CO_CHECK(co_await write_phase(number));
  }
  FL_CO_CHECK(co_await device_->barrier());
  if (!options_.verify) co_return Status{};
  if (!reads_back()) co_return co_await device_->verify_by_board();
  co_return co_await verify_runs(final_, true);
}

}  // namespace flashline::line::detail
