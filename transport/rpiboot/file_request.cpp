#include "transport/rpiboot/file_request.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/rpiboot.h"
#include "imaging/core/little_endian.h"

namespace flashline::transport {

Result<FileRequest> parse_file_request(std::span<const std::byte> answer) {
  if (answer.size() != FileRequest::size_on_wire) {
    return fail(errc::rpi_request, fmt::format("a request of {} bytes, not 260", answer.size()));
  }
  const std::uint32_t command = load32(answer);
  if (command > 2) return fail(errc::rpi_request, fmt::format("there is no command {:#x}", command));
  const auto field = answer.subspan(4);
  const auto end = std::ranges::find(field, std::byte{0});
  if (end == field.end()) return fail(errc::rpi_request, "a file name without end");
  FileRequest request{static_cast<FileRequest::Ask>(command), {}};
  std::transform(field.begin(), end, std::back_inserter(request.name),
                 [](std::byte each) { return static_cast<char>(each); });
  return request;
}

}  // namespace flashline::transport
