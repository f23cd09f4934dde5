#pragma once
// The one thread that SQLite is used on.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "flasher/record/store.h"

namespace flashline::line {

namespace asio = boost::asio;

/// Owns the store. Jobs run one after the other in the order they came, so a job that looks and then writes is not
/// overtaken by another.
class RecordThread {
 public:
  using Listener = std::function<void(const Record&)>;

  /// `options.on_record` is not used: see listen(). Errors: those of Store::open.
  static Result<std::unique_ptr<RecordThread>> open(StoreOptions options) {
    auto listener = std::make_shared<Listener>();
    options.on_record = [listener](const Record& record) {
      if (*listener) (*listener)(record);
    };
    FL_TRY(auto store, Store::open(std::move(options)));
    return std::unique_ptr<RecordThread>{new RecordThread{std::move(store), std::move(listener)}};
  }
  /// Waits for the jobs that were begun.
  ~RecordThread() { finish(); }
  RecordThread(const RecordThread&) = delete;
  RecordThread& operator=(const RecordThread&) = delete;

  /// Waits for the jobs that were begun; later ones never run. Due before the executors that jobs resume are destroyed.
  void finish() { thread_.join(); }

  /// Runs `job(Store&)`, which returns a Result or a Status, and resumes the caller on its own executor.
  template <class Job>
  asio::awaitable<std::invoke_result_t<Job&, Store&>> run(Job job) {
    co_return co_await asio::co_spawn(thread_, call(std::move(job), *store_), asio::use_awaitable);
  }

  /// From the next job on, `listener` is told each record once it is durable, on the store's thread.
  void listen(Listener listener) {
    asio::post(thread_, [known = listener_, next = std::move(listener)]() mutable { *known = std::move(next); });
  }

 private:
  RecordThread(std::unique_ptr<Store> store, std::shared_ptr<Listener> listener)
      : store_{std::move(store)}, listener_{std::move(listener)} {}

  template <class Job>
  static asio::awaitable<std::invoke_result_t<Job&, Store&>> call(Job job, Store& store) {
    co_return job(store);
  }

  std::unique_ptr<Store> store_;
  std::shared_ptr<Listener> listener_;
  asio::thread_pool thread_{1};
};

}  // namespace flashline::line
