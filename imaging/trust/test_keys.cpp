#include "imaging/trust/test_keys.h"

#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "imaging/core/errors/image.h"
#include "imaging/trust/detail/openssl_handles.h"

namespace flashline::imaging {
namespace {

using detail::CertificateHandle;
using detail::KeyHandle;

constexpr std::time_t day = 24L * 3600;
constexpr unsigned key_bits = 2048;

struct FreeNumber {
  void operator()(BIGNUM* number) const noexcept { BN_free(number); }
};

struct Identity {
  KeyHandle key;
  CertificateHandle certificate;
};

struct Form {
  const char* name;
  const char* constraints;
  const char* usage;
  const char* extended_usage;  ///< nullptr: none
};

bool add_extension(X509* certificate, X509* issuer, int nid, const char* text) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, text);
  const bool good = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return good;
}

bool set_serial(X509* certificate) {
  const std::unique_ptr<BIGNUM, FreeNumber> number{BN_new()};
  return BN_rand(number.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool fill(X509* certificate, EVP_PKEY* key, X509* issuer, const Form& form, std::time_t now) {
  const auto* name = reinterpret_cast<const unsigned char*>(form.name);
  return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
         ASN1_TIME_set(X509_getm_notBefore(certificate), now - day) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate), now + 3652 * day) != nullptr &&
         X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, name, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
         X509_set_pubkey(certificate, key) == 1 &&
         add_extension(certificate, issuer, NID_basic_constraints, form.constraints) &&
         add_extension(certificate, issuer, NID_key_usage, form.usage) &&
         (form.extended_usage == nullptr ||
          add_extension(certificate, issuer, NID_ext_key_usage, form.extended_usage)) &&
         add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
         (issuer == certificate || add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always"));
}

/// `issuer` nullptr: signed by itself.
Result<Identity> make(const Form& form, const Identity* issuer, std::time_t now) {
  Identity made{KeyHandle{EVP_RSA_gen(key_bits)}, CertificateHandle{X509_new()}};
  X509* above = issuer != nullptr ? issuer->certificate.get() : made.certificate.get();
  EVP_PKEY* signing = issuer != nullptr ? issuer->key.get() : made.key.get();
  if (made.key && made.certificate && fill(made.certificate.get(), made.key.get(), above, form, now) &&
      X509_sign(made.certificate.get(), signing, EVP_sha256()) > 0) {
    return made;
  }
  return fail(errc::signing, "no test keys could be made: " + detail::take_openssl_reason());
}

std::string take_text(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return {text, static_cast<std::size_t>(size)};
}

PemIdentity to_pem(const Identity& identity, const Identity* above = nullptr) {
  const detail::BioHandle key{BIO_new(BIO_s_secmem())};  // wiped when it is freed
  PEM_write_bio_PKCS8PrivateKey(key.get(), identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  const detail::BioHandle certificates{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509(certificates.get(), identity.certificate.get());
  if (above != nullptr) PEM_write_bio_X509(certificates.get(), above->certificate.get());
  return {Secret{take_text(key.get())}, take_text(certificates.get())};
}

constexpr Form root_form{"Flashline Test Root (TEST ONLY)", "critical,CA:TRUE", "critical,keyCertSign,cRLSign",
                         nullptr};
constexpr Form intermediate_form{"Flashline Test Intermediate (TEST ONLY)", "critical,CA:TRUE,pathlen:0",
                                 "critical,keyCertSign,cRLSign", nullptr};
constexpr Form signer_form{"Flashline Test Signer (TEST ONLY)", "critical,CA:FALSE", "critical,digitalSignature",
                           "codeSigning"};

}  // namespace

Result<TestKeys> make_test_keys(std::time_t now) {
  FL_TRY(const Identity root, make(root_form, nullptr, now));
  FL_TRY(const Identity intermediate, make(intermediate_form, &root, now));
  FL_TRY(const Identity signer, make(signer_form, &intermediate, now));
  return TestKeys{to_pem(root), to_pem(intermediate), to_pem(signer, &intermediate)};
}

}  // namespace flashline::imaging
