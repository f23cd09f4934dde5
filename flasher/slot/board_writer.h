#pragma once
// What a line needs done to boards. The engine does it; tests script it.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "flasher/engine/run.h"
#include "imaging/core/error.h"
#include "imaging/provisioning/unit_fields.h"
#include "imaging/provisioning/unit_overlay.h"
#include "station-config/recipe.h"
#include "station-config/station.h"
#include "transport/block/block_sink.h"

namespace flashline::line {

namespace asio = boost::asio;

/// An image that boards can be written from.
struct BoardImage {
  std::string format;
  std::string path;
  std::string signer;                    ///< empty: unsigned
  std::function<std::string()> digest;   ///< hex; empty until it is known. Any thread
  std::shared_ptr<LoadedImage> content;  ///< null only where tests script the writing
};

/// All awaitables run on executor().
class BoardWriter {
 public:
  virtual ~BoardWriter() = default;

  /// The event thread of the line.
  virtual asio::any_io_executor executor() = 0;
  /// Threads for what blocks.
  virtual asio::any_io_executor blocking() = 0;

  /// Opens and checks an image file.
  virtual asio::awaitable<Result<BoardImage>> load(std::filesystem::path image) = 0;

  /// Whether a board is in the slot, as far as one can see without opening it.
  virtual asio::awaitable<bool> present(const config::Slot& slot) = 0;
  /// Opens the slot's board for writing `image`; nothing is written yet. Errors: FL-TGT codes.
  virtual asio::awaitable<Result<std::shared_ptr<transport::BlockSink>>> open(const config::Slot& slot,
                                                                              const BoardImage& image) = 0;

  /// What can be refused before a byte is written. See check_request().
  virtual Status check(const RunRequest& request) = 0;
  /// The bytes that make this board different. Blocks: called on blocking().
  virtual Result<imaging::UnitOverlay> render(const BoardImage& image, const transport::SinkFacts& board,
                                              const config::Recipe& recipe, const imaging::UnitFields& fields) = 0;
  /// Writes the board and reads it back.
  virtual asio::awaitable<RunReport> run(RunRequest request) = 0;
};

}  // namespace flashline::line
