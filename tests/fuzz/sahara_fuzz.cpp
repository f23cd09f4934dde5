// Sahara: a chip that says anything gets bytes of the programmer only, and not for ever.

#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "tests/fuzz/fuzz_pipe.h"
#include "transport/sahara/sahara.h"
#include "transport/sahara/sahara_packet.h"

using namespace flashline;
using namespace flashline::transport;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span{data, size});
  (void)read_sahara_packet(bytes);
  static const std::vector<std::byte> programmer(5000);
  for (const bool ask : {false, true}) {
    fuzz::FuzzPipe pipe{bytes};
    boost::asio::io_context context;
    SaharaOptions options;
    options.ask_serial = ask;
    const auto outcome = tests::awaited(context, load_programmer(pipe, programmer, options));
    if (outcome && outcome->sent > programmer.size()) std::abort();
  }
  return 0;
}
