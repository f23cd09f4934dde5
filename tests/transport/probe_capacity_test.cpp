#include "transport/block/probe_capacity.h"

#include <cstring>
#include <gtest/gtest.h>
#include <vector>

#include "imaging/core/errors/device.h"
#include "tests/fakes/awaited.h"

namespace flashline::transport {
namespace {

/// A card with `real` bytes that says `claimed`.
class FakeCard final : public BlockSink {
 public:
  enum class Beyond : std::uint8_t { wraps, loses };

  FakeCard(ByteCount claimed, ByteCount real, Beyond beyond) : beyond_{beyond}, memory_(real.value, std::byte{7}) {
    facts_.path = "card";
    facts_.capacity = claimed;
  }

  const SinkFacts& facts() const override { return facts_; }
  asio::awaitable<Status> write(ByteOffset at, IoBuffer data) override {
    if (std::byte* place = find(at.value)) std::memcpy(place, data.bytes.data(), data.bytes.size());
    co_return Status{};
  }
  asio::awaitable<Status> flush() override { co_return Status{}; }
  asio::awaitable<Status> read(ByteOffset at, IoBuffer into) override {
    const std::byte* place = find(at.value);
    if (place == nullptr) std::memset(into.bytes.data(), 0, into.bytes.size());
    if (place != nullptr) std::memcpy(into.bytes.data(), place, into.bytes.size());
    co_return Status{};
  }
  asio::awaitable<Status> discard(ByteOffset, ByteCount) override { co_return Status{}; }
  asio::awaitable<Status> zero(ByteOffset, ByteCount) override { co_return Status{}; }

  const std::vector<std::byte>& memory() const { return memory_; }

 private:
  std::byte* find(std::uint64_t at) {
    if (at < memory_.size()) return memory_.data() + at;
    return beyond_ == Beyond::wraps ? memory_.data() + at % memory_.size() : nullptr;
  }

  Beyond beyond_;
  std::vector<std::byte> memory_;
  SinkFacts facts_;
};

Status probed(FakeCard& card) {
  asio::io_context context;
  return tests::awaited(context, probe_capacity(card));
}

TEST(ProbeCapacity, passes_an_honest_card_and_leaves_it_as_it_was) {
  for (const std::uint64_t size : {2_MiB, 16_MiB, 16_MiB + 4096, 16_MiB - 512}) {
    FakeCard card{ByteCount{size}, ByteCount{size}, FakeCard::Beyond::loses};
    const auto status = probed(card);
    EXPECT_TRUE(status) << to_text(status.error());
    EXPECT_EQ(card.memory(), std::vector<std::byte>(size, std::byte{7}));
  }
}

TEST(ProbeCapacity, finds_a_card_that_wraps_around_and_its_real_size) {
  FakeCard card{ByteCount{64_MiB}, ByteCount{16_MiB}, FakeCard::Beyond::wraps};
  const auto status = probed(card);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, errc::device_full);
  EXPECT_NE(status.error().detail.find("says 67108864 bytes and has"), std::string::npos) << status.error().detail;
}

TEST(ProbeCapacity, finds_a_card_with_nothing_behind_its_real_end) {
  FakeCard card{ByteCount{64_MiB}, ByteCount{24_MiB}, FakeCard::Beyond::loses};
  const auto status = probed(card);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().detail, "it says 67108864 bytes and keeps nothing at 33554432");
}

}  // namespace
}  // namespace flashline::transport
