#pragma once
// Lets a board compare what is on its medium with digests of what it was sent.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <span>
#include <vector>

#include "imaging/core/error.h"
#include "transport/fastboot/detail/written_ranges.h"
#include "transport/fastboot/fastboot_session.h"
#include "transport/fastboot/fastboot_target.h"

namespace flashline::transport::detail {

/// `session` and `target` outlive it; whoever calls has the session's turn.
class BoardCheck {
 public:
  BoardCheck(FastbootSession& session, const FastbootTarget& target, std::uint32_t sector_size,
             asio::any_io_executor workers)
      : session_{session}, target_{target}, sector_size_{sector_size}, workers_{std::move(workers)} {}

  /// Errors: verify_mismatch (the first range that differs), fastboot_verify (the board cannot tell), those of
  /// commands.
  asio::awaitable<Status> check(std::vector<WrittenRange> ranges);

 private:
  asio::awaitable<Status> check_by_map(std::span<const WrittenRange> ranges);
  asio::awaitable<Status> load_map(std::vector<std::byte> map);
  asio::awaitable<Status> check_by_crc(const WrittenRange& range);
  asio::awaitable<Result<std::vector<std::byte>>> map_of(std::span<const WrittenRange> ranges, std::uint32_t block);

  FastbootSession& session_;
  const FastbootTarget& target_;
  std::uint32_t sector_size_;
  asio::any_io_executor workers_;
  std::map<std::uint64_t, Sha256> digests_of_zeros_;  // by length: nearly all are of one
  bool other_magic_ = false;
  bool mmc_chosen_ = false;
};

}  // namespace flashline::transport::detail
