#include "transport/block/open_sink.h"

#include <cstdint>
#include <fcntl.h>
#include <utility>

#include "imaging/core/errors/device.h"
#include "transport/block/detail/medium_sink.h"
#include "transport/block/detail/opened_medium.h"
#include "transport/discovery/usb_ports.h"

namespace flashline::transport {
namespace {

using Opened = Result<detail::OpenedMedium>;

/// What holds until the thread has an answer.
Opened unopened() { return fail(errc::cancelled, "the station is stopping"); }

Result<std::unique_ptr<BlockSink>> sink_of(IoRing& ring, Opened opened) {
  FL_TRY(auto medium, std::move(opened));
  return std::make_unique<detail::MediumSink>(ring, std::move(medium));
}

Opened inspect_and_open(const std::filesystem::path& target, const TargetNeeds& needs, const Machine& machine) {
  FL_TRY(const auto inspected, inspect_target(target, needs, machine));
  return detail::open_medium(inspected, machine);
}

Opened find_and_open(const PortPath& port, const TargetNeeds& needs, const Machine& machine) {
  FL_TRY(const auto inspected, inspect_port(port, needs, machine));
  // A rehearsal's folders say what hangs where, never that this machine's own disk may be written.
  if (machine.sys != Machine{}.sys) FL_CHECK(inspect_target(inspected.real_path, needs));
  return detail::open_medium(inspected, machine);
}

// Kernels that do not poll a reader notice a changed card when somebody opens it, and only then is its size true.
void look_at_medium(const std::filesystem::path& target) {
  const detail::FileDescriptor looked{::open(target.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
}

}  // namespace

// The thread is done with what the lambdas refer to before the call completes, even when the ring is destroyed.
asio::awaitable<Result<std::unique_ptr<BlockSink>>> open_sink(IoRing& ring, InspectedTarget target, Machine machine) {
  auto opened = unopened();
  co_await ring.call([&] {
    opened = detail::open_medium(target, machine);
    return std::int64_t{0};
  });
  co_return sink_of(ring, std::move(opened));
}

asio::awaitable<Result<std::unique_ptr<BlockSink>>> open_target(IoRing& ring, std::filesystem::path target,
                                                                TargetNeeds needs, Machine machine) {
  auto opened = unopened();
  co_await ring.call([&] {
    look_at_medium(target);
    opened = inspect_and_open(target, needs, machine);
    return std::int64_t{0};
  });
  co_return sink_of(ring, std::move(opened));
}

asio::awaitable<Result<std::unique_ptr<BlockSink>>> open_port(IoRing& ring, PortPath port, TargetNeeds needs,
                                                              Machine machine) {
  auto opened = unopened();
  co_await ring.call([&] {
    if (const auto disk = find_usb_disk(port, machine)) look_at_medium(disk->node);
    opened = find_and_open(port, needs, machine);
    return std::int64_t{0};
  });
  co_return sink_of(ring, std::move(opened));
}

}  // namespace flashline::transport
