#include "imaging/core/digest.h"

#include <cassert>
#include <openssl/evp.h>

namespace flashline {
namespace {

template <std::size_t N>
std::array<std::byte, N> one_shot(const EVP_MD* algorithm, std::span<const std::byte> bytes) {
  std::array<std::byte, N> out{};
  unsigned int length = 0;
  [[maybe_unused]] const int ok =
      EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &length, algorithm, nullptr);
  assert(ok == 1 && length == N);
  return out;
}

}  // namespace

struct Sha256Stream::Context {
  Context() : md{EVP_MD_CTX_new()} { EVP_DigestInit_ex(md, EVP_sha256(), nullptr); }
  ~Context() { EVP_MD_CTX_free(md); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  EVP_MD_CTX* md;
};

Sha256 sha256(std::span<const std::byte> bytes) { return one_shot<32>(EVP_sha256(), bytes); }

Sha1 sha1(std::span<const std::byte> bytes) { return one_shot<20>(EVP_sha1(), bytes); }

Sha256Stream::Sha256Stream() : context_{std::make_unique<Context>()} {}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(context_->md, bytes.data(), bytes.size());
}

Sha256 Sha256Stream::finish() {
  Sha256 out{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(context_->md, reinterpret_cast<unsigned char*>(out.data()), &length);
  return out;
}

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    text.push_back(digits[std::to_integer<unsigned>(b) >> 4]);
    text.push_back(digits[std::to_integer<unsigned>(b) & 15U]);
  }
  return text;
}

}  // namespace flashline
