#include "imaging/trust/detail/openssl_handles.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/der_writer.h"

namespace flashline::imaging::detail {
namespace {

constexpr std::size_t max_pem_size = 1024 * 1024;

/// PEM readers ask for a passphrase on the terminal when no callback is given.
int refuse_passphrase(char*, int, int, void*) { return -1; }

std::string text_of(const X509_NAME* name) {
  const BioHandle out{BIO_new(BIO_s_mem())};
  // Without the flag bytes beyond ASCII would come out raw; with it a name cannot smuggle control characters.
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

void FreeOpenSsl::operator()(bio_st* object) const noexcept { BIO_free(object); }
void FreeOpenSsl::operator()(evp_md_ctx_st* object) const noexcept { EVP_MD_CTX_free(object); }
void FreeOpenSsl::operator()(evp_pkey_st* object) const noexcept { EVP_PKEY_free(object); }
void FreeOpenSsl::operator()(pkcs7_st* object) const noexcept { PKCS7_free(object); }
void FreeOpenSsl::operator()(stack_st_X509* stack) const noexcept { sk_X509_free(stack); }
void FreeOpenSsl::operator()(x509_st* object) const noexcept { X509_free(object); }
void FreeOpenSsl::operator()(x509_store_ctx_st* object) const noexcept { X509_STORE_CTX_free(object); }
void FreeOpenSsl::operator()(x509_store_st* object) const noexcept { X509_STORE_free(object); }

BioHandle bio_over(std::span<const std::byte> bytes) {
  return BioHandle{BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))};
}

Result<std::string> read_pem_file(const std::filesystem::path& path, Errc code) {
  errno = 0;
  std::ifstream in{path, std::ios::binary};
  std::string text(max_pem_size + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad() || (in.fail() && !in.eof())) {
    return fail(code, fmt::format("{}: {}", path.string(), errno != 0 ? std::strerror(errno) : "cannot be read"));
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > max_pem_size) return fail(code, fmt::format("{}: larger than 1 MiB", path.string()));
  return text;
}

Result<std::vector<CertificateHandle>> parse_certificates(std::string_view pem, const std::string& name, Errc code) {
  const BioHandle bio = bio_over(std::as_bytes(std::span{pem}));
  std::vector<CertificateHandle> found;
  ERR_clear_error();
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, refuse_passphrase, nullptr)) {
    found.emplace_back(certificate);
  }
  const unsigned long error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  const std::string reason = take_openssl_reason();
  if (!at_end) return fail(code, fmt::format("{}: certificate {} is broken: {}", name, found.size() + 1, reason));
  if (found.empty()) return fail(code, fmt::format("{}: holds no PEM certificate", name));
  return found;
}

std::string subject_of(const X509* certificate) { return text_of(X509_get_subject_name(certificate)); }
std::string issuer_of(const X509* certificate) { return text_of(X509_get_issuer_name(certificate)); }

std::string common_name_of(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name{reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)};
  OPENSSL_free(text);
  return name;
}

std::string pem_of(const X509* certificate) {
  const BioHandle out{BIO_new(BIO_s_mem())};
  PEM_write_bio_X509(out.get(), certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::vector<std::byte> der_of(const X509* certificate) {
  const int size = i2d_X509(certificate, nullptr);
  if (size <= 0) return {};
  std::vector<std::byte> der(static_cast<std::size_t>(size));
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(certificate, &at);
  return der;
}

std::vector<std::byte> issuer_and_serial(const X509* certificate) {
  const auto encode = [](auto&& i2d) {
    std::vector<std::byte> out(static_cast<std::size_t>(std::max(0, i2d(nullptr))));
    auto* at = reinterpret_cast<unsigned char*>(out.data());
    i2d(&at);
    return out;
  };
  const X509_NAME* issuer = X509_get_issuer_name(certificate);
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  return der::sequence({encode([&](unsigned char** at) { return i2d_X509_NAME(issuer, at); }),
                        encode([&](unsigned char** at) { return i2d_ASN1_INTEGER(serial, at); })});
}

Sha256 digest_of(const X509* certificate) { return sha256(der_of(certificate)); }

std::time_t seconds_of(const ASN1_TIME* time) {
  std::tm utc{};
  return ASN1_TIME_to_tm(time, &utc) == 1 ? timegm(&utc) : 0;
}

std::string to_utc_text(std::time_t when) {
  std::tm utc{};
  gmtime_r(&when, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string take_openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "no reason given";
}

}  // namespace flashline::imaging::detail
