#include "imaging/trust/time_stamp.h"

#include <algorithm>
#include <memory>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/ts.h>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/der_writer.h"
#include "imaging/catalog/object_ids.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/trust/detail/openssl_handles.h"
#include "imaging/trust/detail/verify_chain.h"

namespace flashline::imaging {
namespace {

struct FreeStamp {
  void operator()(TS_RESP* object) const noexcept { TS_RESP_free(object); }
  void operator()(TS_TST_INFO* object) const noexcept { TS_TST_INFO_free(object); }
  void operator()(TS_VERIFY_CTX* object) const noexcept { TS_VERIFY_CTX_free(object); }
};
using ResponseHandle = std::unique_ptr<TS_RESP, FreeStamp>;
using InfoHandle = std::unique_ptr<TS_TST_INFO, FreeStamp>;
using ContextHandle = std::unique_ptr<TS_VERIFY_CTX, FreeStamp>;

/// The token is about something with this SHA-256.
bool is_about(TS_TST_INFO* info, const Sha256& digest) {
  TS_MSG_IMPRINT* imprint = TS_TST_INFO_get_msg_imprint(info);
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, TS_MSG_IMPRINT_get_algo(imprint));
  const ASN1_OCTET_STRING* message = TS_MSG_IMPRINT_get_msg(imprint);
  const auto* octets = reinterpret_cast<const std::byte*>(ASN1_STRING_get0_data(message));
  return OBJ_obj2nid(algorithm) == NID_sha256 &&
         std::ranges::equal(digest, std::span{octets, static_cast<std::size_t>(ASN1_STRING_length(message))});
}

Result<std::vector<std::byte>> token_in(std::span<const std::byte> answer, const Sha256& digest) {
  const auto* at = reinterpret_cast<const unsigned char*>(answer.data());
  const ResponseHandle response{d2i_TS_RESP(nullptr, &at, static_cast<long>(answer.size()))};
  ERR_clear_error();
  if (!response) return fail(errc::time_stamp_refused, "the answer is no time stamp response");
  const long status = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(response.get())));
  PKCS7* token = TS_RESP_get_token(response.get());
  if (status != TS_STATUS_GRANTED && status != TS_STATUS_GRANTED_WITH_MODS) {
    return fail(errc::time_stamp_refused, fmt::format("the authority refused, status {}", status));
  }
  if (token == nullptr || !is_about(TS_RESP_get_tst_info(response.get()), digest)) {
    return fail(errc::time_stamp_refused, "the answer is not about what was asked");
  }
  std::vector<std::byte> der(static_cast<std::size_t>(std::max(0, i2d_PKCS7(token, nullptr))));
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_PKCS7(token, &out);
  return der;
}

std::unexpected<Error> broken(std::string_view why) {
  ERR_clear_error();
  return fail(errc::bad_time_stamp, std::string{why});
}

/// A store of the stamp anchors that judges at `when`.
Result<detail::StoreHandle> stamp_store(const TrustPolicy& policy, std::time_t when) {
  detail::StoreHandle store{X509_STORE_new()};
  for (const TrustAnchor& anchor : policy.stamp_anchors) {
    FL_TRY(const auto certificates, detail::parse_certificates(anchor.pem, anchor.name, errc::anchor_file));
    for (const auto& certificate : certificates) X509_STORE_add_cert(store.get(), certificate.get());
  }
  detail::apply_clock(X509_STORE_get0_param(store.get()), {.kind = ClockPolicy::Kind::fixed, .at = when});
  return store;
}

bool chains(PKCS7* token, detail::StoreHandle store) {
  const ContextHandle context{TS_VERIFY_CTX_new()};
  TS_VERIFY_CTX_set_flags(context.get(), TS_VFY_VERSION | TS_VFY_SIGNATURE);
  TS_VERIFY_CTX_set_store(context.get(), store.release());
  const bool good = TS_RESP_verify_token(context.get(), token) == 1;
  ERR_clear_error();
  return good;
}

std::string authority_of(PKCS7* token) {
  const detail::StackHandle signers{PKCS7_get0_signers(token, nullptr, 0)};
  return signers && sk_X509_num(signers.get()) == 1 ? detail::subject_of(sk_X509_value(signers.get(), 0)) : "";
}

}  // namespace

std::vector<std::byte> stamp_request(const Sha256& digest) {
  constexpr std::uint8_t boolean_tag = 0x01;
  const std::byte yes{0xFF};
  return der::sequence({
      der::integer(1),
      der::sequence({der::sequence({der::oid(oid::sha256), der::null()}), der::octets(digest)}),
      der::value(boolean_tag, {&yes, 1}),
  });
}

Result<std::vector<std::byte>> fetch_stamp(const TimeStamper& stamper, std::span<const std::byte> signature) {
  const Sha256 digest = sha256(signature);
  FL_TRY(const std::vector<std::byte> answer, stamper(stamp_request(digest)));
  return token_in(answer, digest);
}

Result<StampFacts> verify_stamp(std::span<const std::byte> token_der, std::span<const std::byte> signature,
                                const TrustPolicy& policy) {
  const auto* at = reinterpret_cast<const unsigned char*>(token_der.data());
  const detail::Pkcs7Handle token{d2i_PKCS7(nullptr, &at, static_cast<long>(token_der.size()))};
  if (!token || PKCS7_type_is_signed(token.get()) != 1) return broken("the time stamp is no PKCS#7 message");
  const InfoHandle info{PKCS7_to_TS_TST_INFO(token.get())};
  if (!info) return broken("the time stamp says no time");
  if (!is_about(info.get(), sha256(signature))) return broken("the time stamp belongs to another signature");
  const StampFacts facts{.when = detail::seconds_of(TS_TST_INFO_get_time(info.get())),
                         .authority = authority_of(token.get())};
  const detail::BioHandle content{BIO_new(BIO_s_mem())};
  if (PKCS7_verify(token.get(), nullptr, nullptr, nullptr, content.get(), PKCS7_NOVERIFY | PKCS7_BINARY) != 1) {
    return broken("the time stamp's signature is wrong");
  }
  if (facts.when == 0) return broken("the time stamp's time cannot be read");
  FL_TRY(detail::StoreHandle store, stamp_store(policy, facts.when));
  return StampFacts{.when = facts.when, .authority = facts.authority, .trusted = chains(token.get(), std::move(store))};
}

}  // namespace flashline::imaging
