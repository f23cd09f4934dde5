#include "flasher/api/station_api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "flasher/api/blocking.h"
#include "flasher/api/record_export.h"
#include "flasher/api/request_body.h"
#include "flasher/api/station_json.h"
#include "flasher/api/unit_story.h"
#include "flasher/api/web_files.h"
#include "flasher/batch/allocation.h"
#include "flasher/learn/slot_sheet.h"
#include "flasher/record/export.h"
#include "imaging/core/errors/record.h"
#include "imaging/core/errors/station.h"
#include "imaging/core/errors/unit.h"
#include "imaging/core/errors/usage.h"

namespace flashline::line {
namespace {

HttpResponse json_response(std::string body, unsigned status = 200) {
  return HttpResponse{.status = status, .body = std::move(body), .source = {}, .headers = {}};
}

/// What stood at the places of `pattern`, or nullopt when the segments are others.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::span<const std::string> segments) {
  std::vector<std::string> args;
  for (const std::string& segment : segments) {
    if (pattern.empty()) return std::nullopt;
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view part = pattern.substr(0, end);
    if (part.starts_with('{') && !segment.empty()) {
      args.push_back(segment);
    } else if (part != segment) {
      return std::nullopt;
    }
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  if (!pattern.empty()) return std::nullopt;
  return args;
}

Result<std::int64_t> parse_id(std::string_view name, std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc{} && end == text.data() + text.size() && id >= 0) return id;
  return fail(errc::request_field, fmt::format("{} \"{}\" is not a number", name, text));
}

Result<std::optional<std::int64_t>> queried_id(const Target& target, std::string_view name) {
  const auto text = target.value(name);
  if (!text) return std::nullopt;
  FL_TRY(const std::int64_t id, parse_id(name, *text));
  return id;
}

Result<UnitFilter> queried_filter(const Target& target) {
  UnitFilter filter;
  FL_TRY(filter.batch, queried_id(target, "batch"));
  const auto word = target.value("state");
  if (!word) return filter;
  UnitState state{};
  if (!find_state(*word, state)) return fail(errc::request_field, fmt::format("state \"{}\" is none of a unit", *word));
  filter.state = state;
  return filter;
}

Result<std::string> read_batch(RecordReader& reader, std::int64_t id) {
  FL_TRY(const auto row, reader.batch(id));
  if (!row) return fail(errc::no_such_batch, fmt::format("batch {}", id));
  FL_TRY(const BatchView view, view_batch(reader, *row, std::nullopt));
  return batch_json(view);
}

Result<std::string> read_batches(RecordReader& reader) {
  FL_TRY(const auto rows, reader.batches());
  std::vector<std::string> texts;
  for (const BatchRow& row : rows) {
    FL_TRY(const BatchView view, view_batch(reader, row, std::nullopt));
    texts.push_back(batch_json(view));
  }
  return json_object({{"batches", json_array(texts)}});
}

Result<std::string> read_units(RecordReader& reader, const UnitFilter& filter) {
  FL_TRY(const auto rows, reader.units(filter));
  std::vector<std::string> texts;
  for (const UnitRow& row : rows) {
    FL_TRY(const auto attempts, reader.attempts(row.serial));
    texts.push_back(unit_json(row, attempts));
  }
  return json_object({{"units", json_array(texts)}});
}

struct UnitHistory {
  UnitRow unit;
  BatchRow batch;
  std::vector<AttemptRow> attempts;
};

Result<UnitHistory> read_history(RecordReader& reader, const std::string& serial) {
  FL_TRY(auto unit, reader.unit(serial));
  if (!unit) return fail(errc::no_such_unit, fmt::format("unit {}", serial));
  FL_TRY(auto batch, reader.batch(unit->batch));
  FL_TRY(auto attempts, reader.attempts(serial));
  return UnitHistory{std::move(*unit), std::move(batch).value_or(BatchRow{}), std::move(attempts)};
}

std::string slots_json(const std::vector<SlotView>& slots) {
  std::vector<std::string> texts;
  for (const SlotView& slot : slots) texts.push_back(slot_json(slot));
  return json_array(texts);
}

/// 0: none is open.
std::int64_t open_batch_id(const std::optional<BatchView>& batch) {
  const bool open = batch && (batch->row.state == BatchState::running || batch->row.state == BatchState::paused);
  return open ? batch->row.id : 0;
}

std::string events_json(const std::vector<HubEvent>& events, std::uint64_t seq) {
  std::vector<std::string> texts;
  for (const HubEvent& event : events) texts.push_back(event.text);
  return json_object({{"seq", std::to_string(seq)}, {"events", json_array(texts)}});
}

Result<std::string> csv_text(Store::Snapshot& snapshot, std::optional<std::int64_t> batch) {
  std::string text;
  FL_CHECK(export_csv(snapshot.reader, batch, [&](std::string_view line) -> Status {
    text += line;
    return {};
  }));
  return text;
}

Result<HttpResponse> read_or_pass(Result<std::string> text) {
  if (!text) return std::unexpected{std::move(text).error()};
  return json_response(std::move(*text));
}

}  // namespace

