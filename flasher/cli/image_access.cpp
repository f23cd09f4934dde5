#include "flasher/cli/image_access.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>
#include <string>

#include "imaging/core/errors/usage.h"

namespace flashline::line {

Result<std::size_t> pick_store(const imaging::OpenedImage& image, std::optional<std::uint64_t> number) {
  // A compressed image of unknown length is planned later, as one store.
  const std::size_t count = std::max<std::size_t>(1, image.stores.size());
  if (!number && count == 1) return 0;
  if (number && *number >= 1 && *number <= count) return *number - 1;
  std::string list;
  for (std::size_t i = 0; i < image.stores.size(); ++i) {
    list += fmt::format(" {} = {}", i + 1, image.stores[i].device_path);
  }
  if (!number) return fail(errc::usage, fmt::format("the image has {} stores, name one with --store:{}", count, list));
  return fail(errc::usage, fmt::format("the image has no store {}:{}", *number, list));
}

Status refuse_same_file(const std::filesystem::path& in, const std::filesystem::path& out) {
  std::error_code unknown;
  if (!std::filesystem::equivalent(in, out, unknown) || unknown) return {};
  return fail(errc::usage, fmt::format("{} is also the input: name another output", out.string()));
}

}  // namespace flashline::line
