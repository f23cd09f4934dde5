#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

namespace flashline::transport::detail {

namespace asio = boost::asio;

template <class Work>
asio::awaitable<std::invoke_result_t<Work>> called(Work work) {
  co_return work();
}

/// What `work` returns, done on `worker` while the caller's strand goes on; right here where there is no worker.
template <class Work>
asio::awaitable<std::invoke_result_t<Work>> on_worker(asio::any_io_executor worker, Work work) {
  if (!worker) co_return work();
  co_return co_await asio::co_spawn(worker, called(std::move(work)), asio::use_awaitable);
}

}  // namespace flashline::transport::detail
