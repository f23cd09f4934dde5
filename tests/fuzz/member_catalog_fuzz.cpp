// Catalogs of packages and time stamps: any bytes give a catalog or an error, nothing is trusted that nobody vouches
// for, and a catalog that is taken can be built again from its members.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "imaging/catalog/member_catalog.h"
#include "imaging/trust/time_stamp.h"
#include "imaging/trust/verify_signature.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flashline::imaging;
  const auto der = std::as_bytes(std::span{data, size});
  TrustPolicy policy;
  policy.clock.kind = ClockPolicy::Kind::unchecked;
  (void)verify_stamp(der, {}, policy);
  const auto catalog = parse_member_catalog(der);
  if (!catalog) return 0;
  if (!check_members(*catalog, catalog->members)) std::abort();
  const auto again = build_member_catalog(catalog->members, 0);
  if (!again || !parse_member_catalog(*again)) std::abort();
  if (verify_member_catalog(der, catalog->members, policy)) std::abort();
  return 0;
}
