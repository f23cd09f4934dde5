#include "imaging/source/named_digest.h"

#include <openssl/evp.h>

namespace flashline::imaging {
namespace {

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const noexcept { ::EVP_MD_CTX_free(context); }
};

}  // namespace

struct NamedDigest::Context {
  std::unique_ptr<EVP_MD_CTX, FreeDigest> state{::EVP_MD_CTX_new()};
  const EVP_MD* algorithm = nullptr;

  void start() { ::EVP_DigestInit_ex(state.get(), algorithm, nullptr); }
};

NamedDigest::NamedDigest(const std::string& algorithm) : context_{std::make_unique<Context>()} {
  context_->algorithm = ::EVP_get_digestbyname(algorithm.c_str());
  if (is_known()) context_->start();
}
NamedDigest::~NamedDigest() = default;
NamedDigest::NamedDigest(NamedDigest&&) noexcept = default;

bool NamedDigest::is_known() const { return context_->algorithm != nullptr; }

void NamedDigest::update(std::span<const std::byte> bytes) {
  ::EVP_DigestUpdate(context_->state.get(), bytes.data(), bytes.size());
}

std::vector<std::byte> NamedDigest::finish() {
  std::vector<std::byte> value(static_cast<std::size_t>(::EVP_MD_get_size(context_->algorithm)));
  ::EVP_DigestFinal_ex(context_->state.get(), reinterpret_cast<unsigned char*>(value.data()), nullptr);
  context_->start();
  return value;
}

}  // namespace flashline::imaging
