#include "tests/lab/emulators/wire_log.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/digest.h"

namespace flashline::lab {
namespace {

constexpr std::size_t shown = 36;

bool is_text(std::span<const std::byte> data) {
  return data.size() > 8 && std::ranges::all_of(data, [](std::byte each) {
           return each == std::byte{'\n'} || (each >= std::byte{0x20} && each < std::byte{0x7f});
         });
}

std::string shown_bytes(std::span<const std::byte> data) {
  if (is_text(data)) {
    std::string text;
    for (const std::byte each : data)
      text += each == std::byte{'\n'} ? std::string{"\\n"} : std::string(1, static_cast<char>(each));
    return fmt::format("[{}] {}", data.size(), text);
  }
  std::string text = fmt::format("[{}]", data.size());
  for (const std::byte each : data.first(std::min(shown, data.size())))
    text += fmt::format(" {:02x}", std::to_integer<unsigned>(each));
  if (data.size() > shown) text += fmt::format(" ... sha256 {}", to_hex(sha256(data)).substr(0, 16));
  return text;
}

}  // namespace

void WireLog::add(std::string_view line) {
  text_ += line;
  text_ += '\n';
}

Reply WireLog::noted(Reply reply) {
  switch (reply.kind) {
    case Reply::Kind::done:
      break;
    case Reply::Kind::nak:
      add("  nothing");
      break;
    case Reply::Kind::stall:
      add("  stall");
      break;
    case Reply::Kind::error:
      add("  error");
      break;
  }
  if (inner_->leaves() && !leaves()) {
    add("leaves");
    leave();
  }
  return reply;
}

Reply WireLog::control(const Setup& setup, std::span<const std::byte> data) {
  Reply reply = inner_->control(setup, data);
  const bool in = (setup.request_type & 0x80U) != 0;
  add(fmt::format("control {:02x} {:02x} {:04x} {:04x} {}", setup.request_type, setup.request, setup.value, setup.index,
                  shown_bytes(in ? std::span<const std::byte>{reply.data} : data)));
  return noted(std::move(reply));
}

Reply WireLog::out(std::uint8_t endpoint, std::span<const std::byte> data) {
  add(fmt::format("out {} {}", endpoint, shown_bytes(data)));
  return noted(inner_->out(endpoint, data));
}

Reply WireLog::in(std::uint8_t endpoint, std::size_t most) {
  Reply reply = inner_->in(endpoint, most);
  // A host that asks in vain asks again at once: one line tells as much as eight.
  if (reply.kind == Reply::Kind::nak) {
    if (!text_.ends_with("  nothing\n")) add("  nothing");
    return reply;
  }
  add(fmt::format("in {} {}", endpoint, shown_bytes(reply.data)));
  return noted(std::move(reply));
}

void WireLog::reset() {
  add("reset");
  inner_->reset();
}

}  // namespace flashline::lab
