// Firehose: a programmer that says anything. What was read of a text is read again the same; whole documents are used.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_pipe.h"
#include "transport/firehose/firehose.h"
#include "transport/firehose/firehose_sink.h"
#include "transport/firehose/firehose_xml.h"

namespace {

using namespace flashline;
using namespace flashline::transport;

void check_words(std::string_view text) {
  const auto read = read_firehose(text);
  if (!read) return;
  if (read->used > text.size() || read->elements.size() > firehose_element_limit) std::abort();
  const auto again = read_firehose(text.substr(0, read->used));
  if (!again || again->elements.size() != read->elements.size() || again->used != read->used) std::abort();
  std::vector<std::string> logs;
  for (const auto& element : read->elements) {
    for (const auto& each : element.attributes) {
      logs.push_back(each.value);
      (void)digest_in(each.value);
    }
  }
  const auto storage = storage_in(logs);
  if (storage &&
      (storage->sectors == 0 || storage->sectors * storage->sector_size / storage->sector_size != storage->sectors))
    std::abort();
}

asio::awaitable<bool> use(std::span<const std::byte> bytes) {
  auto sink = co_await FirehoseSink::open(std::make_unique<fuzz::FuzzPipe>(bytes), "fuzz", {.collect = 8192});
  if (!sink) co_return false;
  std::vector<std::byte> block(4096);
  (void)co_await (*sink)->write(ByteOffset{0}, IoBuffer{block});
  (void)co_await (*sink)->write(ByteOffset{4096}, IoBuffer{block});
  (void)co_await (*sink)->flush();
  (void)co_await (*sink)->verify_written();
  (void)co_await (*sink)->read(ByteOffset{0}, IoBuffer{block});
  (void)co_await (*sink)->restart();
  co_return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_words({reinterpret_cast<const char*>(data), size});
  boost::asio::io_context context;
  (void)tests::awaited(context, use(std::as_bytes(std::span{data, size})));
  return 0;
}
