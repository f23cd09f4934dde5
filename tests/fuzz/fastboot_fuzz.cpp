// Bootloaders that answer anything: replies are understood or refused, a sink of such a board has a size that makes
// sense, and every call ends. The first byte says how the board verifies.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "tests/fuzz/fuzz_pipe.h"
#include "transport/fastboot/fastboot_sink.h"

namespace {

using namespace flashline;
using namespace flashline::transport;

void must(bool holds) {
  if (!holds) std::abort();
}

bool is_shown(std::string_view text) {
  return std::ranges::all_of(text, [](char each) { return each >= ' ' && each <= '~'; });
}

void use(boost::asio::io_context& context, FastbootSink& sink) {
  const SinkFacts& facts = sink.facts();
  must(facts.capacity.value > 0 && facts.capacity.value % facts.sector_size == 0 && is_shown(facts.medium));
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(facts.capacity.value, 262144)));
  (void)tests::awaited(context, sink.discard(ByteOffset{0}, facts.capacity));
  (void)tests::awaited(context, sink.write(ByteOffset{0}, {bytes}));
  (void)tests::awaited(context,
                       sink.zero(ByteOffset{facts.capacity.value - facts.sector_size}, ByteCount{facts.sector_size}));
  const auto flushed = tests::awaited(context, sink.flush());
  const auto verified = tests::awaited(context, sink.verify_written());
  must(flushed || !verified);
  if (!flushed) must(is_shown(flushed.error().detail));
  if (!verified) must(is_shown(verified.error().detail));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto rest = std::as_bytes(std::span{data, size}).subspan(1);
  if (const auto reply = parse_fastboot_reply(rest)) must(is_shown(reply->text));
  (void)parse_fastboot_number({reinterpret_cast<const char*>(rest.data()), rest.size()});
  boost::asio::io_context context;
  auto session = FastbootSession::open(std::make_unique<fuzz::FuzzPipe>(rest), {.after_erase = {}, .most_lines = 50},
                                       [](std::string_view line) { must(is_shown(line)); });
  must(session.has_value());
  FastbootTarget target = data[0] & 1 ? pi_gadget_target() : u_boot_target();
  if (data[0] & 2) target.size = FastbootTarget::Size::sectors;
  target.mmc = 0;
  const auto sink = tests::awaited(context, open_fastboot_sink(*session, target, {.memory = ByteCount{65536}}));
  if (sink) use(context, **sink);
  return 0;
}
