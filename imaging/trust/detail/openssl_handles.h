#pragma once
// OpenSSL's objects with one owner each, and the few conversions that this room shares. Not for other rooms.

#include <cstddef>
#include <ctime>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"

// OpenSSL's own names for its types, so that its headers stay in the .cpp files.
struct asn1_string_st;
struct bio_st;
struct evp_md_ctx_st;
struct evp_pkey_st;
struct pkcs7_st;
struct stack_st_X509;
struct x509_st;
struct x509_store_ctx_st;
struct x509_store_st;

namespace flashline::imaging::detail {

struct FreeOpenSsl {
  void operator()(bio_st* object) const noexcept;
  void operator()(evp_md_ctx_st* object) const noexcept;
  void operator()(evp_pkey_st* object) const noexcept;
  void operator()(pkcs7_st* object) const noexcept;
  void operator()(stack_st_X509* stack) const noexcept;
  void operator()(x509_st* object) const noexcept;
  void operator()(x509_store_ctx_st* object) const noexcept;
  void operator()(x509_store_st* object) const noexcept;
};

using BioHandle = std::unique_ptr<bio_st, FreeOpenSsl>;
using CertificateHandle = std::unique_ptr<x509_st, FreeOpenSsl>;
using KeyHandle = std::unique_ptr<evp_pkey_st, FreeOpenSsl>;
using DigestContextHandle = std::unique_ptr<evp_md_ctx_st, FreeOpenSsl>;
using Pkcs7Handle = std::unique_ptr<pkcs7_st, FreeOpenSsl>;
using StoreHandle = std::unique_ptr<x509_store_st, FreeOpenSsl>;
using StoreContextHandle = std::unique_ptr<x509_store_ctx_st, FreeOpenSsl>;
/// Owns the stack, not the certificates in it.
using StackHandle = std::unique_ptr<stack_st_X509, FreeOpenSsl>;

/// A BIO over `bytes`, which outlive it.
BioHandle bio_over(std::span<const std::byte> bytes);
/// The whole file, at most 1 MiB. Errors: `code`.
Result<std::string> read_pem_file(const std::filesystem::path& path, Errc code);
/// All certificates of PEM text. `name` is for messages. Errors: `code`: none there, or one that is broken.
Result<std::vector<CertificateHandle>> parse_certificates(std::string_view pem, const std::string& name, Errc code);
/// Subject, RFC 2253.
std::string subject_of(const x509_st* certificate);
/// Issuer, RFC 2253.
std::string issuer_of(const x509_st* certificate);
/// UTF-8; empty where the certificate has none.
std::string common_name_of(const x509_st* certificate);
std::string pem_of(const x509_st* certificate);
std::vector<std::byte> der_of(const x509_st* certificate);
/// IssuerAndSerialNumber, DER: how a SignerInfo names this certificate.
std::vector<std::byte> issuer_and_serial(const x509_st* certificate);
Sha256 digest_of(const x509_st* certificate);
/// Seconds since 1970 UTC; 0 when the field is malformed.
std::time_t seconds_of(const asn1_string_st* time);
/// "2026-01-31T12:00:00Z"
std::string to_utc_text(std::time_t when);
/// Reason of OpenSSL's oldest queued error, and an empty queue. Reasons are fixed texts, never data.
std::string take_openssl_reason();

}  // namespace flashline::imaging::detail
