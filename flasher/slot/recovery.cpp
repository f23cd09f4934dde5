#include "flasher/slot/detail/recovery.h"

#include <algorithm>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/unit.h"

namespace flashline::line::detail {
namespace {

Result<std::size_t> end_open_attempts(Store& store) {
  FL_TRY(const auto open, store.read().running_attempts());
  for (AttemptRow attempt : open) {
    attempt.state = AttemptState::interrupted;
    attempt.error_code = code_of(errc::attempt_interrupted);
    attempt.error_text = "the station ended without stopping";
    FL_CHECK(store.end_attempt(std::move(attempt), std::nullopt));
  }
  return open.size();
}

/// Why the unit cannot go on; empty: it can.
std::string obstacle(const UnitRow& unit, const std::optional<BatchRow>& batch, const config::Station& station,
                     const std::set<std::string>& taken) {
  if (!batch || unit.batch != batch->id) return fmt::format("batch {} is over", unit.batch);
  if (std::ranges::none_of(station.slots, [&](const auto& slot) { return slot.name == unit.slot; })) {
    return fmt::format("slot {} is no longer there", unit.slot);
  }
  return taken.contains(unit.slot) ? fmt::format("slot {} holds a later unit", unit.slot) : std::string{};
}

}  // namespace

Result<Recovered> recover(Store& store, const config::Station& station) {
  Recovered recovered;
  FL_TRY(recovered.interrupted, end_open_attempts(store));
  FL_TRY(recovered.batch, store.read().open_batch());
  FL_TRY(const auto batches, store.read().batches());
  if (!batches.empty()) recovered.last = batches.back();
  FL_TRY(auto reserved, store.read().units({.batch = {}, .state = UnitState::reserved}));
  std::ranges::reverse(reserved);
  std::set<std::string> taken;
  for (auto& unit : reserved) {
    const std::string reason = obstacle(unit, recovered.batch, station, taken);
    if (!reason.empty()) {
      FL_CHECK(store.void_unit(unit.serial, reason));
      continue;
    }
    taken.insert(unit.slot);
    recovered.kept.push_back(std::move(unit));
  }
  return recovered;
}

}  // namespace flashline::line::detail
