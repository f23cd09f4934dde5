#pragma once
// Work that would hold up the event thread, awaited from it.

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

namespace flashline::line::detail {

namespace asio = boost::asio;

/// Runs `work` on `pool` and resumes the awaiting coroutine on its own executor with the result. `work` throws nothing.
template <class Executor, class Work, class Answer = std::invoke_result_t<Work>>
asio::awaitable<Answer> on_pool(Executor pool, Work work) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Answer)>(
      [pool = std::move(pool), work = std::move(work)](auto handler) mutable {
        auto home = asio::get_associated_executor(handler);
        // Keeps the event loop running until the answer is back.
        auto tracked = asio::prefer(home, asio::execution::outstanding_work.tracked);
        asio::post(pool, [home = std::move(tracked), work = std::move(work), handler = std::move(handler)]() mutable {
          auto answer = work();
          asio::dispatch(home, [handler = std::move(handler), answer = std::move(answer)]() mutable {
            std::move(handler)(std::move(answer));
          });
        });
      },
      asio::use_awaitable);
}

}  // namespace flashline::line::detail