std::span<const StationApi::Route> StationApi::routes() {
  using A = StationApi;
  static constexpr std::array table{
      Route{{"GET", "station"}, &A::get_station},
      Route{{"GET", "slots"}, &A::get_slots},
      Route{{"GET", "slots/{name}"}, &A::get_slot},
      Route{{"POST", "slots/{name}/retry"}, &A::retry_slot},
      Route{{"POST", "slots/{name}/next"}, &A::next_slot},
      Route{{"POST", "slots/{name}/release"}, &A::release_slot},
      Route{{"GET", "ports"}, &A::get_ports},
      Route{{"GET", "learn"}, &A::get_learning},
      Route{{"POST", "learn"}, &A::begin_learning},
      Route{{"POST", "learn/skip"}, &A::skip_learning},
      Route{{"POST", "learn/back"}, &A::back_learning},
      Route{{"POST", "learn/cancel"}, &A::cancel_learning},
      Route{{"POST", "learn/write"}, &A::write_learned},
      Route{{"GET", "sheet"}, &A::get_sheet},
      Route{{"GET", "batches"}, &A::get_batches},
      Route{{"POST", "batches"}, &A::create_batch},
      Route{{"GET", "batches/{id}"}, &A::get_batch},
      Route{{"POST", "batches/{id}/pause"}, &A::pause_batch},
      Route{{"POST", "batches/{id}/resume"}, &A::resume_batch},
      Route{{"POST", "batches/{id}/close"}, &A::close_batch},
      Route{{"GET", "units"}, &A::get_units},
      Route{{"GET", "units/{serial}"}, &A::get_unit},
      Route{{"GET", "units/{serial}/explain"}, &A::explain_unit},
      Route{{"GET", "images"}, &A::get_images},
      Route{{"POST", "images"}, &A::check_image},
      Route{{"GET", "records"}, &A::export_records},
      Route{{"GET", "records/verify"}, &A::check_records},
      Route{{"GET", "events"}, &A::get_events},
  };
  return table;
}

std::span<const RouteName> route_names() {
  static const std::vector<RouteName> names = [] {
    std::vector<RouteName> all;
    for (const auto& route : StationApi::routes()) all.push_back(route.name);
    return all;
  }();
  return names;
}

asio::awaitable<HttpResponse> StationApi::handle(HttpRequest request) {
  const std::string target = request.target.substr(0, request.target.find('?'));
  if (request.method == "GET") {
    if (auto file = web_response(target)) co_return std::move(*file);
  }
  auto answer = co_await dispatch(std::move(request));
  if (!answer) {
    HttpResponse refused = error_response(answer.error());
    if (answer.error().code == errc::method_not_allowed) refused.headers.emplace_back("Allow", "GET, POST");
    co_return refused;
  }
  co_return std::move(*answer);
}

asio::awaitable<Result<HttpResponse>> StationApi::dispatch(HttpRequest request) {
  FL_CO_TRY(Target target, parse_target(request.target));
  const std::span<const std::string> segments{target.segments};
  if (segments.size() < 3 || segments[0] != "api" || segments[1] != "v1") {
    co_return fail(errc::no_such_path, fmt::format("{} {}", request.method, request.target.substr(0, 200)));
  }
  bool other_method = false;
  for (const Route& route : routes()) {
    auto args = match(route.name.pattern, segments.subspan(2));
    if (!args) continue;
    if (route.name.method != request.method) {
      other_method = true;
      continue;
    }
    if (stopping_ && request.method != "GET") co_return fail(errc::station_stopping, "nothing is begun any more");
    const bool json = request.content_type.starts_with("application/json");
    if (!request.body.empty() && !json) co_return fail(errc::request_content_type, "the body is not declared as JSON");
    Call call{std::move(request), std::move(target), std::move(*args)};
    co_return co_await (this->*route.handler)(std::move(call));
  }
  const Errc code = other_method ? errc::method_not_allowed : errc::no_such_path;
  co_return fail(code, fmt::format("{} {}", request.method, request.target.substr(0, 200)));
}

// ---- hops to the threads behind

