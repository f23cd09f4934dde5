#include "imaging/trust/verify_catalog.h"

#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/parse_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/trust/detail/openssl_handles.h"
#include "imaging/trust/detail/verify_message.h"
#include "imaging/trust/expiry.h"

namespace flashline::imaging {

Result<TrustAnchor> load_anchor(const std::filesystem::path& path, bool test) {
  FL_TRY(const std::string pem, detail::read_pem_file(path, errc::anchor_file));
  FL_TRY(const auto certificates, detail::parse_certificates(pem, path.string(), errc::anchor_file));
  TrustAnchor anchor{.pem = {}, .name = path.string(), .test = test};
  for (const auto& certificate : certificates) anchor.pem += detail::pem_of(certificate.get());
  return anchor;
}

std::optional<int> expiry_warning(std::time_t not_after, std::time_t now) {
  constexpr std::time_t day = 24L * 3600;
  const std::time_t left = not_after - now;
  if (left > 60 * day) return std::nullopt;
  // Whole days; any moment past the end counts as a day below zero.
  return static_cast<int>(left >= 0 ? left / day : -((-left + day - 1) / day));
}

std::optional<std::string> expiry_sentence(std::string_view whose, std::time_t not_after, std::time_t now) {
  const auto days = expiry_warning(not_after, now);
  if (!days) return std::nullopt;
  if (*days < 0) return fmt::format("the certificates of {} ended {} days ago", whose, -*days);
  return fmt::format("the certificates of {} end in {} days", whose, *days);
}

Result<TrustVerdict> verify_catalog(std::span<const std::byte> catalog_der, std::span<const std::byte> hash_table,
                                    const TrustPolicy& policy) {
  FL_TRY(const Catalog catalog, parse_catalog(catalog_der));
  FL_CHECK(check_member_digest(catalog, hash_table));
  return detail::verify_message(catalog_der, catalog, policy,
                                {errc::unsigned_image, "the image's catalog carries no signature"});
}

}  // namespace flashline::imaging
