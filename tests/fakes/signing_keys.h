#pragma once
// Keys and certificates made on the spot, as a line's build machine would have them. Links OpenSSL::Crypto.

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string>

namespace flashline::fakes {

struct FreeKey {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;

/// A moment inside the validity of certificates made without an own one: 2026-01-01T00:00:00Z.
inline constexpr std::time_t test_now = 1767225600;
inline constexpr std::time_t test_year = 365L * 24 * 3600;

/// What a certificate says. Empty extension texts leave the extension out.
struct CertificateForm {
  std::string name = "Flashline Test Signer";
  std::time_t not_before = test_now - test_year;
  std::time_t not_after = test_now + 20 * test_year;
  std::string basic_constraints = {};
  std::string extended_key_usage = "codeSigning";
  std::string key_usage = "digitalSignature";
};

inline CertificateForm authority_form(std::string name) {
  return {.name = std::move(name),
          .basic_constraints = "critical,CA:TRUE",
          .extended_key_usage = "",
          .key_usage = "critical,keyCertSign,cRLSign"};
}

struct Identity {
  Key key;
  Certificate certificate;
};

inline void add_extension(X509* certificate, X509* issuer, int nid, const std::string& text) {
  if (text.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, text.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// A new RSA key of `bits` and its certificate, signed by `issuer` (nullptr: by itself) with `digest`.
inline Identity make_identity(const CertificateForm& form, const Identity* issuer = nullptr, unsigned bits = 2048,
                              const EVP_MD* digest = EVP_sha256()) {
  static long serial = 1000;
  Identity made{Key{EVP_RSA_gen(bits)}, Certificate{X509_new()}};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  ASN1_TIME_set(X509_getm_notBefore(certificate), form.not_before);
  ASN1_TIME_set(X509_getm_notAfter(certificate), form.not_after);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(form.name.c_str()), -1, -1, 0);
  X509* issuer_certificate = issuer != nullptr ? issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer_certificate));
  X509_set_pubkey(certificate, made.key.get());
  add_extension(certificate, issuer_certificate, NID_basic_constraints, form.basic_constraints);
  add_extension(certificate, issuer_certificate, NID_key_usage, form.key_usage);
  add_extension(certificate, issuer_certificate, NID_ext_key_usage, form.extended_key_usage);
  X509_sign(certificate, issuer != nullptr ? issuer->key.get() : made.key.get(), digest);
  return made;
}

inline std::string text_of(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string copy(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return copy;
}

inline std::string pem_of(const X509* certificate) {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  return text_of(bio);
}

/// PKCS#8; encrypted when `passphrase` is not empty.
inline std::string pem_of(const EVP_PKEY* key, const std::string& passphrase = {}) {
  BIO* bio = BIO_new(BIO_s_mem());
  const EVP_CIPHER* cipher = passphrase.empty() ? nullptr : EVP_aes_256_cbc();
  PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, passphrase.empty() ? nullptr : passphrase.data(),
                                static_cast<int>(passphrase.size()), nullptr, nullptr);
  return text_of(bio);
}

inline std::filesystem::path write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream{path, std::ios::binary} << text;
  return path;
}

}  // namespace flashline::fakes
