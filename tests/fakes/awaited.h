#pragma once
// Runs a coroutine to its end from a plain test.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

namespace flashline::tests {

/// What `work` returns, after running `context` until it did. Other work of the context may stay pending.
template <class T>
T awaited(boost::asio::io_context& context, boost::asio::awaitable<T> work) {
  std::optional<T> value;
  std::exception_ptr thrown;
  boost::asio::co_spawn(context, std::move(work), [&](std::exception_ptr error, T result) {
    thrown = error;
    if (!error) value.emplace(std::move(result));
  });
  context.restart();
  while (!value && !thrown && context.run_one() > 0) {
  }
  if (thrown) std::rethrow_exception(thrown);
  return std::move(value).value();
}

}  // namespace flashline::tests
