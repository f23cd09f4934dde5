// Cabinets: any bytes give a package or an error; what verifies also unpacks, and stays below its folder.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "imaging/package/cab.h"
#include "imaging/package/cab_reader.h"
#include "imaging/package/cab_structure.h"
#include "imaging/source/file_view.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

bool stays_below(const std::string& name) {
  return !name.empty() && name.front() != '\\' && name.find("..\\") == std::string::npos &&
         name.find_first_of(":/") == std::string::npos && !name.ends_with("..");
}

void check_members(std::span<const std::byte> bytes) {
  auto reader = cab::Reader::open(std::make_unique<MemoryView>(bytes), "x.cab");
  if (!reader) return;
  for (const cab::Member& member : reader->members()) {
    if (!stays_below(member.name)) std::abort();
    std::uint64_t count = 0;
    const auto status = reader->unpack(member, [&](std::span<const std::byte> part) -> Status {
      count += part.size();
      return {};
    });
    if (count > member.size || (status && count != member.size)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes{reinterpret_cast<const std::byte*>(data), size};
  check_members(bytes);
  MemoryView view{bytes};
  const auto structure = cab::read_structure(view);
  if (structure && cab::check_structure(view)) {
    // What passes as a cabinet without a signature has one way to be written.
    const auto header = cab::header_of(*structure);
    if (header.size() > size) std::abort();
  }
  TrustPolicy policy;
  policy.allow_unsigned = true;
  const auto verdict = verify_cab(bytes, "x.cab", policy);
  if (verdict && !structure) std::abort();
  return 0;
}
