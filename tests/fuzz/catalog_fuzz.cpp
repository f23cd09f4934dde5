// Catalogs: any bytes give a catalog or an error, and nothing is trusted that was not signed by the anchor.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "imaging/catalog/parse_catalog.h"
#include "imaging/trust/verify_catalog.h"

namespace {

using namespace flashline::imaging;

bool inside(std::span<const std::byte> part, std::span<const std::byte> all) {
  return part.empty() || (part.data() >= all.data() && part.data() + part.size() <= all.data() + all.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto der = std::as_bytes(std::span{data, size});
  const std::vector<std::byte> hash_table(32);
  const auto catalog = parse_catalog(der);
  if (catalog) {
    const std::size_t digest_size = catalog->member == MemberDigest::sha1 ? 20 : 32;
    if (catalog->member_digest.size() != digest_size || !inside(catalog->content, der)) std::abort();
    for (const auto& signer : catalog->signers) {
      if (!inside(signer.signature, der) || !inside(signer.message_digest, der)) std::abort();
    }
  }
  TrustPolicy policy;
  policy.clock.kind = ClockPolicy::Kind::unchecked;
  // Nobody is trusted, so nothing may pass, and what is only shown is shown with its refusal.
  if (verify_catalog(der, hash_table, policy)) std::abort();
  policy.inspect_only = true;
  const auto shown = verify_catalog(der, hash_table, policy);
  if (shown && !shown->refusal) std::abort();
  return 0;
}
