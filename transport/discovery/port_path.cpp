#include "transport/discovery/port_path.h"

#include <charconv>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "imaging/core/errors/usb.h"

namespace flashline::transport {
namespace {

std::optional<std::uint8_t> number_in(std::string_view text, unsigned least) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || value < least || value > 255 || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  return static_cast<std::uint8_t>(value);
}

bool is_controller(std::string_view text) {
  return !text.empty() && text.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              ":._-@") == std::string_view::npos;
}

}  // namespace

std::string to_text(const PortPath& port) {
  std::string text = fmt::format("{}/{}", port.controller, fmt::join(port.chain, "."));
  if (port.lun) text += fmt::format("#{}", *port.lun);
  return text;
}

Result<PortPath> parse_port_path(std::string_view text) {
  const auto bad = [&](std::string_view why) { return fail(errc::port_path, fmt::format("\"{}\": {}", text, why)); };
  PortPath port;
  const std::size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return bad("no '/' between the controller and the ports");
  if (!is_controller(text.substr(0, slash))) return bad("no controller before '/'");
  port.controller = text.substr(0, slash);

  std::string_view chain = text.substr(slash + 1);
  if (const std::size_t hash = chain.find('#'); hash != std::string_view::npos) {
    port.lun = number_in(chain.substr(hash + 1), 0);
    if (!port.lun) return bad("what follows '#' is no number of a card slot");
    chain = chain.substr(0, hash);
  }
  for (std::size_t from = 0; from <= chain.size();) {
    const std::size_t dot = std::min(chain.find('.', from), chain.size());
    const auto number = number_in(chain.substr(from, dot - from), 1);
    if (!number) return bad("ports are numbers from 1 to 255 with dots between them");
    port.chain.push_back(*number);
    from = dot + 1;
  }
  return port;
}

}  // namespace flashline::transport
