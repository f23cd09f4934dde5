// What comes in over HTTP behind the library: targets and bodies. Any bytes give a value or an error, never a fault.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "flasher/api/http_message.h"
#include "flasher/api/request_body.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flashline::line;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto target = parse_target(text);
  if (target && target->segments.empty()) std::abort();
  const auto body = RequestBody::parse(text, {"image", "quantity"});
  if (body) {
    const auto quantity = body->number("quantity", 1, 100);
    if (quantity && *quantity && (**quantity < 1 || **quantity > 100)) std::abort();
    const auto image = body->needed("image");
    if (image && (image->empty() || image->find('\0') != std::string::npos)) std::abort();
  }
  const auto allowed = check_tcp_caller({text}, {}, 8470);
  if (allowed && size > 14) std::abort();
  return 0;
}
