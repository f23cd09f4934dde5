// NXP serial download: boot images whose parts never lie outside of the file, and chips that answer anything.
// The first byte says which; the second how the rest is cut into image and answers.

#include <cstdint>
#include <cstdlib>
#include <span>

#include "tests/fuzz/fuzz_pipe.h"
#include "transport/sdp/boot_container.h"
#include "transport/sdp/ivt.h"
#include "transport/sdp/sdp_boot.h"

namespace {

using namespace flashline;
using namespace flashline::transport;

void must_be_inside(FilePart part, std::size_t size) {
  if (part.at > size || part.length > size - part.at) std::abort();
}

void check_image(std::span<const std::byte> file) {
  if (const auto ivt = find_ivt(file)) {
    must_be_inside(ivt->image, file.size());
    must_be_inside(ivt->dcd, file.size());
    if (ivt->image.length < ImageVectorTable::size) std::abort();
  }
  const auto set = first_container_set(file);
  if (set && *set > file.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto rest = std::as_bytes(std::span{data, size}).subspan(2);
  const std::size_t cut = rest.size() * data[1] / 255;
  const auto image = rest.first(cut);
  check_image(image);
  const SdpChip chip{.kind = static_cast<SdpKind>(data[0] % 3),
                     .skip_dcd = (data[0] & 4) != 0,
                     .out_endpoint = (data[0] & 8) != 0,
                     .command_block = (data[0] & 16) != 0,
                     .skips_spl = (data[0] & 32) != 0,
                     .uid_string = 4};
  fuzz::FuzzPipe pipe{rest.subspan(cut)};
  boost::asio::io_context context;
  const auto outcome = tests::awaited(context, boot_sdp(pipe, chip, image));
  if (outcome && outcome->sent > image.size()) std::abort();
  return 0;
}