asio::awaitable<Result<SnapshotPtr>> StationApi::records() {
  return parts_.records.run([](Store& store) -> Result<SnapshotPtr> {
    FL_TRY(auto snapshot, store.snapshot());
    return std::make_shared<Store::Snapshot>(std::move(snapshot));
  });
}

asio::awaitable<std::vector<SlotView>> StationApi::slots() {
  return run_on(parts_.line_executor, [this] { return parts_.line.slots(); });
}

asio::awaitable<std::vector<PortView>> StationApi::ports() {
  return run_on(parts_.line_executor, [this] { return parts_.ports.views(); });
}

asio::awaitable<std::optional<BatchView>> StationApi::current_batch() {
  return run_on(parts_.line_executor, [this] { return parts_.line.batch(); });
}

asio::awaitable<std::vector<std::string>> StationApi::warnings() {
  std::vector<std::string> all = parts_.station.warnings;
  std::ranges::move(co_await run_on(parts_.line_executor, [this] { return parts_.line.warnings(); }),
                    std::back_inserter(all));
  co_return all;
}

// ---- station and slots

asio::awaitable<std::string> StationApi::snapshot(EventHub::Listener& listener) {
  // Read first, so that nothing newer than what the snapshot shows is dropped.
  const std::uint64_t seq = parts_.hub.seq();
  const std::string slots_text = slots_json(co_await slots());
  const std::string ports_text = ports_json(co_await ports());
  const auto batch = co_await current_batch();
  const auto warned = co_await warnings();
  listener.drop_until(seq);
  co_return json_object({{"type", json_string("snapshot")},
                         {"seq", std::to_string(seq)},
                         {"station", station_json(parts_.station, warned, parts_.started_at, open_batch_id(batch))},
                         {"slots", slots_text},
                         {"ports", ports_text},
                         {"batch", batch ? batch_json(*batch) : std::string{"null"}}});
}

StationApi::Answer StationApi::get_station(Call) {
  const auto batch = co_await current_batch();
  const auto warned = co_await warnings();
  co_return json_response(station_json(parts_.station, warned, parts_.started_at, open_batch_id(batch)));
}

StationApi::Answer StationApi::get_slots(Call) {
  co_return json_response(json_object({{"slots", slots_json(co_await slots())}}));
}

StationApi::Answer StationApi::get_slot(Call call) {
  const std::vector<SlotView> all = co_await slots();
  const auto found = std::ranges::find(all, call.args[0], &SlotView::name);
  if (found == all.end()) co_return fail(errc::no_such_slot, fmt::format("slot {}", call.args[0]));
  co_return json_response(slot_json(*found));
}

StationApi::Answer StationApi::get_ports(Call) {
  co_return json_response(json_object({{"ports", ports_json(co_await ports())}}));
}

StationApi::Answer StationApi::retry_slot(Call call) {
  FL_CO_TRY(const RequestBody body, RequestBody::parse(call.request.body, {"operator"}));
  FL_CO_TRY(std::string who, body.text("operator"));
  auto acting = parts_.line.retry(call.args[0], std::move(who));
  FL_CO_TRY(const SlotView slot, co_await asio::co_spawn(parts_.line_executor, std::move(acting), asio::use_awaitable));
  co_return json_response(slot_json(slot));
}

StationApi::Answer StationApi::next_slot(Call call) {
  FL_CO_TRY(const RequestBody body, RequestBody::parse(call.request.body, {"operator"}));
  FL_CO_TRY(std::string who, body.text("operator"));
  auto acting = parts_.line.next(call.args[0], std::move(who));
  FL_CO_TRY(const SlotView slot, co_await asio::co_spawn(parts_.line_executor, std::move(acting), asio::use_awaitable));
  co_return json_response(slot_json(slot));
}

StationApi::Answer StationApi::release_slot(Call call) {
  FL_CO_TRY(const RequestBody body, RequestBody::parse(call.request.body, {"operator"}));
  FL_CO_TRY(std::string who, body.text("operator"));
  auto acting = parts_.line.release(call.args[0], std::move(who));
  FL_CO_TRY(const SlotView slot, co_await asio::co_spawn(parts_.line_executor, std::move(acting), asio::use_awaitable));
  co_return json_response(slot_json(slot));
}

// ---- which slot is which port

StationApi::Answer StationApi::learning(std::function<Result<LearnView>(LearnDesk&)> step) {
  struct Seen {
    Result<LearnView> view;
    std::vector<std::string> boards;
  };
  const Seen seen = co_await run_on(
      parts_.pool, [this, step] { return Seen{step(parts_.learning), board_names(parts_.station.boards_folder)}; });
  if (!seen.view) co_return std::unexpected{seen.view.error()};
  co_return json_response(learn_json(*seen.view, seen.boards));
}

