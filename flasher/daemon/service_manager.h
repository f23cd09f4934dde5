#pragma once
// What systemd is told, over the datagram socket that it names in the environment. Without one nothing is sent.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace flashline::line {

/// sd_notify(3): "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...". Failures are ignored: the station works alone.
void notify_service_manager(std::string_view state);

/// How often "WATCHDOG=1" is due (half of WATCHDOG_USEC); nullopt: no watchdog watches this process.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace flashline::line
