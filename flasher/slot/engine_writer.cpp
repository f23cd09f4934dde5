#include "flasher/slot/engine_writer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "flasher/board/usb_boards.h"
#include "flasher/slot/render_unit.h"
#include "flasher/slot/station_ports.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/target.h"
#include "imaging/source/image.h"
#include "transport/block/inspect_target.h"
#include "transport/block/open_sink.h"

namespace flashline::line {
namespace {

asio::awaitable<Result<imaging::OpenedImage>> open_on_thread(std::filesystem::path image,
                                                             imaging::OpenOptions options) {
  co_return imaging::open_image(image, options);
}

asio::awaitable<bool> device_present(std::filesystem::path device) {
  const auto found = transport::inspect_target(device, {});
  // Whatever else is wrong with it is said when it is opened.
  co_return found || (found.error().code != errc::target_open && found.error().code != errc::target_no_medium);
}

transport::BoardTraits traits_of(const config::BoardBehaviour& behaviour) {
  transport::BoardTraits traits;
  traits.write_rate = behaviour.rate;
  traits.read_rate = behaviour.read_rate;
  traits.stall_every = behaviour.stall_every;
  traits.stall = behaviour.stall;
  traits.fail_write = behaviour.fail_write;
  traits.lie_write = behaviour.lie_write;
  traits.leave_write = behaviour.leave_write;
  return traits;
}

std::uint32_t sector_size_of(const BoardImage& image) {
  const auto& stores = image.content->stores();
  return stores.empty() ? 0 : stores.front().plan.needs.sector_size;
}

}  // namespace

asio::awaitable<Result<BoardImage>> EngineWriter::load(std::filesystem::path image) {
  imaging::OpenOptions how{.trust = options_.trust, .bmap = {}};
  if (how.trust.clock.kind == imaging::ClockPolicy::Kind::now) {
    how.trust.clock.at = std::chrono::system_clock::to_time_t(options_.clock());
  }
  auto opened = co_await asio::co_spawn(blocking(), open_on_thread(image, std::move(how)), asio::use_awaitable);
  if (!opened) co_return std::unexpected{std::move(opened).error()};
  auto loaded = co_await engine_.load(std::move(*opened), image);
  if (!loaded) co_return std::unexpected{std::move(loaded).error()};
  BoardImage board;
  board.format = (*loaded)->facts().format;
  board.path = image.string();
  board.signer = (*loaded)->facts().trust.signer;
  board.content = std::move(*loaded);
  board.digest = [content = board.content] {
    const auto digest = content->digest();
    return digest ? to_hex(*digest) : std::string{};
  };
  co_return board;
}

asio::awaitable<bool> EngineWriter::present(const config::Slot& slot) {
  if (comes_up(slot)) co_return options_.boards->present(slot);
  if (slot.target.kind == config::Target::Kind::port) {
    co_return options_.ports != nullptr&& options_.ports->has_disk(slot);
  }
  if (slot.target.kind == config::Target::Kind::block) {
    co_return co_await asio::co_spawn(blocking(), device_present(slot.target.path), asio::use_awaitable);
  }
  std::error_code ignored;
  co_return slot.target.size.value != 0 || std::filesystem::exists(slot.target.path, ignored);
}

asio::awaitable<Result<std::shared_ptr<transport::BlockSink>>> EngineWriter::open(const config::Slot& slot,
                                                                                  const BoardImage& image) {
  transport::TargetNeeds needs;
  needs.sector_size = sector_size_of(image);
  needs.create_size = slot.target.size;
  needs.station_folders = options_.station_folders;
  needs.source_files = {image.path};
  if (comes_up(slot)) co_return co_await options_.boards->raise(slot, std::move(needs));
  auto sink = co_await open_slot(slot, std::move(needs));
  if (!sink) co_return std::unexpected{std::move(sink).error()};
  std::unique_ptr<transport::BlockSink> board = std::move(*sink);
  if (slot.target.kind == config::Target::Kind::virtual_board) {
    auto& history = histories_[slot.name];
    if (!history) history = std::make_shared<transport::BoardHistory>();
    board = std::make_unique<transport::VirtualBoard>(executor(), std::move(board), traits_of(slot.target.behaviour),
                                                      history);
  }
  co_return std::shared_ptr<transport::BlockSink>{std::move(board)};
}

bool EngineWriter::comes_up(const config::Slot& slot) const {
  return options_.boards != nullptr && options_.boards->knows(slot);
}

asio::awaitable<Result<std::unique_ptr<transport::BlockSink>>> EngineWriter::open_slot(const config::Slot& slot,
                                                                                       transport::TargetNeeds needs) {
  if (slot.target.kind != config::Target::Kind::port) {
    co_return co_await transport::open_target(engine_.ring(), slot.target.path, std::move(needs));
  }
  FL_CO_TRY(auto port, transport::parse_port_path(slot.target.port));
  co_return co_await transport::open_port(engine_.ring(), std::move(port), std::move(needs), options_.machine);
}

Status EngineWriter::check(const RunRequest& request) { return check_request(request); }

Result<imaging::UnitOverlay> EngineWriter::render(const BoardImage& image, const transport::SinkFacts& board,
                                                  const config::Recipe& recipe, const imaging::UnitFields& fields) {
  const auto time = std::chrono::floor<std::chrono::seconds>(options_.clock());
  return render_unit(*image.content, board.capacity, recipe, fields, time);
}

asio::awaitable<RunReport> EngineWriter::run(RunRequest request) { co_return co_await engine_.run(std::move(request)); }

}  // namespace flashline::line
