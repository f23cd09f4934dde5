#include "tests/lab/emulators/faulty_device.h"

#include <algorithm>
#include <array>

namespace flashline::lab {

std::string_view name_of(Fault::Kind kind) {
  constexpr std::array<std::string_view, 8> names{"stall",  "silence", "link-error",   "short-take",
                                                  "unplug", "garbage", "short-answer", "long-answer"};
  return names.at(static_cast<std::size_t>(kind));
}

std::string_view name_of(Fault::On on) {
  constexpr std::array<std::string_view, 3> names{"control", "out", "in"};
  return names.at(static_cast<std::size_t>(on));
}

bool FaultyDevice::due(Fault::On on, std::size_t bytes) {
  if (silent_ && on == fault_.on) return true;
  if (on != fault_.on || (fault_.times != 0 && struck_ >= fault_.times)) return false;
  seen_ += bytes;
  return seen_ >= fault_.after_bytes;
}

template <class Pass>
Reply FaultyDevice::faulty(std::size_t bytes, Pass pass) {
  ++struck_;
  switch (fault_.kind) {
    case Fault::Kind::stall:
      return Reply::refuse();
    case Fault::Kind::silence:
      silent_ = true;
      return Reply::nothing_yet();
    case Fault::Kind::link_error:
      return Reply::broken();
    case Fault::Kind::unplug:
      leave();
      return Reply::broken();
    case Fault::Kind::short_take:
      return Reply::take(bytes / 2);
    case Fault::Kind::garbage: {
      Reply reply = pass();
      std::ranges::fill(reply.data, std::byte{0xa5});
      return reply;
    }
    case Fault::Kind::short_answer:
    case Fault::Kind::long_answer: {
      Reply reply = pass();
      if (reply.kind == Reply::Kind::done)
        reply.data.resize(fault_.kind == Fault::Kind::short_answer ? 1 : bytes + 512);
      return reply;
    }
  }
  return Reply::broken();
}

Reply FaultyDevice::followed(Reply reply) {
  if (inner_->leaves()) leave();
  return reply;
}

Reply FaultyDevice::control(const Setup& setup, std::span<const std::byte> data) {
  const auto pass = [&] { return followed(inner_->control(setup, data)); };
  return due(Fault::On::control, setup.length) ? faulty(setup.length, pass) : pass();
}

Reply FaultyDevice::out(std::uint8_t endpoint, std::span<const std::byte> data) {
  const auto pass = [&] { return followed(inner_->out(endpoint, data)); };
  return due(Fault::On::out, data.size()) ? faulty(data.size(), pass) : pass();
}

Reply FaultyDevice::in(std::uint8_t endpoint, std::size_t most) {
  const auto pass = [&] { return followed(inner_->in(endpoint, most)); };
  return due(Fault::On::in, 1) ? faulty(most, pass) : pass();
}

}  // namespace flashline::lab
