// Bundles of boot files: every file lies in the bundle and its name in the folder it is put into. With an odd first
// byte the sums of headers are made right, which no mutation would hit.

#include <cstdint>
#include <cstdlib>
#include <span>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "transport/rpiboot/boot_bundle.h"

namespace {

using namespace flashline::transport;

void repair(std::span<std::byte> header) {
  unsigned sum = 8 * ' ';
  for (std::size_t at = 0; at < 512; ++at) sum += at < 148 || at >= 156 ? std::to_integer<unsigned>(header[at]) : 0;
  const auto digits = fmt::format("{:06o}", sum);
  for (std::size_t at = 0; at < digits.size(); ++at) header[148 + at] = static_cast<std::byte>(digits[at]);
  header[154] = std::byte{0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto given = std::as_bytes(std::span{data, size}).subspan(1);
  std::vector<std::byte> bundle{given.begin(), given.end()};
  if (data[0] % 2 != 0) {
    for (std::size_t at = 0; at + 512 <= bundle.size(); at += 512) {
      if (bundle[at] != std::byte{0}) repair(std::span{bundle}.subspan(at, 512));
    }
  }
  const auto files = read_bundle(bundle);
  if (!files) return 0;
  for (const auto& file : *files) {
    if (!is_inside_name(file.name) || file.name.contains("..\\") || file.name.starts_with('/')) std::abort();
    if (file.content.data() < bundle.data() ||
        file.content.data() + file.content.size() > bundle.data() + bundle.size()) {
      std::abort();
    }
  }
  return 0;
}
