#include "imaging/trust/secret.h"

#include <openssl/crypto.h>
#include <utility>

namespace flashline::imaging {
namespace {

void wipe(std::string& text) { OPENSSL_cleanse(text.data(), text.capacity()); }

}  // namespace

Secret::Secret(std::string text) : text_{std::make_unique<std::string>(text)} { wipe(text); }

Secret::~Secret() {
  if (text_) wipe(*text_);
}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(text_, other.text_);
  return *this;
}

const std::string& Secret::reveal() const {
  static const std::string nothing;
  return text_ ? *text_ : nothing;
}

}  // namespace flashline::imaging
