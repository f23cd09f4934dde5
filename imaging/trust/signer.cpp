#include "imaging/trust/signer.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/der_writer.h"
#include "imaging/catalog/object_ids.h"
#include "imaging/catalog/parse_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/trust/detail/openssl_handles.h"

namespace flashline::imaging {
namespace {

using der::Bytes;

/// A secret that is wiped when it goes.
struct Secret {
  std::string text;
  ~Secret() { OPENSSL_cleanse(text.data(), text.size()); }
};

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

Status read_passphrase(const SignerFiles& files, Secret& secret) {
  FL_TRY(secret.text, detail::read_pem_file(*files.passphrase, errc::key_encrypted));
  secret.text.resize(std::min(secret.text.find_first_of("\r\n"), secret.text.size()));
  return {};
}

Result<detail::KeyHandle> load_key(const SignerFiles& files) {
  Secret pem;
  FL_TRY(pem.text, detail::read_pem_file(files.key, errc::key_file));
  Secret passphrase;
  if (files.passphrase) FL_CHECK(read_passphrase(files, passphrase));
  PassphraseQuestion question{.answer = files.passphrase ? &passphrase.text : nullptr};
  const auto bio = detail::bio_over(std::as_bytes(std::span{pem.text}));
  detail::KeyHandle key{PEM_read_bio_PrivateKey(bio.get(), nullptr, answer_passphrase, &question)};
  ERR_clear_error();
  const std::string name = files.key.string();
  if (!key && question.asked) {
    return fail(errc::key_encrypted, name + (question.answer != nullptr ? ": the passphrase does not open the key"
                                                                        : ": the key is encrypted"));
  }
  if (!key) return fail(errc::key_file, name + ": holds no PEM private key");
  if (EVP_PKEY_is_a(key.get(), "RSA") != 1) return fail(errc::key_file, name + ": not an RSA key");
  const int bits = EVP_PKEY_get_bits(key.get());
  if (bits < 2048) return fail(errc::key_file, fmt::format("{}: RSA of {} bits only", name, bits));
  return key;
}

Bytes attribute(std::string_view type, const Bytes& value) {
  return der::sequence({der::oid(type), der::set({value})});
}

Bytes algorithm(std::string_view id) { return der::sequence({der::oid(id), der::null()}); }

/// `tag`: SET when they are signed, [0] where they stand.
Bytes signed_attributes(const Catalog& catalog, std::time_t signing_time, std::uint8_t tag) {
  return der::set_of(
      {attribute(oid::content_type, der::oid(oid::ctl)), attribute(oid::signing_time, der::time(signing_time)),
       attribute(oid::message_digest, der::octets(sha256(catalog.list_content))),
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
  if (!good) return fail(errc::signing, "the catalog could not be signed: " + detail::take_openssl_reason());
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

Result<std::vector<std::byte>> Signer::sign(std::span<const std::byte> catalog_der, std::time_t signing_time) const {
  FL_TRY(const Catalog catalog, parse_catalog(catalog_der));
  const Bytes to_sign = signed_attributes(catalog, signing_time, der::set_tag);
  FL_TRY(const Bytes signature, rsa_sha256(keys_->key.get(), to_sign));
  Bytes certificates;
  for (const auto& certificate : keys_->certificates) {
    const Bytes one = detail::der_of(certificate.get());
    certificates.insert(certificates.end(), one.begin(), one.end());
  }
  const Bytes info = der::sequence({
      der::integer(1),
      detail::issuer_and_serial(keys_->certificates.front().get()),
      algorithm(oid::sha256),
      signed_attributes(catalog, signing_time, der::context_0),
      algorithm(oid::rsa_encryption),
      der::octets(signature),
  });
  const Bytes content = der::sequence({
      der::oid(oid::ctl),
      der::group(der::context_0, {der::value(der::sequence_tag, catalog.list_content)}),
  });
  return der::sequence({
      der::oid(oid::signed_data),
      der::group(der::context_0, {der::sequence({
                                     der::integer(1),
                                     der::set({algorithm(oid::sha256)}),
                                     content,
                                     der::value(der::context_0, certificates),
                                     der::set({info}),
                                 })}),
  });
}

}  // namespace flashline::imaging
