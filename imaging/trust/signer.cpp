#include "imaging/trust/signer.h"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <ranges>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/der_writer.h"
#include "imaging/catalog/object_ids.h"
#include "imaging/catalog/signed_message.h"
#include "imaging/core/errors/image.h"
#include "imaging/trust/detail/openssl_handles.h"
#include "imaging/trust/detail/token_key.h"

namespace flashline::imaging {
namespace {

using der::Bytes;

struct PassphraseQuestion {
  const std::string* answer = nullptr;  ///< nullptr: none was given
  bool asked = false;
};

int answer_passphrase(char* out, int size, int, void* context) {
  auto& question = *static_cast<PassphraseQuestion*>(context);
  question.asked = true;
  if (question.answer == nullptr || question.answer->size() > static_cast<std::size_t>(size)) return -1;
  question.answer->copy(out, question.answer->size());
  return static_cast<int>(question.answer->size());
}

Result<Secret> secret_of(const SignerFiles& files) {
  if (!files.passphrase) return Secret{files.pin.reveal()};
  FL_TRY(std::string text, detail::read_pem_file(*files.passphrase, errc::key_encrypted));
  const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
  Secret line{text.substr(0, end)};
  OPENSSL_cleanse(text.data(), text.size());
  return line;
}

Result<detail::KeyHandle> load_pem_key(const std::string& name, const Secret& secret) {
  FL_TRY(std::string text, detail::read_pem_file(name, errc::key_file));
  const Secret pem{std::move(text)};
  PassphraseQuestion question{.answer = secret.empty() ? nullptr : &secret.reveal()};
  const auto bio = detail::bio_over(std::as_bytes(std::span{pem.reveal()}));
  detail::KeyHandle key{PEM_read_bio_PrivateKey(bio.get(), nullptr, answer_passphrase, &question)};
  ERR_clear_error();
  if (!key && question.asked) {
    return fail(errc::key_encrypted, name + (question.answer != nullptr ? ": the passphrase does not open the key"
                                                                        : ": the key is encrypted"));
  }
  if (!key) return fail(errc::key_file, name + ": holds no PEM private key");
  return key;
}

Result<detail::KeyHandle> load_key(const SignerFiles& files) {
  const std::string name = files.key.string();
  FL_TRY(const Secret secret, secret_of(files));
  FL_TRY(detail::KeyHandle key, detail::is_token_uri(name) ? detail::load_token_key(name, files.token_driver, secret)
                                                           : load_pem_key(name, secret));
  if (EVP_PKEY_is_a(key.get(), "RSA") != 1) return fail(errc::key_file, name + ": not an RSA key");
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < 2048) return fail(errc::key_file, fmt::format("{}: RSA of {} bits only", name, bits));
  return key;
}

Bytes attribute(std::string_view type, const Bytes& value) {
  return der::sequence({der::oid(type), der::set({value})});
}

Bytes algorithm(std::string_view id) { return der::sequence({der::oid(id), der::null()}); }

struct SignedContent {
  std::string_view type;
  std::span<const std::byte> octets;
  std::time_t signing_time;
};

/// `tag`: SET when they are signed, [0] where they stand.
Bytes signed_attributes(const SignedContent& content, std::uint8_t tag) {
  return der::set_of({attribute(oid::content_type, der::oid(content.type)),
                      attribute(oid::signing_time, der::time(content.signing_time)),
                      attribute(oid::message_digest, der::octets(sha256(content.octets))),
                      attribute(oid::opus_info, der::sequence({}))},
                     tag);
}

Result<Bytes> rsa_sha256(EVP_PKEY* key, const Bytes& message) {
  const detail::DigestContextHandle context{EVP_MD_CTX_new()};
  const auto* data = reinterpret_cast<const unsigned char*>(message.data());
  std::size_t size = 0;
  Bytes signature;
  bool good = EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
              EVP_DigestSign(context.get(), nullptr, &size, data, message.size()) == 1;
  if (good) {
    signature.resize(size);
    auto* out = reinterpret_cast<unsigned char*>(signature.data());
    good = EVP_DigestSign(context.get(), out, &size, data, message.size()) == 1;
  }
  if (!good) return fail(errc::signing, "no signature could be made: " + detail::take_openssl_reason());
  signature.resize(size);
  return signature;
}

}  // namespace

