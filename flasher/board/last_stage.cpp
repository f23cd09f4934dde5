#include "flasher/board/last_stage.h"

#include <algorithm>
#include <utility>

#include "imaging/core/errors/target.h"
#include "transport/fastboot/fastboot_sink.h"
#include "transport/firehose/firehose_sink.h"

namespace flashline::line {
namespace {

using Verify = config::Storage::Verify;
using transport::ReadBack;

std::optional<ReadBack> read_back_of(Verify verify) {
  switch (verify) {
    case Verify::read_back:
      return ReadBack::bytes;
    case Verify::digest:
    case Verify::map:
    case Verify::crc32:
      return ReadBack::by_board;
    case Verify::none:
      return ReadBack::none;
  }
  return std::nullopt;
}

/// A map is the Raspberry Pi's gadget, whose sizes have names of their own; everything else is some U-Boot.
transport::FastbootTarget fastboot_target(const config::Storage& storage) {
  transport::FastbootTarget target = storage.verify == Verify::map ? transport::pi_gadget_target(storage.partition)
                                                                   : transport::u_boot_target(storage.partition);
  if (storage.verify == Verify::none) target.verify = transport::FastbootTarget::Verify::none;
  target.most_download = std::min(target.most_download, storage.segment);
  return target;
}

}  // namespace

boost::asio::awaitable<Result<SharedSink>> open_firehose(std::unique_ptr<transport::BytePipe> pipe,
                                                         config::Storage storage, std::string name,
                                                         boost::asio::any_io_executor hash_on) {
  transport::FirehoseSinkOptions options;
  if (!storage.memory.empty()) options.programmer.memory = storage.memory;
  options.read_back = read_back_of(storage.verify);
  options.hash_on = std::move(hash_on);
  auto sink = co_await transport::FirehoseSink::open(std::move(pipe), std::move(name), std::move(options));
  if (!sink) co_return std::unexpected{std::move(sink).error()};
  co_return SharedSink{std::move(*sink)};
}

boost::asio::awaitable<Result<SharedSink>> open_fastboot(std::unique_ptr<transport::BytePipe> pipe,
                                                         config::Storage storage) {
  auto session = transport::FastbootSession::open(std::move(pipe));
  if (!session) co_return std::unexpected{std::move(session).error()};
  auto sink = co_await transport::open_fastboot_sink(std::move(*session), fastboot_target(storage));
  if (!sink) co_return std::unexpected{std::move(sink).error()};
  co_return SharedSink{std::move(*sink)};
}

bool is_not_there_yet(const Error& error) {
  return error.code == errc::target_port_empty || error.code == errc::target_no_medium ||
         error.code == errc::target_open || error.code == errc::target_changed;
}

}  // namespace flashline::line
