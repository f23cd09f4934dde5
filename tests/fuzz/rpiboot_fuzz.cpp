// A Pi's boot stages: a request that was taken has a name that ends, metadata stays in its bounds, and a board that
// asks anything gets nothing that is not served. The first byte says which stage is played and to whom.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "tests/fuzz/fuzz_pipe.h"
#include "transport/rpiboot/file_server.h"
#include "transport/rpiboot/second_stage.h"

namespace {

using namespace flashline;
using namespace flashline::transport;

void must(bool holds) {
  if (!holds) std::abort();
}

bool is_shown(std::string_view text) {
  return std::ranges::all_of(text, [](char each) { return each >= ' ' && each <= '~'; });
}

void check_request(std::span<const std::byte> bytes) {
  const auto request = parse_file_request(bytes);
  if (!request) return;
  must(request->name.size() < 256);
  if (const auto pair = read_metadata_name(request->name)) must(is_shown(pair->first) && is_shown(pair->second));
}

void check_outcome(const FileServerOutcome& outcome, const FileServerRules& rules) {
  must(outcome.metadata.size() <= 64 && outcome.asked.size() <= rules.most_requests);
  must(outcome.error || rules.needed.empty() || !outcome.last_served.empty());
  for (const auto& asked : outcome.asked) must(is_shown(asked.name) && !(asked.refused && asked.size));
  must(is_shown(to_text(outcome.asked)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto rest = std::as_bytes(std::span{data, size}).subspan(1);
  check_request(rest);
  if (const auto uuid = decode_factory_uuid({reinterpret_cast<const char*>(rest.data()), rest.size()})) {
    must(uuid->size() <= 36);
  }
  UsbFacts facts{.vendor = 0x0a5c, .product = static_cast<std::uint16_t>(data[0] & 1 ? 0x2711 : 0x2764)};
  facts.serial_index = data[0] & 2 ? 3 : 4;
  facts.interfaces.resize(data[0] & 4 ? 1 : 2);
  fuzz::FuzzPipe pipe{rest, facts};
  boost::asio::io_context context;
  const RpibootTimes times{.before_return_code = {}, .between_requests = {}};
  BootFiles files;
  files.put("boot.img", std::vector<std::byte>(3000));
  files.put("config.txt", std::vector<std::byte>(10));
  if (pi_stage_of(facts) == PiStage::rom) {
    (void)tests::awaited(context, send_second_stage(pipe, {files.find("boot.img")}, times));
    return 0;
  }
  const FileServerRules rules{.needed = data[0] & 8 ? "boot.img" : "", .most_requests = 200};
  check_outcome(tests::awaited(context, serve_files(pipe, files, rules, times)), rules);
  return 0;
}
