#pragma once
// The routes of /api/v1 and the page. openapi.yaml describes them; a test holds the two against each other.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flasher/api/event_hub.h"
#include "flasher/api/http_message.h"
#include "flasher/api/image_shelf.h"
#include "flasher/learn/learn_desk.h"
#include "flasher/record/record_thread.h"
#include "flasher/slot/line.h"
#include "flasher/slot/station_ports.h"

namespace flashline::line {

inline constexpr std::string_view api_root = "/api/v1";

struct RouteName {
  std::string_view method;
  std::string_view pattern;  ///< below api_root: "slots/{name}/retry"
};

/// Every route there is.
std::span<const RouteName> route_names();

/// What the API stands on. All of it outlives the API.
struct StationParts {
  const config::Station& station;
  Line& line;
  StationPorts& ports;
  asio::any_io_executor line_executor;  ///< where `line` and `ports` are called
  RecordThread& records;
  ImageShelf& shelf;
  EventHub& hub;
  LearnDesk& learning;
  std::filesystem::path folder;  ///< of station.xml: relative recipes and unit lists are there
  asio::any_io_executor pool;    ///< for what blocks
  std::string started_at;
};

using SnapshotPtr = std::shared_ptr<Store::Snapshot>;

/// handle() and snapshot() run on one executor, which is not the line's.
class StationApi {
 public:
  explicit StationApi(StationParts parts) : parts_{std::move(parts)} {}

  asio::awaitable<HttpResponse> handle(HttpRequest request);
  /// From now on nothing is begun: the station stops.
  void refuse_changes() { stopping_ = true; }
  /// The first WebSocket message: station, slots and the open batch.
  asio::awaitable<std::string> snapshot(EventHub::Listener& listener);

 private:
  struct Call {
    HttpRequest request;
    Target target;
    std::vector<std::string> args;  ///< what stood at the pattern's {places}
  };
  using Answer = asio::awaitable<Result<HttpResponse>>;
  struct Route {
    RouteName name;
    Answer (StationApi::*handler)(Call);
  };
  static std::span<const Route> routes();
  friend std::span<const RouteName> route_names();

  asio::awaitable<Result<HttpResponse>> set_batch(Call call, BatchState to);
  asio::awaitable<Result<HttpResponse>> learning(std::function<Result<LearnView>(LearnDesk&)> step);
  asio::awaitable<Result<HttpResponse>> dispatch(HttpRequest request);
  asio::awaitable<Result<SnapshotPtr>> records();
  asio::awaitable<std::vector<SlotView>> slots();
  asio::awaitable<std::vector<PortView>> ports();
  asio::awaitable<std::optional<BatchView>> current_batch();
  asio::awaitable<std::vector<std::string>> warnings();

  Answer get_station(Call call);
  Answer get_slots(Call call);
  Answer get_slot(Call call);
  Answer retry_slot(Call call);
  Answer next_slot(Call call);
  Answer release_slot(Call call);
  Answer get_ports(Call call);
  Answer get_learning(Call call);
  Answer begin_learning(Call call);
  Answer skip_learning(Call call);
  Answer back_learning(Call call);
  Answer cancel_learning(Call call);
  Answer write_learned(Call call);
  Answer get_sheet(Call call);
  Answer get_batches(Call call);
  Answer create_batch(Call call);
  Answer get_batch(Call call);
  Answer pause_batch(Call call);
  Answer resume_batch(Call call);
  Answer close_batch(Call call);
  Answer get_units(Call call);
  Answer get_unit(Call call);
  Answer explain_unit(Call call);
  Answer get_images(Call call);
  Answer check_image(Call call);
  Answer export_records(Call call);
  Answer check_records(Call call);
  Answer get_events(Call call);

  StationParts parts_;
  bool stopping_ = false;
};

}  // namespace flashline::line
