#pragma once
// A board that says whatever the fuzzer likes, and a protocol run against it to its end.

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <span>
#include <utility>

#include "imaging/core/errors/usb.h"
#include "tests/fakes/awaited.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::fuzz {

/// Takes everything. Each transfer IN is cut out of the fuzzer's bytes: two bytes of length, then the bytes; 0xfff0 and
/// above are faults. After the last byte every transfer fails, so that no protocol can go on for ever.
class FuzzPipe final : public transport::BytePipe {
 public:
  /// `facts` with its interfaces in the place of a board with one bulk endpoint each way.
  explicit FuzzPipe(std::span<const std::byte> bytes, transport::UsbFacts facts = {})
      : bytes_{bytes}, facts_{std::move(facts)} {
    if (!facts_.interfaces.empty()) return;
    facts_.interfaces.push_back({.endpoints = {{0x81, transport::UsbEndpoint::Kind::bulk, 512}, {0x01, {}, 512}}});
  }

  const transport::UsbFacts& facts() const override { return facts_; }
  const transport::UsbInterface& interface() const override { return facts_.interfaces.front(); }
  transport::asio::awaitable<Status> control_out(transport::UsbSetup, std::span<const std::byte>, Timeout) override {
    co_return took();
  }
  transport::asio::awaitable<Result<std::size_t>> control_in(transport::UsbSetup, std::span<std::byte> into,
                                                             Timeout) override {
    co_return next(into);
  }
  transport::asio::awaitable<Status> out(std::uint8_t, std::span<const std::byte>, Timeout) override {
    co_return took();
  }
  transport::asio::awaitable<Result<std::size_t>> in(std::uint8_t, std::span<std::byte> into, Timeout) override {
    co_return next(into);
  }
  transport::asio::awaitable<Status> clear_halt(std::uint8_t) override { co_return Status{}; }
  transport::asio::awaitable<Status> reset() override { co_return Status{}; }

 private:
  Status took() const {
    if (bytes_.empty()) return fail(errc::usb_gone, "the fuzzer has nothing left");
    return {};
  }
  Result<std::size_t> next(std::span<std::byte> into) {
    if (bytes_.size() < 2) {
      bytes_ = {};
      return fail(errc::usb_gone, "the fuzzer has nothing left");
    }
    const std::size_t wanted = std::to_integer<std::size_t>(bytes_[0]) | std::to_integer<std::size_t>(bytes_[1]) << 8U;
    bytes_ = bytes_.subspan(2);
    if (wanted >= 0xfff0) return fail(wanted % 2 == 0 ? errc::usb_timeout : errc::usb_link, "the fuzzer said so");
    const std::size_t count = std::min({wanted, bytes_.size(), into.size()});
    std::ranges::copy(bytes_.first(count), into.begin());
    bytes_ = bytes_.subspan(count);
    return count;
  }

  std::span<const std::byte> bytes_;
  transport::UsbFacts facts_;
};

}  // namespace flashline::fuzz