StationApi::Answer StationApi::get_learning(Call) { return learning(&LearnDesk::look); }
StationApi::Answer StationApi::skip_learning(Call) { return learning(&LearnDesk::skip); }
StationApi::Answer StationApi::back_learning(Call) { return learning(&LearnDesk::back); }
StationApi::Answer StationApi::cancel_learning(Call) { return learning(&LearnDesk::cancel); }
StationApi::Answer StationApi::write_learned(Call) { return learning(&LearnDesk::write); }

// What is plugged in to show where a slot is must not be taken for a board of a batch.
StationApi::Answer StationApi::begin_learning(Call call) {
  FL_CO_TRY(const RequestBody body, RequestBody::parse(call.request.body, {"slots", "columns", "board"}));
  LearnOrder order;
  FL_CO_TRY(order.slots, body.number("slots", 1, most_learned_slots));
  FL_CO_TRY(order.columns, body.number("columns", 1, most_learned_columns));
  FL_CO_TRY(order.board, body.text("board"));
  if (const auto batch = co_await current_batch(); open_batch_id(batch) != 0) {
    co_return fail(errc::batch_open,
                   fmt::format("batch {} is open: slots would take what is plugged in", batch->row.id));
  }
  co_return co_await learning([order](LearnDesk& desk) { return desk.start(order); });
}

