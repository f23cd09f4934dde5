#pragma once
// The JSON of the API: what openapi.yaml calls Slot, Batch, Unit, Attempt, Image. Each function gives one JSON text.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flasher/api/image_shelf.h"
#include "flasher/batch/allocation.h"
#include "flasher/learn/learn_desk.h"
#include "flasher/record/rows.h"
#include "flasher/record/verify.h"
#include "flasher/slot/line_events.h"
#include "flasher/slot/station_ports.h"
#include "station-config/station.h"

namespace flashline::line {

std::string slot_json(const SlotView& slot);
/// A list.
std::string ports_json(const std::vector<PortView>& ports);
std::string batch_json(const BatchView& batch);
std::string unit_json(const UnitRow& unit, const std::vector<AttemptRow>& attempts);
std::string image_json(const ShelfImage& image);
std::string verify_json(const VerifyReport& report);
/// `open_batch` 0: none.
std::string station_json(const config::Station& station, const std::vector<std::string>& warnings,
                         std::string_view started_at, std::int64_t open_batch);
std::string record_json(const RecordAppended& record);
/// `boards`: profiles that a slot can name.
std::string learn_json(const LearnView& view, const std::vector<std::string>& boards);
/// {code,text,advice}
std::string error_json(const Error& error);

/// Text as a JSON string with its quotes.
std::string json_string(std::string_view text);
/// [a,b,c] of JSON texts.
std::string json_array(const std::vector<std::string>& values);
/// {"name":value,...} of JSON texts.
std::string json_object(std::initializer_list<std::pair<std::string_view, std::string>> members);

}  // namespace flashline::line
