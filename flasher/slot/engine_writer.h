#pragma once
// The real thing behind BoardWriter: images through the engine onto files, virtual boards and block devices.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "flasher/engine/engine.h"
#include "flasher/record/rows.h"
#include "flasher/slot/board_writer.h"
#include "imaging/trust/trust_policy.h"
#include "transport/block/inspect_target.h"
#include "transport/block/virtual_board.h"

namespace flashline::line {

class StationPorts;
class UsbBoards;

struct EngineWriterOptions {
  imaging::TrustPolicy trust;  ///< clock.at of a policy "now" is set anew for each image
  /// The station's own folders: no slot may name them or the disks they are on.
  std::vector<std::filesystem::path> station_folders;
  const StationPorts* ports = nullptr;  ///< outlives the writer; null: slots on ports are never taken
  UsbBoards* boards = nullptr;          ///< outlives the writer; null: no slot's board has stages before its storage
  transport::Machine machine = {};      ///< where ports are looked up; everything else is this one
  Clock clock = [] { return std::chrono::system_clock::now(); };
};

/// `engine` outlives it.
class EngineWriter final : public BoardWriter {
 public:
  EngineWriter(Engine& engine, EngineWriterOptions options) : engine_{engine}, options_{std::move(options)} {}

  asio::any_io_executor executor() override { return engine_.executor(); }
  asio::any_io_executor blocking() override { return engine_.blocking(); }
  asio::awaitable<Result<BoardImage>> load(std::filesystem::path image) override;
  asio::awaitable<bool> present(const config::Slot& slot) override;
  asio::awaitable<Result<std::shared_ptr<transport::BlockSink>>> open(const config::Slot& slot,
                                                                      const BoardImage& image) override;
  Status check(const RunRequest& request) override;
  Result<imaging::UnitOverlay> render(const BoardImage& image, const transport::SinkFacts& board,
                                      const config::Recipe& recipe, const imaging::UnitFields& fields) override;
  asio::awaitable<RunReport> run(RunRequest request) override;

 private:
  bool comes_up(const config::Slot& slot) const;
  asio::awaitable<Result<std::unique_ptr<transport::BlockSink>>> open_slot(const config::Slot& slot,
                                                                           transport::TargetNeeds needs);

  Engine& engine_;
  EngineWriterOptions options_;
  /// What virtual boards went through, by slot: a retry finds its board as it was left.
  std::map<std::string, std::shared_ptr<transport::BoardHistory>> histories_;
};

}  // namespace flashline::line
