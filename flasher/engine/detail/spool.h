#pragma once
// The decompressed copy of an image that can only be read in order, so that boards can read it at any place.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>

#include "flasher/engine/detail/signal.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/source/content.h"

namespace flashline::line::detail {

/// One file in the cache folder.
class Spool : public std::enable_shared_from_this<Spool> {
 public:
  int fd() const { return file_.get(); }
  /// Until the bytes before `end` are in the file. Event thread. Errors: whatever ended the filling.
  asio::awaitable<Status> wait_for(ByteOffset end);

 private:
  imaging::FileHandle file_;
};

}  // namespace flashline::line::detail
