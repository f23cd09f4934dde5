#pragma once
// The decompressed copy of an image that can only be read in order, so that boards can read it at any place.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/source/block_plan.h"
#include "imaging/source/content.h"

namespace flashline::line::detail {

namespace asio = boost::asio;

/// Removes what a crash left behind: unfinished spools that no process writes any more.
void remove_abandoned_spools(const std::filesystem::path& folder);

/// One file in the cache folder, made once for an image file as it is now (path, size, time, inode). A thread of its
/// own fills it; boards read what is there already. Complete, it gets its final name and the digests of its units
/// beside it, so that another run of the station can use it and still knows every byte of it.
class Spool {
 public:
  /// Bytes that one digest of digests() covers.
  static constexpr std::uint32_t unit = 256_KiB;

  /// Finds the complete spool of `image_file`, or starts to make it from `content`. Makes room by removing other
  /// complete spools, the oldest first. `executor` is where wait_for() is called. Blocks shortly.
  /// Errors: image_open, spool_space, image_write.
  static Result<std::shared_ptr<Spool>> open(const std::filesystem::path& folder,
                                             const std::filesystem::path& image_file, imaging::Content content,
                                             asio::any_io_executor executor);
  /// Stops filling. An unfinished spool is removed.
  ~Spool();

  int fd() const;
  /// Whether it was there already.
  bool reused() const;
  /// SHA-256 of its units as the decompressor gave them; those of bytes that were waited for are there.
  imaging::HashTable digests() const;

  /// Until the bytes before `end` can be read. Errors: whatever ended the filling.
  asio::awaitable<Status> wait_for(ByteOffset end);
  Status wait_blocking(ByteOffset end);
  /// Until all is there, under its final name.
  asio::awaitable<Result<ByteCount>> wait_complete();

  /// What was read from it is not what was written to it: the next run makes it anew.
  void distrust();

 private:
  class Core;
  explicit Spool(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace flashline::line::detail
