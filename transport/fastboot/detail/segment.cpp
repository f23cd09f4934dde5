#include "transport/fastboot/detail/segment.h"

#include <algorithm>

namespace flashline::transport::detail {
namespace {

constexpr std::uint32_t usual_block = 4096;
// A run may need a chunk that skips to it, its own header, and four bytes to fill with.
constexpr std::uint64_t run_cost = 2 * SparseFile::chunk_header_size + 4;

std::uint64_t left(std::uint64_t limit, std::uint64_t used) { return limit > used ? limit - used : 0; }

}  // namespace

bool Segment::overlaps(std::uint64_t at, std::uint64_t length) const {
  const auto next = runs_.lower_bound(at);
  if (next != runs_.end() && next->first < at + length) return true;
  if (next == runs_.begin()) return false;
  const auto before = std::prev(next);
  return before->first + before->second.length > at;
}

std::uint64_t Segment::room_for(std::uint64_t at, std::uint64_t length, bool zeros) const {
  if (runs_.size() >= limits_.runs) return 0;
  std::uint64_t room = left(limits_.written, written_);
  const std::uint64_t file = SparseFile::header_size + memory_.size() + (runs_.size() + 1) * run_cost;
  if (file > limits_.file) return 0;
  if (!zeros) room = std::min({room, left(limits_.memory, memory_.size()), limits_.file - file});
  if (room >= length) return length;
  const std::uint64_t end = (at + room) / usual_block * usual_block;
  if (end > at) return end - at;
  return room / sector_size_ * sector_size_;
}

void Segment::add(std::uint64_t at, std::span<const std::byte> bytes) {
  if (memory_.capacity() == 0) memory_.reserve(static_cast<std::size_t>(std::min(limits_.memory, limits_.file)));
  const Run run{bytes.size(), memory_.size()};
  memory_.insert(memory_.end(), bytes.begin(), bytes.end());
  add_run(at, run);
}

void Segment::add_zeros(std::uint64_t at, std::uint64_t length) { add_run(at, {length, std::nullopt}); }

void Segment::add_run(std::uint64_t at, Run run) {
  written_ += run.length;
  const auto next = runs_.lower_bound(at);
  if (next != runs_.begin()) {
    auto& [before_at, before] = *std::prev(next);
    const bool goes_on = before_at + before.length == at && before.from.has_value() == run.from.has_value();
    if (goes_on && (!run.from || *before.from + before.length == *run.from)) {
      before.length += run.length;
      return;
    }
  }
  runs_.emplace_hint(next, at, run);
}

void Segment::clear() {
  runs_.clear();
  memory_.clear();
  written_ = 0;
}

std::uint32_t Segment::block_size() const {
  const bool usual = std::ranges::all_of(
      runs_, [](const auto& run) { return run.first % usual_block == 0 && run.second.length % usual_block == 0; });
  return usual ? usual_block : sector_size_;
}

SparseFile Segment::file() const {
  const std::uint32_t block = block_size();
  const auto blocks = [&](std::uint64_t bytes) { return static_cast<std::uint32_t>(bytes / block); };
  SparseFile sparse{block};
  std::uint64_t reached = 0;
  for (const auto& [at, run] : runs_) {
    if (at > reached) sparse.skip(blocks(at - reached));
    if (run.from) {
      sparse.raw(bytes_of(run));
    } else {
      sparse.zeros(blocks(run.length));
    }
    reached = at + run.length;
  }
  return sparse;
}

}  // namespace flashline::transport::detail
