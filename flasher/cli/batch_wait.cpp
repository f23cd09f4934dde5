#include "flasher/cli/batch_wait.h"

#include <boost/json.hpp>
#include <chrono>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <thread>

#include "imaging/core/errors/station.h"

namespace flashline::line {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto patience = 60s;

Result<json::object> object_of(const std::string& text) {
  boost::system::error_code failed;
  const json::value value = json::parse(text, failed);
  if (failed || !value.is_object()) return fail(errc::station_answer, "the answer is not a JSON object");
  return value.get_object();
}

std::string text_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string{value->get_string()} : json::serialize(*value);
}

std::int64_t number_in(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  boost::system::error_code ignored;
  return value == nullptr || value->is_null() ? 0 : value->to_number<std::int64_t>(ignored);
}

class BatchWait {
 public:
  BatchWait(const StationLink& link, std::int64_t batch, Console& console)
      : link_{link}, batch_{batch}, console_{console} {}

  Result<int> run() {
    auto last_seen = std::chrono::steady_clock::now();
    while (true) {
      Status told;
      const Status heard = link_.listen([&](std::string_view message) {
        last_seen = std::chrono::steady_clock::now();
        told = take(std::string{message});
        return told.has_value() && !finished_;
      });
      if (finished_) return sum_up();
      // A refusal is final; a station that went away may only be starting again.
      const Status& problem = told ? heard : told;
      const bool away = !problem && (problem.error().code == errc::station_unreachable ||
                                     problem.error().code == errc::station_answer);
      if (!problem && (!away || std::chrono::steady_clock::now() - last_seen > patience))
        return std::unexpected{problem.error()};
      std::this_thread::sleep_for(300ms);
    }
  }

 private:
  Status take(const std::string& message) {
    FL_TRY(const json::object event, object_of(message));
    const std::string type = text_in(event, "type");
    if (type == "snapshot") return catch_up();
    if (type == "batch") return look_at(event.at("batch").as_object());
    if (type != "record") return {};
    const json::object& record = event.at("record").as_object();
    const std::string kind = text_in(record, "kind");
    const bool finished = kind == "unit_committed" || kind == "unit_voided";
    if (!finished || number_in(record, "batch") != batch_) return {};
    FL_TRY(const std::string unit, link_.get("units/" + url_part(text_in(record, "serial"))));
    FL_TRY(const json::object object, object_of(unit));
    tell(object);
    return {};
  }

  /// What happened before the connection, or while there was none.
  Status catch_up() {
    FL_TRY(const std::string text, link_.get(fmt::format("units?batch={}", batch_)));
    FL_TRY(const json::object units, object_of(text));
    for (const json::value& unit : units.at("units").as_array()) tell(unit.as_object());
    FL_TRY(const std::string batch, link_.get(fmt::format("batches/{}", batch_)));
    FL_TRY(const json::object object, object_of(batch));
    return look_at(object);
  }

  Status look_at(const json::object& batch) {
    if (number_in(batch, "id") != batch_) return {};
    const std::string state = text_in(batch, "state");
    const bool closed = state == "closed" && number_in(batch, "in_work") == 0;
    if (state != "done" && !closed) return {};
    // Records of the last units may still be on their way.
    finished_ = true;
    FL_TRY(const std::string text, link_.get(fmt::format("units?batch={}", batch_)));
    FL_TRY(const json::object units, object_of(text));
    for (const json::value& unit : units.at("units").as_array()) tell(unit.as_object());
    passed_ = number_in(batch, "passed");
    voided_ = number_in(batch, "voided");
    quantity_ = number_in(batch, "quantity");
    return {};
  }

  void tell(const json::object& unit) {
    const std::string state = text_in(unit, "state");
    const std::string serial = text_in(unit, "serial");
    if (state == "reserved" || !told_.insert(serial).second) return;
    console_.record(json::serialize(unit));
    const bool passed = state == "committed";
    const std::size_t attempts = unit.at("attempts").as_array().size();
    const std::string more = passed ? (attempts > 1 ? fmt::format("  at attempt {}", attempts) : "")
                                    : fmt::format("  {}", text_in(unit, "reason"));
    console_.say(fmt::format("{}  slot {}  {}{}", serial, text_in(unit, "slot"), passed ? "passed" : "failed", more));
    console_.flush();
  }

  Result<int> sum_up() {
    const bool all = voided_ == 0 && passed_ >= quantity_;
    console_.record(json::serialize(
        json::object{{"type", "summary"}, {"batch", batch_}, {"passed", passed_}, {"failed", voided_}}));
    console_.say(fmt::format("{} passed, {} failed", passed_, voided_));
    return all ? 0 : 1;
  }

  const StationLink& link_;
  std::int64_t batch_;
  Console& console_;
  std::set<std::string> told_;
  bool finished_ = false;
  std::int64_t passed_ = 0;
  std::int64_t voided_ = 0;
  std::int64_t quantity_ = 0;
};

}  // namespace

Result<int> wait_for_batch(const StationLink& link, std::int64_t batch, Console& console) {
  // The answers are parsed with checks; whatever member is missing all the same is one kind of bad answer.
  try {
    return BatchWait{link, batch, console}.run();
  } catch (const std::exception&) {
    return fail(errc::station_answer, "the answer lacks a member");
  }
}

}  // namespace flashline::line
