#include "transport/block/open_sink.h"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <utility>

#include "transport/block/detail/medium_sink.h"
#include "transport/block/detail/opened_medium.h"

namespace flashline::transport {
namespace {

using Opened = Result<detail::OpenedMedium>;

/// Runs `open` on a thread of the ring. The result lives in this coroutine until the thread is done.
asio::awaitable<Opened> on_thread(IoRing& ring, std::move_only_function<Opened()> open) {
  Opened opened = fail(Errc::cancelled, "the station is stopping");
  const auto ran = co_await ring.call([&opened, &open] {
    opened = open();
    return std::int64_t{0};
  });
  if (!ran.ok() && opened) co_return fail(Errc::cancelled, "the station is stopping");
  co_return opened;
}

Result<std::unique_ptr<BlockSink>> sink_of(IoRing& ring, Opened opened) {
  FL_TRY(auto medium, std::move(opened));
  return std::make_unique<detail::MediumSink>(ring, std::move(medium));
}

// Kernels that do not poll a reader notice a changed card when somebody opens it, and only then is its size true.
void look_at_medium(const std::filesystem::path& target) {
  const detail::FileDescriptor looked{::open(target.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<BlockSink>>> open_sink(IoRing& ring, InspectedTarget target, Machine machine) {
  auto opened = co_await on_thread(ring, [target = std::move(target), machine = std::move(machine)] {
    return detail::open_medium(target, machine);
  });
  co_return sink_of(ring, std::move(opened));
}

asio::awaitable<Result<std::unique_ptr<BlockSink>>> open_target(IoRing& ring, std::filesystem::path target,
                                                                TargetNeeds needs, Machine machine) {
  auto opened = co_await on_thread(
      ring, [target = std::move(target), needs = std::move(needs), machine = std::move(machine)]() -> Opened {
        look_at_medium(target);
        FL_TRY(const auto inspected, inspect_target(target, needs, machine));
        return detail::open_medium(inspected, machine);
      });
  co_return sink_of(ring, std::move(opened));
}

}  // namespace flashline::transport
