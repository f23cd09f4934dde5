// An independent implementation as the judge: osslsigncode verifies what we signed, and we verify what it signed.

#include <ctime>
#include <gtest/gtest.h>

#include "imaging/catalog/build_catalog.h"
#include "imaging/core/errors/trust.h"
#include "imaging/trust/signer.h"
#include "imaging/trust/verify_catalog.h"
#include "tests/fakes/command.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

using Bytes = std::vector<std::byte>;

const Bytes hash_table(320, std::byte{0x42});

class Osslsigncode : public ::testing::TestWithParam<MemberDigest> {
 protected:
  Osslsigncode() {
    fakes::write_text(folder_ / "ca.pem", fakes::pem_of(root_.certificate.get()));
    fakes::write_text(folder_ / "cert.pem", fakes::pem_of(own_.certificate.get()));
    fakes::write_text(folder_ / "key.pem", fakes::pem_of(own_.key.get()));
  }

  std::string path(const char* name) const { return folder_ / name; }
  void write(const char* name, const Bytes& bytes) const {
    fakes::write_text(folder_ / name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  Bytes unsigned_catalog() const { return build_catalog(hash_table, {.member = GetParam(), .this_update = 1}); }

  fakes::TempFolder folder_;
  fakes::Identity root_ = fakes::make_identity(fakes::authority_form("Root"));
  fakes::Identity own_ = fakes::make_identity({}, &root_);
};

TEST_P(Osslsigncode, VerifiesWhatWeSigned) {
  const auto signer = Signer::load({.key = path("key.pem"), .certificate = path("cert.pem")});
  ASSERT_TRUE(signer) << to_text(signer.error());
  write("ours.cat", *signer->sign(unsigned_catalog(), fakes::test_now));
  const auto judged =
      fakes::run_command({"osslsigncode", "verify", "-in", path("ours.cat"), "-CAfile", path("ca.pem")});
  EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
  EXPECT_NE(judged.out.find("Signature verification: ok"), std::string::npos) << judged.out;
}

TEST_P(Osslsigncode, IsVerifiedByUs) {
  write("unsigned.cat", unsigned_catalog());
  const auto made = fakes::run_command({"osslsigncode", "sign", "-in", path("unsigned.cat"), "-out", path("theirs.cat"),
                                        "-certs", path("cert.pem"), "-key", path("key.pem"), "-h", "sha256"});
  ASSERT_EQ(made.exit_code, 0) << made.out << made.err;
  const std::string theirs = fakes::slurp(path("theirs.cat"));
  TrustPolicy policy;
  policy.anchors = {*load_anchor(path("ca.pem"), false)};
  policy.clock.at = fakes::test_now;
  const auto verdict = verify_catalog(std::as_bytes(std::span{theirs}), hash_table, policy);
  ASSERT_TRUE(verdict) << to_text(verdict.error());
  EXPECT_EQ(verdict->signer, "CN=Flashline Test Signer");
}

TEST_P(Osslsigncode, ItsSha1SignatureIsRefusedAsWeak) {
  write("unsigned.cat", unsigned_catalog());
  const auto made = fakes::run_command({"osslsigncode", "sign", "-in", path("unsigned.cat"), "-out", path("weak.cat"),
                                        "-certs", path("cert.pem"), "-key", path("key.pem"), "-h", "sha1"});
  ASSERT_EQ(made.exit_code, 0) << made.out << made.err;
  const std::string weak = fakes::slurp(path("weak.cat"));
  TrustPolicy policy;
  policy.anchors = {*load_anchor(path("ca.pem"), false)};
  policy.clock.at = fakes::test_now;
  const auto verdict = verify_catalog(std::as_bytes(std::span{weak}), hash_table, policy);
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, errc::weak_signature) << to_text(verdict.error());
}

INSTANTIATE_TEST_SUITE_P(Member, Osslsigncode, ::testing::Values(MemberDigest::sha1, MemberDigest::sha256),
                         [](const auto& row) { return row.param == MemberDigest::sha1 ? "sha1" : "sha256"; });

}  // namespace
}  // namespace flashline::imaging
