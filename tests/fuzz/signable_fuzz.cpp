// Cabinets and programs: any bytes are taken apart or refused; what is taken apart can be signed, and is then taken
// apart to the same digest. Nothing is trusted that nobody vouches for.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "imaging/source/file_view.h"
#include "imaging/trust/signable_file.h"
#include "imaging/trust/verify_signature.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

using Read = Result<SignableFile> (*)(BlockView&);
using Verify = Result<TrustVerdict> (*)(BlockView&, const TrustPolicy&);

std::vector<std::byte> written(std::span<const std::byte> from, const SignableFile& form) {
  std::vector<std::byte> bytes = form.head;
  const auto body =
      from.subspan(static_cast<std::size_t>(form.body_at.value), static_cast<std::size_t>(form.body.value));
  bytes.insert(bytes.end(), body.begin(), body.end());
  bytes.resize(bytes.size() + form.padding);
  bytes.insert(bytes.end(), form.signature.begin(), form.signature.end());
  return bytes;
}

void try_reading(std::span<const std::byte> bytes, Read read, Verify verify) {
  MemoryView view{bytes};
  TrustPolicy policy;
  policy.clock.kind = ClockPolicy::Kind::unchecked;
  if (verify(view, policy)) std::abort();
  auto form = read(view);
  if (!form) return;
  const auto before = digest_of(view, *form);
  const std::vector<std::byte> message{std::byte{0x30}, std::byte{1}, std::byte{0}};
  if (!before || !place_message(*form, message, before->body_words)) std::abort();
  const std::vector<std::byte> made = written(bytes, *form);
  MemoryView again{made};
  const auto second = read(again);
  if (!second) std::abort();
  const auto after = digest_of(again, *second);
  const auto found = message_in(*second);
  if (!after || after->digest != before->digest || !found || !std::ranges::equal(*found, message)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span{data, size});
  try_reading(bytes, read_signable_cab, verify_cab_signature);
  try_reading(bytes, read_signable_pe, verify_pe_signature);
  return 0;
}