struct Signer::Keys {
  detail::KeyHandle key;
  std::vector<detail::CertificateHandle> certificates;  ///< the signer's own first
  std::string name;
  Sha256 digest;
};

Signer::Signer(std::unique_ptr<Keys> keys) : keys_{std::move(keys)} {}
Signer::~Signer() = default;
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;

const std::string& Signer::name() const { return keys_->name; }
const Sha256& Signer::certificate_digest() const { return keys_->digest; }

std::time_t Signer::not_after() const {
  const auto end_of = [](const auto& certificate) { return detail::seconds_of(X509_get0_notAfter(certificate.get())); };
  return std::ranges::min(keys_->certificates | std::views::transform(end_of));
}

Result<Signer> Signer::load(const SignerFiles& files) {
  auto keys = std::make_unique<Keys>();
  FL_TRY(keys->key, load_key(files));
  const std::string name = files.certificate.string();
  FL_TRY(const std::string pem, detail::read_pem_file(files.certificate, errc::certificate_file));
  FL_TRY(keys->certificates, detail::parse_certificates(pem, name, errc::certificate_file));
  const X509* own = keys->certificates.front().get();
  if (X509_check_private_key(own, keys->key.get()) != 1) {
    ERR_clear_error();
    return fail(errc::key_mismatch, fmt::format("{}: its first certificate ({}) does not belong to the key {}", name,
                                                detail::subject_of(own), files.key.string()));
  }
  keys->name = detail::subject_of(own);
  keys->digest = detail::digest_of(own);
  return Signer{std::move(keys)};
}

Result<std::vector<std::byte>> Signer::sign(std::span<const std::byte> catalog_der, std::time_t signing_time,
                                            const TimeStamper& stamper) const {
  FL_TRY(const SignedMessage catalog, parse_signed_message(catalog_der, oid::ctl));
  return sign_content(oid::ctl, catalog.content, signing_time, stamper);
}

Result<std::vector<std::byte>> Signer::sign_content(std::string_view content_type, std::span<const std::byte> octets,
                                                    std::time_t signing_time, const TimeStamper& stamper) const {
  const SignedContent content{content_type, octets, signing_time};
  FL_TRY(const Bytes signature, rsa_sha256(keys_->key.get(), signed_attributes(content, der::set_tag)));
  Bytes unsigned_attributes;
  if (stamper) {
    FL_TRY(const Bytes token, fetch_stamp(stamper, signature));
    unsigned_attributes = der::group(der::context_1, {attribute(oid::time_stamp_token, token)});
  }
  Bytes certificates;
  for (const auto& certificate : keys_->certificates) {
    const Bytes one = detail::der_of(certificate.get());
    certificates.insert(certificates.end(), one.begin(), one.end());
  }
  const Bytes info = der::sequence({
      der::integer(1),
      detail::issuer_and_serial(keys_->certificates.front().get()),
      algorithm(oid::sha256),
      signed_attributes(content, der::context_0),
      algorithm(oid::rsa_encryption),
      der::octets(signature),
      unsigned_attributes,
  });
  const Bytes content_info = der::sequence({
      der::oid(content_type),
      der::group(der::context_0, {der::value(der::sequence_tag, octets)}),
  });
  return der::sequence({
      der::oid(oid::signed_data),
      der::group(der::context_0, {der::sequence({
                                     der::integer(1),
                                     der::set({algorithm(oid::sha256)}),
                                     content_info,
                                     der::value(der::context_0, certificates),
                                     der::set({info}),
                                 })}),
  });
}

}  // namespace flashline::imaging
