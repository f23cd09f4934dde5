#include "transport/fastboot/detail/board_check.h"

#include <algorithm>
#include <array>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <string_view>

#include "imaging/core/crc32.h"
#include "imaging/core/errors/device.h"
#include "imaging/core/errors/fastboot.h"
#include "imaging/core/little_endian.h"
#include "transport/fastboot/detail/on_worker.h"

namespace flashline::transport::detail {
namespace {

// The daemon knows the one that reads as "BMAP"; the vendor's desktop program sends the other.
constexpr std::uint32_t daemons_magic = 0x50414D42;
constexpr std::uint32_t other_magic = 0x424D4150;
constexpr std::size_t header_size = 16;
constexpr std::size_t entry_size = 40;
// Each range gives a line of INFO, and lines are counted.
constexpr std::size_t ranges_at_once = 256;
constexpr std::uint32_t usual_block = 4096;

std::uint32_t block_size_of(std::span<const WrittenRange> ranges, std::uint32_t sector_size) {
  const bool usual = std::ranges::all_of(
      ranges, [](const WrittenRange& each) { return each.at % usual_block == 0 && each.length % usual_block == 0; });
  return usual ? usual_block : sector_size;
}

Sha256 digest_of_zeros(std::uint64_t length) {
  static constexpr std::array<std::byte, 65536> zeros{};
  Sha256Stream stream;
  for (std::uint64_t done = 0; done < length; done += std::min<std::uint64_t>(zeros.size(), length - done)) {
    stream.update(
        std::span{zeros}.first(static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), length - done))));
  }
  return stream.finish();
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// "<range>:<expected>:<actual>", whatever comes before it. Anything else is no mismatch but a check that failed.
std::optional<std::string> range_that_differs(std::string_view text) {
  const auto second = text.rfind(':');
  if (second == std::string_view::npos || second == 0) return std::nullopt;
  const auto first = text.rfind(':', second - 1);
  if (first == std::string_view::npos || !is_digest(text.substr(second + 1)) ||
      !is_digest(text.substr(first + 1, second - first - 1))) {
    return std::nullopt;
  }
  const auto word = text.substr(0, first).rfind(' ');
  return std::string{text.substr(word + 1, first - word - 1)};
}

std::unexpected<Error> differs(std::uint64_t at, std::uint64_t length) {
  return fail(errc::verify_mismatch, fmt::format("the board holds something else at offset {}, {} bytes", at, length));
}

Error cannot_tell(const Error& error) {
  return error.code == errc::fastboot_refused ? Error{errc::fastboot_verify, error.detail} : error;
}

}  // namespace

asio::awaitable<Status> BoardCheck::check(std::vector<WrittenRange> ranges) {
  if (target_.verify == FastbootTarget::Verify::bmap) {
    for (std::span left{ranges}; !left.empty(); left = left.subspan(std::min(ranges_at_once, left.size()))) {
      FL_CO_CHECK(co_await check_by_map(left.first(std::min(ranges_at_once, left.size()))));
    }
  }
  if (target_.verify == FastbootTarget::Verify::crc32) {
    for (const auto& range : ranges) FL_CO_CHECK(co_await check_by_crc(range));
  }
  co_return Status{};
}

asio::awaitable<Result<std::vector<std::byte>>> BoardCheck::map_of(std::span<const WrittenRange> ranges,
                                                                   std::uint32_t block) {
  std::vector<std::byte> map(header_size + ranges.size() * entry_size);
  store32(map, other_magic_ ? other_magic : daemons_magic);
  store32(std::span{map}.subspan(4), block);
  store32(std::span{map}.subspan(8), static_cast<std::uint32_t>(ranges.size()));
  auto entry = std::span{map}.subspan(header_size);
  for (const auto& range : ranges) {
    if (range.zeros && !digests_of_zeros_.contains(range.length)) {
      digests_of_zeros_[range.length] =
          co_await on_worker(workers_, [length = range.length] { return digest_of_zeros(length); });
    }
    store32(entry, static_cast<std::uint32_t>(range.at / block));
    store32(entry.subspan(4), static_cast<std::uint32_t>((range.at + range.length) / block - 1));
    std::ranges::copy(range.zeros ? digests_of_zeros_[range.length] : range.digest, entry.begin() + 8);
    entry = entry.subspan(entry_size);
  }
  co_return map;
}

asio::awaitable<Status> BoardCheck::load_map(std::vector<std::byte> map) {
  const FastbootData data{map.size(), [&](std::uint64_t at, std::span<std::byte> into) {
                            std::ranges::copy(std::span{map}.subspan(at, into.size()), into.begin());
                          }};
  for (bool again = false;; again = true) {
    FL_CO_CHECK(co_await session_.download(data));
    const auto loaded = co_await session_.command("oem bmap-load " + target_.partition);
    if (loaded) co_return Status{};
    const bool other = !again && loaded.error().detail.contains("magic");
    if (!other) co_return std::unexpected{cannot_tell(loaded.error())};
    other_magic_ = !other_magic_;
    store32(map, other_magic_ ? other_magic : daemons_magic);
  }
}

asio::awaitable<Status> BoardCheck::check_by_map(std::span<const WrittenRange> ranges) {
  const std::uint32_t block = block_size_of(ranges, sector_size_);
  FL_CO_TRY(auto map, co_await map_of(ranges, block));
  FL_CO_CHECK(co_await load_map(std::move(map)));
  const auto verified = co_await session_.command("oem bmap-verify " + target_.partition, session_.times().verify);
  if (verified) co_return Status{};
  const auto word = range_that_differs(verified.error().detail);
  if (!word) co_return std::unexpected{cannot_tell(verified.error())};
  const auto number = parse_fastboot_number(*word);
  if (number && *number < ranges.size()) co_return differs(ranges[*number].at, ranges[*number].length);
  co_return fail(errc::verify_mismatch, fmt::format("the board holds something else in range {}", *word));
}

asio::awaitable<Status> BoardCheck::check_by_crc(const WrittenRange& range) {
  if (target_.mmc && !mmc_chosen_) {
    const auto chosen = co_await session_.command(fmt::format("UCmd:mmc dev {}", *target_.mmc));
    if (!chosen) co_return std::unexpected{cannot_tell(chosen.error())};
    mmc_chosen_ = true;
  }
  const std::uint64_t most =
      std::max<std::uint64_t>(target_.read_at_once.value / sector_size_ * sector_size_, sector_size_);
  for (std::uint64_t done = 0; done < range.length;) {
    // Only zeros are cut: a digest is of its whole range.
    const std::uint64_t length = range.zeros ? std::min(most, range.length - done) : range.length;
    const std::uint64_t at = range.at + done;
    const auto read = co_await session_.command(
        fmt::format("UCmd:mmc read ${{loadaddr}} {:x} {:x}", at / sector_size_, length / sector_size_),
        session_.times().verify);
    if (!read) co_return std::unexpected{cannot_tell(read.error())};
    const std::uint32_t crc = range.zeros ? crc32_of_zeros(length, 0) : range.crc;
    const auto same = co_await session_.command(fmt::format("UCmd:crc32 -v ${{loadaddr}} {:x} {:08x}", length, crc),
                                                session_.times().verify);
    if (!same) {
      if (same.error().code != errc::fastboot_refused) co_return std::unexpected{same.error()};
      co_return differs(at, length);
    }
    done += length;
  }
  co_return Status{};
}

}  // namespace flashline::transport::detail
