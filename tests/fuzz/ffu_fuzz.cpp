// Full flash update images: any bytes give a value or an error, never a fault. The first byte says what the rest is:
// a whole file; or everything from the image header on, for which a security region with the right digests is made, so
// that the descriptors are reached; or input of one of the decompressors.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "imaging/catalog/build_catalog.h"
#include "imaging/ffu/compression/decompress.h"
#include "imaging/ffu/read_ffu.h"
#include "imaging/ffu/security_header.h"
#include "tests/fakes/memory_file.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

using Bytes = std::vector<std::byte>;
constexpr std::uint32_t chunk = 1024;

/// `body` as an image whose every chunk has its digest. `extra` digests follow, as compressed images need more.
Bytes with_security_region(std::span<const std::byte> body, unsigned extra) {
  Bytes table;
  Bytes padded(body.begin(), body.end());
  padded.resize((padded.size() + chunk - 1) / chunk * chunk);
  for (std::size_t at = 0; at < padded.size(); at += chunk) {
    const auto digest = sha256(std::span{padded}.subspan(at, chunk));
    table.insert(table.end(), digest.begin(), digest.end());
  }
  table.resize(table.size() + std::size_t{extra} * 32);
  const Bytes catalog = build_catalog(table);
  const ffu::SecurityHeader header{.chunk_size = chunk,
                                   .catalog_size = static_cast<std::uint32_t>(catalog.size()),
                                   .hash_table_size = static_cast<std::uint32_t>(table.size())};
  Bytes file = ffu::build_security_header(header);
  file.insert(file.end(), catalog.begin(), catalog.end());
  file.insert(file.end(), table.begin(), table.end());
  file.resize(header.image_offset().value);
  file.insert(file.end(), padded.begin(), padded.end());
  return file;
}

/// What was opened can be planned for any size and read to its end.
void use(OpenedImage& image) {
  if (image.stores.empty()) std::abort();
  for (const auto& store : image.stores) {
    for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{65536}, store.plan.needs.min_size.value}) {
      const auto plan = resolved(store.plan, ByteCount{size});
      if (!plan) continue;
      for (const auto& phase : plan->phases) {
        for (const auto& run : phase.runs) {
          if (run.place.distance + run.length.value > size) std::abort();
        }
      }
    }
  }
  if (image.content.size && image.content.size->value < 64_MiB) static_cast<void>(verify_payload(image, {}));
}

void open(const Bytes& file) {
  OpenOptions options;
  options.trust.allow_unsigned = true;
  options.experimental = true;
  if (auto image = open_ffu(fakes::memory_file(file), "fuzz", options)) use(*image);
}

void decompress(std::uint8_t how, std::span<const std::byte> in) {
  Bytes out(how % 2 == 0 ? 5000 : 131072);
  switch (how / 2 % 3) {
    case 0:
      return static_cast<void>(ffu::decompress_lznt1(in, out));
    case 1:
      return static_cast<void>(ffu::decompress_xpress(in, out));
    default:
      return static_cast<void>(ffu::decompress_xpress_huffman(in, out));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 256_KiB) return 0;
  const auto rest = std::as_bytes(std::span{data, size}).subspan(2);
  switch (data[0] % 4) {
    case 0:
      open(Bytes(rest.begin(), rest.end()));
      break;
    case 1:
      decompress(data[1], rest);
      break;
    default:
      open(with_security_region(rest, data[1]));
  }
  return 0;
}
