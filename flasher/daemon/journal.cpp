#include "flasher/daemon/journal.h"

#include <cstdlib>
#include <memory>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace flashline::line {
namespace {

/// "<4>" before a line: sd-daemon(3).
class SyslogPriority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const char digit = message.level >= spdlog::level::critical ? '2'
                       : message.level == spdlog::level::err    ? '3'
                       : message.level == spdlog::level::warn   ? '4'
                       : message.level == spdlog::level::info   ? '6'
                                                                : '7';
    out.push_back('<');
    out.push_back(digit);
    out.push_back('>');
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<SyslogPriority>(); }
};

}  // namespace

void open_journal() {
  auto logger = std::make_shared<spdlog::logger>("flashlined", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  const bool journald = std::getenv("JOURNAL_STREAM") != nullptr;
  formatter->add_flag<SyslogPriority>('*').set_pattern(journald ? "%*%v" : "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v");
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace flashline::line
