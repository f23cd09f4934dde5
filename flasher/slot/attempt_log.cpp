#include "flasher/slot/detail/attempt_log.h"

#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <utility>

namespace flashline::line::detail {
/// Used on its strand only.
struct AttemptLog::File {
  boost::asio::strand<boost::asio::any_io_executor> strand;
  std::filesystem::path path;
  std::shared_ptr<spdlog::logger> logger;
  bool broken = false;

  void open() {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_st>(path.string());
    sink->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc));
    logger = std::make_shared<spdlog::logger>("attempt", std::move(sink));
    logger->flush_on(spdlog::level::info);
  }

  void write(const std::string& text) {
    if (broken) return;
    try {
      if (!logger) open();
      logger->info(text);
    } catch (const spdlog::spdlog_ex& error) {
      broken = true;
      spdlog::warn("{}: {}", path.string(), error.what());
    }
  }
};

AttemptLog::AttemptLog(boost::asio::any_io_executor blocking, std::filesystem::path file, std::string slot)
    : file_{std::make_shared<File>(boost::asio::make_strand(std::move(blocking)), std::move(file))},
      slot_{std::move(slot)} {}

void AttemptLog::line(std::string text) {
  spdlog::info("slot {}: {}", slot_, text);
  detail(std::move(text));
}

void AttemptLog::detail(std::string text) {
  boost::asio::post(file_->strand, [file = file_, line = std::move(text)] { file->write(line); });
}

}  // namespace flashline::line::detail
