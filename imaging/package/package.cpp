#include "imaging/package/package.h"

#include <array>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {

Result<Version> parse_version(std::string_view text) {
  std::array<std::uint16_t, 4> parts{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && (at == end || *at++ != '.')) return fail(errc::package_version, fmt::format("'{}'", text));
    const auto [next, code] = std::from_chars(at, end, parts[i]);
    if (code != std::errc{}) return fail(errc::package_version, fmt::format("'{}'", text));
    at = next;
  }
  if (at != end) return fail(errc::package_version, fmt::format("'{}'", text));
  return Version{parts[0], parts[1], parts[2], parts[3]};
}

std::string to_text(const Version& version) {
  return fmt::format("{}.{}.{}.{}", version.major, version.minor, version.qfe, version.build);
}

std::optional<CpuType> cpu_of(std::string_view text) {
  if (same_word(text, "x86")) return CpuType::x86;
  if (same_word(text, "amd64") || same_word(text, "x64")) return CpuType::amd64;
  if (same_word(text, "arm")) return CpuType::arm;
  if (same_word(text, "arm64")) return CpuType::arm64;
  return std::nullopt;
}

std::string_view name_of(CpuType cpu) {
  switch (cpu) {
    case CpuType::x86:
      return "x86";
    case CpuType::amd64:
      return "amd64";
    case CpuType::arm:
      return "arm";
    case CpuType::arm64:
      return "arm64";
  }
  return {};
}

std::string_view name_of(ReleaseType type) { return type == ReleaseType::production ? "Production" : "Test"; }

std::string_view name_of(OwnerType type) {
  switch (type) {
    case OwnerType::microsoft:
      return "Microsoft";
    case OwnerType::silicon_vendor:
      return "SiliconVendor";
    case OwnerType::oem:
      return "OEM";
    case OwnerType::mobile_operator:
      return "MobileOperator";
  }
  return {};
}

}  // namespace flashline::imaging
