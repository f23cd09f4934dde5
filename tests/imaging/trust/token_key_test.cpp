// Keys that never leave their token: SoftHSM2 holds them, OpenSSL's engine asks it. A wrong PIN and a wrong driver need
// a process of their own: tests/flasher/cli/sign_test.cpp.

#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/trust/package_signer.h"
#include "tests/fakes/package_files.h"
#include "tests/fakes/signing_line.h"
#include "tests/fakes/soft_token.h"

namespace flashline::imaging {
namespace {

using fakes::SigningLine;
using fakes::SoftToken;

struct Lab {
  SigningLine line;
  SigningLine other;
  SoftToken token{line.own.key.get()};
  std::string pin = line.folder.file("pin.txt", std::string{fakes::token_pin} + "\n");
};

const Lab& lab() {
  static const Lab all;
  return all;
}

SignerFiles files(const std::string& uri = SoftToken::uri()) {
  return {.key = uri,
          .certificate = lab().line.path("signer.pem"),
          .passphrase = lab().pin,
          .token_driver = fakes::token_driver};
}

class TokenKey : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(lab().token.good()); }
};

TEST_F(TokenKey, SignsAsTheKeyInAFileDoes) {
  auto signer = Signer::load(files());
  ASSERT_TRUE(signer) << to_text(signer.error());
  const PackageSigner by_token{std::move(*signer), fakes::test_now};
  const std::string by_file = lab().line.put("file.cab", fakes::small_cab());
  const std::string path = lab().line.put("token.cab", fakes::small_cab());
  ASSERT_TRUE(lab().line.signer().sign_cab(by_file));
  const Status status = by_token.sign_cab(path);
  ASSERT_TRUE(status) << to_text(status.error());
  EXPECT_EQ(lab().line.get("token.cab"), lab().line.get("file.cab"));
}

TEST_F(TokenKey, TakesThePinFromTheCallerToo) {
  SignerFiles given = files();
  given.passphrase.reset();
  given.pin = Secret{fakes::token_pin};
  EXPECT_TRUE(Signer::load(given));
}

struct Refusal {
  const char* name;
  void (*spoil)(SignerFiles&);
  Errc code;
};

class TokenRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(TokenRefusal, NamesTheReasonAndNoPin) {
  ASSERT_TRUE(lab().token.good());
  SignerFiles given = files();
  GetParam().spoil(given);
  const auto signer = Signer::load(given);
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().code, GetParam().code) << to_text(signer.error());
  // Promise 8: secrets are in no message.
  EXPECT_EQ(to_text(signer.error()).find("4711"), std::string::npos) << to_text(signer.error());
}

INSTANTIATE_TEST_SUITE_P(
    Pkcs11, TokenRefusal,
    ::testing::Values(
        Refusal{"no_pin", [](SignerFiles& f) { f.passphrase.reset(); }, errc::token_pin},
        Refusal{"pin_in_uri", [](SignerFiles& f) { f.key = SoftToken::uri() + "?pin-value=4711-correct"; },
                errc::token_pin},
        Refusal{"pin_in_uri_in_capitals", [](SignerFiles& f) { f.key = SoftToken::uri() + ";PIN-VALUE=4711-correct"; },
                errc::token_pin},
        Refusal{"no_such_token", [](SignerFiles& f) { f.key = "pkcs11:token=nowhere;object=signer"; }, errc::token_key},
        Refusal{"no_such_key", [](SignerFiles& f) { f.key = "pkcs11:token=line;object=nobody"; }, errc::token_key},
        Refusal{"certificate_of_another_key", [](SignerFiles& f) { f.certificate = lab().other.path("signer.pem"); },
                errc::key_mismatch}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::imaging
