#include "flasher/cli/open_options.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/usage.h"
#include "imaging/trust/verify_catalog.h"
#include "station-config/values.h"

namespace flashline::line {
namespace {

Result<imaging::ClockPolicy> clock_of(const Arguments& arguments) {
  using Kind = imaging::ClockPolicy::Kind;
  const std::string text = arguments.value("--clock").value_or("now");
  if (text == "now") return imaging::ClockPolicy{Kind::now, std::time(nullptr)};
  if (text == "unchecked") return imaging::ClockPolicy{Kind::unchecked, 0};
  if (const auto at = config::parse_utc(text)) return imaging::ClockPolicy{Kind::fixed, *at};
  return fail(errc::usage,
              fmt::format("--clock {}: not now, unchecked or a moment such as 2026-01-01T00:00:00Z", text));
}

}  // namespace

const std::vector<Option>& open_option_table() {
  static const std::vector<Option> table{
      {"--trust", "CERT.pem", "trust what is signed under this certificate", true},
      {"--allow-unsigned", "", "take what carries no signature"},
      {"--trust-stamp", "CERT.pem", "whose time stamps keep a signature good when its certificate ends", true},
      {"--pin", "SHA256", "take only signers with this certificate digest", true},
      {"--clock", "WHEN", "moment certificates must be valid at: now, unchecked or 2026-01-01T00:00:00Z"},
      {"--sha256", "DIGEST", "SHA-256 that the whole image file must have"},
      {"--bmap", "FILE", "block map of a raw or compressed image"},
      {"--experimental", "", "read compressed full flash update images (V1C)"},
  };
  return table;
}

std::vector<Option> package_trust_options() {
  constexpr std::array<std::string_view, 5> wanted{"--trust", "--allow-unsigned", "--trust-stamp", "--pin", "--clock"};
  std::vector<Option> options;
  std::ranges::copy_if(open_option_table(), std::back_inserter(options),
                       [&](const Option& option) { return std::ranges::find(wanted, option.name) != wanted.end(); });
  return options;
}

Result<imaging::OpenOptions> open_options_of(const Arguments& arguments) {
  imaging::OpenOptions options;
  for (const std::string& path : arguments.values("--trust")) {
    FL_TRY(imaging::TrustAnchor anchor, imaging::load_anchor(path, false));
    options.trust.anchors.push_back(std::move(anchor));
  }
  FL_TRY(options.trust.stamp_anchors, stamp_anchors_of(arguments));
  for (const std::string& text : arguments.values("--pin")) {
    FL_TRY(const Sha256 pin, digest_of("--pin", text));
    options.trust.pins.push_back(pin);
  }
  FL_TRY(options.trust.clock, clock_of(arguments));
  if (const auto text = arguments.value("--sha256")) {
    FL_TRY(options.trust.file_digest, digest_of("--sha256", *text));
  }
  options.trust.allow_unsigned = arguments.has("--allow-unsigned");
  options.bmap = arguments.value("--bmap");
  options.experimental = arguments.has("--experimental");
  return options;
}

Result<std::vector<imaging::TrustAnchor>> stamp_anchors_of(const Arguments& arguments) {
  std::vector<imaging::TrustAnchor> anchors;
  for (const std::string& path : arguments.values("--trust-stamp")) {
    FL_TRY(imaging::TrustAnchor anchor, imaging::load_anchor(path, false));
    anchors.push_back(std::move(anchor));
  }
  return anchors;
}

Result<Sha256> digest_of(std::string_view option, const std::string& text) {
  if (const auto digest = config::parse_sha256(text)) return *digest;
  return fail(errc::usage, fmt::format("{} {}: not 64 hex digits", option, text));
}

Result<std::time_t> build_time() {
  const char* epoch = std::getenv("SOURCE_DATE_EPOCH");
  if (epoch == nullptr) return std::time(nullptr);
  const auto seconds = config::parse_number(epoch);
  // 9999-12-31: later years fit no certificate field.
  if (seconds && *seconds <= 253402300799) return static_cast<std::time_t>(*seconds);
  return fail(errc::usage, fmt::format("SOURCE_DATE_EPOCH is '{}', not a number of seconds since 1970", epoch));
}

}  // namespace flashline::line
