#pragma once
// A board that takes everything and says what a test wrote down, one transfer after the other.

#include <deque>
#include <string_view>
#include <utility>

#include "tests/lab/emulators/descriptors.h"

namespace flashline::tests {

class ScriptedBoard final : public lab::EmulatedDevice {
 public:
  /// `says` is what each transfer IN brings; with `for_ever` the last one comes again and again, else silence follows.
  explicit ScriptedBoard(std::deque<lab::Bytes> says, bool for_ever = false)
      : says_{std::move(says)},
        for_ever_{for_ever},
        descriptors_{lab::describe({.interfaces = {{.endpoints = {{0x81}, {0x01}}}}})} {}

  const lab::Descriptors& descriptors() const override { return descriptors_; }
  lab::Reply control(const lab::Setup&, std::span<const std::byte> data) override {
    return lab::Reply::take(data.size());
  }
  lab::Reply out(std::uint8_t, std::span<const std::byte> data) override {
    taken_ += data.size();
    return lab::Reply::take(data.size());
  }
  lab::Reply in(std::uint8_t, std::size_t) override {
    if (says_.empty()) return lab::Reply::nothing_yet();
    ++told_;
    if (for_ever_ && says_.size() == 1) return lab::Reply::answer(says_.front());
    lab::Bytes first = std::move(says_.front());
    says_.pop_front();
    return lab::Reply::answer(std::move(first));
  }

  std::uint64_t taken() const { return taken_; }
  /// Transfers that it answered.
  std::uint64_t told() const { return told_; }

 private:
  std::deque<lab::Bytes> says_;
  bool for_ever_;
  lab::Descriptors descriptors_;
  std::uint64_t taken_ = 0;
  std::uint64_t told_ = 0;
};

inline lab::Bytes as_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

}  // namespace flashline::tests
