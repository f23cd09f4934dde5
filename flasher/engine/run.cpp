#include "flasher/engine/run.h"

#include <array>
#include <numeric>
#include <utility>

namespace flashline::line {
namespace {

constexpr std::array stale_names{
    std::pair{StalePolicy::zero, std::string_view{"zero"}},
    std::pair{StalePolicy::discard_verified, std::string_view{"discard-verified"}},
    std::pair{StalePolicy::keep, std::string_view{"keep"}},
};

template <class Value>
ByteCount sum_of(const std::vector<StoreReport>& stores, Value value) {
  return std::accumulate(stores.begin(), stores.end(), ByteCount{}, [&](ByteCount sum, const StoreReport& store) {
    return ByteCount{sum.value + (store.*value).value};
  });
}

}  // namespace

std::string_view name_of(StalePolicy policy) {
  for (const auto& [value, name] : stale_names) {
    if (value == policy) return name;
  }
  return "";
}

std::optional<StalePolicy> find_stale_policy(std::string_view name) {
  for (const auto& [value, each] : stale_names) {
    if (each == name) return value;
  }
  return std::nullopt;
}

std::string_view name_of(transport::ReadBack way) {
  switch (way) {
    case transport::ReadBack::bytes:
      return "bytes";
    case transport::ReadBack::by_board:
      return "by-board";
    case transport::ReadBack::none:
      return "none";
  }
  return "";
}

std::string_view name_of(RunStep step) {
  switch (step) {
    case RunStep::waiting:
      return "waiting";
    case RunStep::preparing:
      return "preparing";
    case RunStep::writing:
      return "writing";
    case RunStep::verifying:
      return "verifying";
    case RunStep::finishing:
      return "finishing";
    case RunStep::done:
      return "done";
  }
  return "";
}

void LbaList::add(LbaRange range) {
  sectors += range.count;
  if (!ranges.empty() && ranges.back().first + ranges.back().count == range.first) {
    ranges.back().count += range.count;
  } else if (ranges.size() < most_ranges) {
    ranges.push_back(range);
  }
}

ByteCount RunReport::written() const { return sum_of(stores, &StoreReport::written); }
ByteCount RunReport::verified() const { return sum_of(stores, &StoreReport::verified); }
ByteCount RunReport::resumed() const { return sum_of(stores, &StoreReport::resumed); }

}  // namespace flashline::line
