#include "imaging/filesystem/fat/fat_stamp.h"

#include <algorithm>

namespace flashline::imaging::fat {
namespace {

using namespace std::chrono;

constexpr sys_seconds earliest = sys_days{year{1980} / January / 1};
constexpr sys_seconds latest = sys_days{year{2107} / December / 31} + hours{23} + minutes{59} + seconds{58};

}  // namespace

Stamp stamp_of(sys_seconds time) {
  const sys_seconds at = std::clamp(time, earliest, latest);
  const sys_days day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss clock{at - day};
  const auto packed_date = (static_cast<unsigned>(static_cast<int>(date.year()) - 1980) << 9U) |
                           (static_cast<unsigned>(date.month()) << 5U) | static_cast<unsigned>(date.day());
  const auto packed_time =
      (clock.hours().count() << 11) | (clock.minutes().count() << 5) | (clock.seconds().count() / 2);
  return {static_cast<std::uint16_t>(packed_date), static_cast<std::uint16_t>(packed_time)};
}

sys_seconds time_of(Stamp stamp) {
  const unsigned date = stamp.date;
  const unsigned time = stamp.time;
  const year_month_day day{year{static_cast<int>(1980 + (date >> 9U))}, month{date >> 5U & 0xFU},
                           std::chrono::day{date & 0x1FU}};
  if (!day.ok()) return earliest;
  return sys_days{day} + hours{time >> 11U} + minutes{time >> 5U & 0x3FU} + seconds{(time & 0x1FU) * 2};
}

}  // namespace flashline::imaging::fat
