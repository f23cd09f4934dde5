#pragma once
// The hop from an event thread to a pool and back, for whatever blocks.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

namespace flashline::line {

namespace asio = boost::asio;

namespace detail {

template <class Work>
asio::awaitable<std::invoke_result_t<Work>> call(Work work) {
  co_return work();
}

}  // namespace detail

/// What `work()` returns, called on `pool`. `work` must not throw; what it refers to outlives the call.
template <class Work>
asio::awaitable<std::invoke_result_t<Work>> run_on(asio::any_io_executor pool, Work work) {
  co_return co_await asio::co_spawn(pool, detail::call(std::move(work)), asio::use_awaitable);
}

}  // namespace flashline::line
