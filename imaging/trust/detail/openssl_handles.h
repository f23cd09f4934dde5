#pragma once
// OpenSSL's objects with one owner each, and the few conversions that this room shares. Not for other rooms.

#include <cstddef>
#include <ctime>
#include <filesystem>
#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"

namespace flashline::imaging::detail {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};

using BioHandle = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using CertificateHandle = std::unique_ptr<X509, FreeWith<X509_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using DigestContextHandle = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using Pkcs7Handle = std::unique_ptr<PKCS7, FreeWith<PKCS7_free>>;
using StoreHandle = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;
using StoreContextHandle = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;
/// Owns the stack, not the certificates in it.
using StackHandle = std::unique_ptr<STACK_OF(X509), FreeStack>;

/// A BIO over `bytes`, which outlive it.
BioHandle bio_over(std::span<const std::byte> bytes);
/// The whole file, at most 1 MiB. Errors: `code`.
Result<std::string> read_pem_file(const std::filesystem::path& path, Errc code);
/// All certificates of PEM text. `name` is for messages. Errors: `code`: none there, or one that is broken.
Result<std::vector<CertificateHandle>> parse_certificates(std::string_view pem, const std::string& name, Errc code);
/// Subject, RFC 2253.
std::string subject_of(const X509* certificate);
std::vector<std::byte> der_of(const X509* certificate);
/// IssuerAndSerialNumber, DER: how a SignerInfo names this certificate.
std::vector<std::byte> issuer_and_serial(const X509* certificate);
Sha256 digest_of(const X509* certificate);
/// Seconds since 1970 UTC; 0 when the field is malformed.
std::time_t seconds_of(const ASN1_TIME* time);
/// "2026-01-31T12:00:00Z"
std::string to_utc_text(std::time_t when);
/// Reason of OpenSSL's oldest queued error, and an empty queue. Reasons are fixed texts, never data.
std::string take_openssl_reason();

}  // namespace flashline::imaging::detail