StationApi::Answer StationApi::get_sheet(Call) {
  FL_CO_TRY(auto sheet, co_await run_on(parts_.pool, [this] { return parts_.learning.sheet(); }));
  if (!sheet) sheet = slot_sheet(parts_.station.name, labels_of(parts_.station));
  co_return HttpResponse{.content_type = "text/html; charset=utf-8",
                         .body = std::move(*sheet),
                         .source = {},
                         .headers = {{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"}}};
}

// ---- batches

StationApi::Answer StationApi::get_batches(Call) {
  FL_CO_TRY(auto snapshot, co_await records());
  co_return read_or_pass(co_await run_on(parts_.pool, [&snapshot] { return read_batches(snapshot->reader); }));
}

StationApi::Answer StationApi::create_batch(Call call) {
  FL_CO_TRY(const RequestBody body,
            RequestBody::parse(call.request.body, {"image", "recipe", "quantity", "units_csv", "name", "operator"}));
  WorkOrder order;
  FL_CO_TRY(const std::string image, body.needed("image"));
  FL_CO_TRY(const std::string recipe, body.text("recipe"));
  FL_CO_TRY(const std::string units, body.text("units_csv"));
  FL_CO_TRY(order.name, body.text("name"));
  FL_CO_TRY(order.operator_name, body.text("operator"));
  FL_CO_TRY(order.quantity, body.number("quantity", 1, 1'000'000));
  if (co_await run_on(parts_.pool, [this] { return parts_.learning.busy(); })) {
    co_return fail(errc::learn_open, "somebody is showing the station where its slots are");
  }
  order.image = parts_.shelf.resolve(image);
  if (!recipe.empty()) order.recipe = (parts_.folder / recipe).lexically_normal();
  if (!units.empty()) order.units_csv = (parts_.folder / units).lexically_normal();
  auto creating = parts_.line.create_batch(std::move(order));
  FL_CO_TRY(const BatchView batch,
            co_await asio::co_spawn(parts_.line_executor, std::move(creating), asio::use_awaitable));
  HttpResponse created = json_response(batch_json(batch), 201);
  created.headers.emplace_back("Location", fmt::format("{}/batches/{}", api_root, batch.row.id));
  co_return created;
}

StationApi::Answer StationApi::get_batch(Call call) {
  FL_CO_TRY(const std::int64_t id, parse_id("batch", call.args[0]));
  // The line knows how many units its list has left, the records do not.
  const auto current = co_await current_batch();
  if (current && current->row.id == id) co_return json_response(batch_json(*current));
  FL_CO_TRY(auto snapshot, co_await records());
  co_return read_or_pass(co_await run_on(parts_.pool, [&snapshot, id] { return read_batch(snapshot->reader, id); }));
}

asio::awaitable<Result<HttpResponse>> StationApi::set_batch(Call call, BatchState to) {
  FL_CO_TRY(const std::int64_t id, parse_id("batch", call.args[0]));
  FL_CO_TRY(const RequestBody body, RequestBody::parse(call.request.body, {"reason"}));
  FL_CO_TRY(std::string reason, body.text("reason"));
  if (reason.empty()) reason = "by the operator";
  Line& line = parts_.line;
  auto changing = to == BatchState::paused   ? line.pause_batch(id, std::move(reason))
                  : to == BatchState::closed ? line.close_batch(id, std::move(reason))
                                             : line.resume_batch(id);
  FL_CO_TRY(const BatchView batch,
            co_await asio::co_spawn(parts_.line_executor, std::move(changing), asio::use_awaitable));
  co_return json_response(batch_json(batch));
}

StationApi::Answer StationApi::pause_batch(Call call) { return set_batch(std::move(call), BatchState::paused); }
StationApi::Answer StationApi::resume_batch(Call call) { return set_batch(std::move(call), BatchState::running); }
StationApi::Answer StationApi::close_batch(Call call) { return set_batch(std::move(call), BatchState::closed); }

// ---- units

StationApi::Answer StationApi::get_units(Call call) {
  FL_CO_TRY(const UnitFilter filter, queried_filter(call.target));
  FL_CO_TRY(auto snapshot, co_await records());
  co_return read_or_pass(
      co_await run_on(parts_.pool, [&snapshot, &filter] { return read_units(snapshot->reader, filter); }));
}

StationApi::Answer StationApi::get_unit(Call call) {
  FL_CO_TRY(auto snapshot, co_await records());
  const auto found = co_await run_on(parts_.pool, [&] { return read_history(snapshot->reader, call.args[0]); });
  if (!found) co_return std::unexpected{found.error()};
  co_return json_response(unit_json(found->unit, found->attempts));
}

StationApi::Answer StationApi::explain_unit(Call call) {
  FL_CO_TRY(auto snapshot, co_await records());
  const auto found = co_await run_on(parts_.pool, [&] { return read_history(snapshot->reader, call.args[0]); });
  if (!found) co_return std::unexpected{found.error()};
  co_return json_response(json_object({{"text", json_string(unit_story(found->unit, found->batch, found->attempts))},
                                       {"unit", unit_json(found->unit, found->attempts)}}));
}

// ---- images

StationApi::Answer StationApi::get_images(Call) {
  const ShelfListing listing = co_await run_on(parts_.pool, [this] { return parts_.shelf.list(); });
  std::vector<std::string> images;
  std::vector<std::string> refused;
  for (const ShelfImage& image : listing.images) images.push_back(image_json(image));
  for (const RefusedImage& image : listing.refused) {
    refused.push_back(json_object({{"path", json_string(image.path.string())}, {"error", error_json(image.error)}}));
  }
  co_return json_response(json_object({{"images", json_array(images)}, {"refused", json_array(refused)}}));
}

StationApi::Answer StationApi::check_image(Call call) {
  FL_CO_TRY(const RequestBody body, RequestBody::parse(call.request.body, {"path"}));
  FL_CO_TRY(const std::string path, body.needed("path"));
  const auto image = co_await run_on(parts_.pool, [&] { return parts_.shelf.look(parts_.shelf.resolve(path)); });
  if (!image) co_return std::unexpected{image.error()};
  co_return json_response(image_json(*image));
}

// ---- records and events

StationApi::Answer StationApi::export_records(Call call) {
  FL_CO_TRY(const auto batch, queried_id(call.target, "batch"));
  const std::string format = call.target.value("format").value_or("jsonl");
  if (format != "jsonl" && format != "csv") co_return fail(errc::request_field, fmt::format("format \"{}\"", format));
  FL_CO_TRY(auto snapshot, co_await records());
  if (format == "csv") {
    FL_CO_TRY(auto text, co_await run_on(parts_.pool, [&] { return csv_text(*snapshot, batch); }));
    HttpResponse response = json_response(std::move(text));
    response.content_type = "text/csv; charset=utf-8";
    co_return response;
  }
  HttpResponse response{.content_type = "application/x-ndjson", .body = {}, .source = {}, .headers = {}};
  const auto lines = std::make_shared<RecordLines>(std::move(snapshot), batch);
  response.source = [lines, pool = parts_.pool] { return run_on(pool, [lines] { return lines->next(); }); };
  co_return response;
}

StationApi::Answer StationApi::check_records(Call) {
  FL_CO_TRY(auto snapshot, co_await records());
  const auto report = co_await run_on(parts_.pool, [&snapshot] { return verify_records(*snapshot); });
  if (!report) co_return std::unexpected{report.error()};
  co_return json_response(verify_json(*report));
}

StationApi::Answer StationApi::get_events(Call call) {
  FL_CO_TRY(const auto since, queried_id(call.target, "since"));
  const auto seq = static_cast<std::uint64_t>(since.value_or(0));
  co_return json_response(events_json(parts_.hub.since(seq), parts_.hub.seq()));
}

}  // namespace flashline::line
