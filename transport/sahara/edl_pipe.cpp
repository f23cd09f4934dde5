#include "transport/sahara/edl_pipe.h"

#include <algorithm>

#include "imaging/core/errors/usb.h"

namespace flashline::transport {

Result<EdlPipe> EdlPipe::over(BytePipe& pipe) {
  const auto& endpoints = pipe.interface().endpoints;
  const auto bulk = [&](bool in) {
    return std::ranges::find_if(endpoints, [&](const UsbEndpoint& each) {
      return each.kind == UsbEndpoint::Kind::bulk && each.is_in() == in && each.packet > 0;
    });
  };
  if (bulk(true) == endpoints.end() || bulk(false) == endpoints.end()) {
    return fail(errc::usb_no_interface, "the interface has no pair of bulk endpoints");
  }
  return EdlPipe{pipe, bulk(true)->address, *bulk(false)};
}

asio::awaitable<Status> EdlPipe::write(std::span<const std::byte> data, std::chrono::milliseconds timeout) {
  FL_CO_CHECK(co_await pipe_->out(out_.address, data, timeout));
  if (data.size() % out_.packet == 0) co_return co_await pipe_->out(out_.address, {}, timeout);
  co_return Status{};
}

asio::awaitable<Result<std::size_t>> EdlPipe::read(std::span<std::byte> into, std::chrono::milliseconds timeout) {
  co_return co_await pipe_->in(in_, into, timeout);
}

}  // namespace flashline::transport
