#include "flasher/engine/detail/run_cutter.h"

#include <algorithm>

namespace flashline::line::detail {

using imaging::Run;

std::optional<Run> RunCutter::next() {
  while (run_ < runs_->size() && done_ == (*runs_)[run_].length.value) ++run_, done_ = 0;
  if (run_ == runs_->size()) return std::nullopt;
  const Run& run = (*runs_)[run_];
  const Run rest = imaging::part_of(run, done_, run.length.value - done_);
  const Run piece = imaging::part_of(rest, 0, std::min(rest.length.value, most(rest)));
  done_ += piece.length.value;
  return piece;
}

std::uint64_t RunCutter::most(const Run& run) const {
  switch (run.source) {
    case Run::Source::blob:
      return limits_.memory;
    case Run::Source::zeros:
      return limits_.zeros;
    case Run::Source::content:
      break;
  }
  if (!limits_.granules) return map_->left_in_cell(ByteOffset{run.from});
  return map_->granule() - (run.from - map_->granule_base()) % map_->granule();
}

}  // namespace flashline::line::detail
