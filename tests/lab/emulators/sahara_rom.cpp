#include "tests/lab/emulators/sahara_rom.h"

#include <algorithm>

#include "imaging/core/little_endian.h"

namespace flashline::lab {
namespace {

Descriptors described(const SaharaRomPlan& plan) {
  return describe(
      {.vendor = 0x05c6,
       .product = 0x9008,
       .manufacturer_index = 1,
       .product_index = 2,
       .strings = {{1, "Qualcomm CDMA Technologies MSM"}, {2, plan.product}},
       .interfaces = {{.class_code = 0xff, .subclass = 0xff, .protocol = 0xff, .endpoints = {{0x81}, {0x01}}}}});
}

}  // namespace

SaharaRom::SaharaRom(SaharaRomPlan plan, std::shared_ptr<EmulatedDevice> programmer)
    : plan_{std::move(plan)}, programmer_{std::move(programmer)}, descriptors_{described(plan_)} {
  hello();
}

void SaharaRom::say(std::uint32_t command, std::initializer_list<std::uint32_t> body) {
  Bytes bytes(8 + 4 * body.size());
  store32(bytes, command);
  store32(std::span{bytes}.subspan(4), static_cast<std::uint32_t>(bytes.size()));
  std::size_t at = 8;
  for (const std::uint32_t each : body) {
    store32(std::span{bytes}.subspan(at), each);
    at += 4;
  }
  answers_.push_back(std::move(bytes));
}

void SaharaRom::hello() { say(1, {plan_.version, 1, 1024, plan_.mode, 0, 0, 0, 0, 0, 0}); }

void SaharaRom::ask_on() {
  const auto have = static_cast<std::uint32_t>(image_.size());
  if (have == plan_.programmer_size) {
    say(4, {plan_.image, plan_.end_status});
    return;
  }
  wanted_ = std::min<std::uint64_t>(plan_.piece, plan_.programmer_size - have);
  const auto count = static_cast<std::uint32_t>(wanted_);
  if (plan_.reads_64) {
    say(0x12, {plan_.image, 0, have, 0, count, 0});
  } else {
    say(3, {plan_.image, have, count});
  }
}

bool SaharaRom::packet(std::span<const std::byte> bytes) {
  if (bytes.size() < 8 || load32(bytes.subspan(4)) != bytes.size()) return false;
  const std::uint32_t first = bytes.size() >= 12 ? load32(bytes.subspan(8)) : 0;
  switch (load32(bytes)) {
    case 2: {  // hello response: version, compatible, status, mode
      if (bytes.size() != 0x30 || load32(bytes.subspan(16)) != 0) return false;
      if (load32(bytes.subspan(20)) == 3 && plan_.has_commands) {
        say(0x0b, {});
      } else {
        ask_on();
      }
      return true;
    }
    case 5:
      say(6, {plan_.says_pending ? 0U : 1U});
      runs_ = plan_.end_status == 0;
      return true;
    case 7:
      image_.clear();
      wanted_ = 0;
      say(8, {});
      hello();
      return true;
    case 0x0c:
      hello();
      return true;
    case 0x0d:
      say(0x0e, {first, 4});
      return true;
    case 0x0f: {
      Bytes serial(4);
      store32(serial, plan_.serial);
      answers_.push_back(std::move(serial));
      return true;
    }
    default:
      return false;
  }
}

Reply SaharaRom::control(const Setup& setup, std::span<const std::byte> data) {
  return runs_ && programmer_ ? programmer_->control(setup, data) : Reply::refuse();
}

Reply SaharaRom::out(std::uint8_t endpoint, std::span<const std::byte> data) {
  if (runs_ && answers_.empty() && programmer_) return programmer_->out(endpoint, data);
  if (endpoint != 1) return Reply::refuse();
  if (data.empty()) return Reply::take(0);
  if (wanted_ == 0) return packet(data) ? Reply::take(data.size()) : Reply::refuse();
  // A fault of the host: it sends a packet where image data are due. They look alike, but for a reset.
  if (data.size() == 8 && load32(data) == 7 && wanted_ != 8) return packet(data) ? Reply::take(8) : Reply::refuse();
  if (data.size() > wanted_) return Reply::refuse();
  image_.insert(image_.end(), data.begin(), data.end());
  wanted_ -= data.size();
  if (wanted_ == 0) ask_on();
  return Reply::take(data.size());
}

Reply SaharaRom::in(std::uint8_t endpoint, std::size_t most) {
  if (answers_.empty() && runs_ && programmer_) {
    Reply reply = programmer_->in(endpoint, most);
    if (programmer_->leaves()) leave();
    return reply;
  }
  if (endpoint != 1) return Reply::refuse();
  if (answers_.empty()) return Reply::nothing_yet();
  Bytes first = std::move(answers_.front());
  answers_.pop_front();
  return Reply::answer(std::move(first));
}

}  // namespace flashline::lab
