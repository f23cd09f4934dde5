#include "imaging/build/report_words.h"

#include <spdlog/fmt/fmt.h>

namespace flashline::imaging {

std::string_view word_of(SignedBy signed_by) {
  switch (signed_by) {
    case SignedBy::nobody:
      return "nobody";
    case SignedBy::test:
      return "test";
    case SignedBy::retail:
      return "retail";
    case SignedBy::untrusted:
      return "untrusted";
    case SignedBy::broken:
      return "broken";
  }
  return {};
}

std::string utc_text(std::time_t time) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace flashline::imaging
