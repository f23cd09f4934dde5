#include "flasher/api/station_events.h"

#include "flasher/api/station_json.h"

namespace flashline::line {
namespace {

std::string message(std::string_view type, std::uint64_t seq, const std::string& content) {
  return json_object({{"type", json_string(type)}, {"seq", std::to_string(seq)}, {type, content}});
}

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace

void publish(EventHub& hub, const LineEvent& event) {
  const auto send = [&](std::string key, std::string_view type, const std::string& content) {
    hub.publish(std::move(key), [&](std::uint64_t seq) { return message(type, seq, content); });
  };
  std::visit(Overloaded{
                 [&](const SlotChanged& change) { send("slot " + change.slot.name, "slot", slot_json(change.slot)); },
                 [&](const BatchChanged& change) { send("batch", "batch", batch_json(change.batch)); },
                 [&](const RecordAppended& record) { send("", "record", record_json(record)); },
             },
             event);
}

void publish(EventHub& hub, const std::vector<PortView>& ports) {
  hub.publish("ports", [&](std::uint64_t seq) { return message("ports", seq, ports_json(ports)); });
}

}  // namespace flashline::line
