#pragma once
// Cards that say they are larger than they are, found out before an image is trusted to them.

#include <boost/asio/awaitable.hpp>

#include "transport/block/block_sink.h"

namespace flashline::transport {

/// Puts a stamp at the beginning, at each power of two below the end and at the end of the medium, then reads them all
/// back past the cache: on a card that wraps around a late stamp has replaced an early one, on one that has nothing
/// behind its real end stamps are lost. Real chips have a power of two of bytes, so that is what is looked for; reading
/// back the whole image finds every other lie, only later. What lay under the stamps is put back. Takes less than a
/// second a card. Errors: device_full (with the size that the medium really has, as far as it is known), and those of
/// the sink.
asio::awaitable<Status> probe_capacity(BlockSink& sink);

}  // namespace flashline::transport
