#include "tests/lab/emulators/pi_file_server.h"

#include <algorithm>

#include "imaging/core/little_endian.h"

namespace flashline::lab {
namespace {

std::uint8_t serial_index_of(std::uint16_t product) { return product == 0x2763 || product == 0x2764 ? 1 : 4; }

Bytes request(std::uint32_t command, std::string_view name) {
  Bytes bytes(260);
  store32(bytes, command);
  std::ranges::transform(name.substr(0, 255), bytes.begin() + 4,
                         [](char each) { return static_cast<std::byte>(each); });
  return bytes;
}

}  // namespace

std::vector<PiAsk> cm4_asks() {
  std::vector<PiAsk> asks{{.name = "mcb.bin"}};
  for (char digit = '0'; digit <= '8'; ++digit) asks.push_back({.name = std::string{"memsys0"} + digit + ".bin"});
  for (const char* name : {"bootmain", "config.txt", "boot.img"}) asks.push_back({.name = name});
  asks.push_back({.kind = PiAsk::Kind::done});
  return asks;
}

std::vector<PiAsk> metadata_asks() {
  std::vector<PiAsk> asks;
  for (const char* name : {"*USER_SERIAL_NUM*a1b2c3d4", "*MAC_ADDR*DC:A6:32:01:02:03", "*EEPROM_UPDATE*success",
                           "*CUSTOMER_KEY_HASH*0000000000000000", "*FACTORY_UUID*4b1f3a2c_19e65d0a_0_77777777"}) {
    asks.push_back({.kind = PiAsk::Kind::contents, .name = name});
  }
  asks.push_back({.kind = PiAsk::Kind::end});
  return asks;
}

PiFileServer::PiFileServer(PiBoardPlan plan, std::vector<PiAsk> asks)
    : descriptors_{describe_pi(plan, serial_index_of(plan.product), "Broadcom Bootcode")},
      endpoint_{static_cast<std::uint8_t>(plan.two_interfaces ? 3 : 1)},
      asks_{std::move(asks)} {}

Reply PiFileServer::control(const Setup& setup, std::span<const std::byte>) {
  const std::size_t length = std::size_t{setup.index} << 16U | setup.value;
  if (setup.request != 0) return Reply::refuse();
  if (setup.request_type == 0x40 && setup.length == 0) return announced(length);
  if (setup.request_type == 0xC0 && length == 260 && setup.length == 260) return ask();
  return Reply::refuse();
}

Reply PiFileServer::ask() {
  if (busy > 0) {
    --busy;
    return Reply::nothing_yet();
  }
  if (state_ != State::asking) return Reply::refuse();
  if (at_ == asks_.size()) return Reply::nothing_yet();
  const PiAsk& asked = asks_[at_];
  switch (asked.kind) {
    case PiAsk::Kind::raw:
      ++at_;
      return Reply::answer(asked.raw);
    case PiAsk::Kind::done:
      leave();
      return Reply::answer(request(2, ""));
    case PiAsk::Kind::end:
      state_ = State::awaiting_size;
      return Reply::answer(request(0, ""));
    case PiAsk::Kind::file:
      state_ = size_known_ ? State::awaiting_contents : State::awaiting_size;
      return Reply::answer(request(size_known_ ? 1 : 0, asked.name));
    case PiAsk::Kind::contents:
      break;
  }
  state_ = State::awaiting_contents;
  return Reply::answer(request(1, asked.name));
}

Reply PiFileServer::announced(std::size_t length) {
  const PiAsk* const asked = at_ < asks_.size() ? &asks_[at_] : nullptr;
  if (asked == nullptr || state_ == State::asking || state_ == State::receiving) return Reply::refuse();
  if (asked->kind == PiAsk::Kind::end) {
    leave();
  } else if (length == 0) {
    missing_.push_back(asked->name);
    next();
  } else if (state_ == State::awaiting_size) {
    size_known_ = true;
    state_ = State::asking;
  } else {
    files_[asked->name].clear();
    awaited_ = length;
    state_ = State::receiving;
  }
  return Reply::take(0);
}

Reply PiFileServer::out(std::uint8_t endpoint, std::span<const std::byte> data) {
  if (endpoint != endpoint_ || state_ != State::receiving || data.size() > awaited_) return Reply::nothing_yet();
  Bytes& file = files_[asks_[at_].name];
  file.insert(file.end(), data.begin(), data.end());
  awaited_ -= data.size();
  if (awaited_ == 0) next();
  return Reply::take(data.size());
}

void PiFileServer::next() {
  ++at_;
  size_known_ = false;
  state_ = State::asking;
  if (at_ == asks_.size() && leaves_silently) leave();
}

}  // namespace flashline::lab
