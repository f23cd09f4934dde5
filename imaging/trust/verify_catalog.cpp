#include "imaging/trust/verify_catalog.h"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "imaging/catalog/parse_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/trust/detail/openssl_handles.h"
#include "imaging/trust/detail/verify_message.h"

namespace flashline::imaging {

Result<TrustAnchor> load_anchor(const std::filesystem::path& path, bool test) {
  FL_TRY(const std::string pem, detail::read_pem_file(path, errc::anchor_file));
  FL_TRY(const auto certificates, detail::parse_certificates(pem, path.string(), errc::anchor_file));
  const detail::BioHandle out{BIO_new(BIO_s_mem())};
  for (const auto& certificate : certificates) PEM_write_bio_X509(out.get(), certificate.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return TrustAnchor{.pem = {text, static_cast<std::size_t>(size)}, .name = path.string(), .test = test};
}

std::optional<int> expiry_warning(std::time_t not_after, std::time_t now) {
  constexpr std::time_t day = 24L * 3600;
  const std::time_t left = not_after - now;
  if (left > 60 * day) return std::nullopt;
  // Whole days; any moment past the end counts as a day below zero.
  return static_cast<int>(left >= 0 ? left / day : -((-left + day - 1) / day));
}

Result<TrustVerdict> verify_catalog(std::span<const std::byte> catalog_der, std::span<const std::byte> hash_table,
                                    const TrustPolicy& policy) {
  FL_TRY(const Catalog catalog, parse_catalog(catalog_der));
  FL_CHECK(check_member_digest(catalog, hash_table));
  return detail::verify_message(catalog_der, catalog, policy,
                                {errc::unsigned_image, "the image's catalog carries no signature"});
}

}  // namespace flashline::imaging
