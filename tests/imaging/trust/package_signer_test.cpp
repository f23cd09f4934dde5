// Catalogs, cabinets and programs that we sign: osslsigncode, cabextract and we ourselves say that they are good, and
// that none is when a byte of it is another.

#include "imaging/trust/package_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/errors/trust.h"
#include "imaging/source/file_view.h"
#include "imaging/trust/verify_signature.h"
#include "tests/fakes/package_files.h"
#include "tests/fakes/signing_line.h"

namespace flashline::imaging {
namespace {

using Bytes = std::vector<std::byte>;
using fakes::SigningLine;
using ::testing::HasSubstr;

const SigningLine& line() {
  static const SigningLine all;
  return all;
}

struct Kind {
  const char* name;
  Bytes (*make)();
  Status (PackageSigner::*sign)(const std::filesystem::path&) const;
  Result<TrustVerdict> (*verify)(BlockView&, const TrustPolicy&);
  std::size_t first_flip;  ///< every fourth byte from here: the kinds share the work
};

class SignedFile : public ::testing::TestWithParam<Kind> {
 protected:
  std::string sign(const char* name, const SigningLine& by = line()) const {
    const std::string path = by.put(name, GetParam().make());
    const Status status = (by.signer().*GetParam().sign)(path);
    EXPECT_TRUE(status) << to_text(status.error());
    return path;
  }
  Result<TrustVerdict> verify(const Bytes& bytes, const TrustPolicy& policy = line().policy()) const {
    MemoryView view{bytes};
    return GetParam().verify(view, policy);
  }
};

TEST_P(SignedFile, IsVerifiedByOsslsigncode) {
  const std::string path = sign("ours");
  const auto judged = fakes::run_command({"osslsigncode", "verify", "-in", path, "-CAfile", line().path("root.pem")});
  EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
  EXPECT_THAT(judged.out, HasSubstr("Signature verification: ok"));
  EXPECT_THAT(judged.out, ::testing::Not(HasSubstr("MISMATCH")));
}

TEST_P(SignedFile, IsVerifiedByUs) {
  sign("ours");
  const auto verdict = verify(line().get("ours"));
  ASSERT_TRUE(verdict) << to_text(verdict.error());
  EXPECT_TRUE(verdict->is_signed);
  EXPECT_FALSE(verdict->test_signed);
  EXPECT_EQ(verdict->signer, "CN=Flashline Test Signer");
  EXPECT_EQ(verdict->issuer, "CN=Line Intermediate");
  EXPECT_EQ(verdict->anchor, "root.pem");
  EXPECT_FALSE(verdict->stamp);
}

TEST_P(SignedFile, OfOsslsigncodeIsVerifiedByUs) {
  const std::string from = line().put("unsigned", GetParam().make());
  const std::string to = line().path("theirs");
  std::filesystem::remove(to);
  const auto made = fakes::run_command({"osslsigncode", "sign", "-in", from, "-out", to, "-certs",
                                        line().path("signer.pem"), "-key", line().path("signer.key"), "-h", "sha256"});
  ASSERT_EQ(made.exit_code, 0) << made.out << made.err;
  const auto verdict = verify(line().get("theirs"));
  ASSERT_TRUE(verdict) << to_text(verdict.error());
  EXPECT_EQ(verdict->signer, "CN=Flashline Test Signer");
}

TEST_P(SignedFile, OfOsslsigncodeWithSha1IsWeak) {
  const std::string from = line().put("unsigned", GetParam().make());
  const std::string to = line().path("weak");
  std::filesystem::remove(to);
  const auto made = fakes::run_command({"osslsigncode", "sign", "-in", from, "-out", to, "-certs",
                                        line().path("signer.pem"), "-key", line().path("signer.key"), "-h", "sha1"});
  ASSERT_EQ(made.exit_code, 0) << made.out << made.err;
  const auto verdict = verify(line().get("weak"));
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, errc::weak_signature) << to_text(verdict.error());
}

TEST_P(SignedFile, IsReproducibleAndSignedAnew) {
  const std::string path = sign("again");
  const Bytes once = line().get("again");
  ASSERT_TRUE((line().signer().*GetParam().sign)(path));
  EXPECT_EQ(line().get("again"), once);
  const SigningLine other;
  other.put("again", once);
  ASSERT_TRUE((other.signer().*GetParam().sign)(other.path("again")));
  EXPECT_FALSE(verify(other.get("again")));
  EXPECT_TRUE(verify(other.get("again"), other.policy()));
}

TEST_P(SignedFile, WithAnyByteFlippedIsRefused) {
  sign("flipped");
  Bytes bytes = line().get("flipped");
  const TrustPolicy policy = line().policy();
  for (std::size_t at = GetParam().first_flip; at < bytes.size(); at += at < 0x200 ? 1 : 4) {
    bytes[at] ^= std::byte{0x10};
    EXPECT_FALSE(verify(bytes, policy)) << "byte " << at;
    bytes[at] ^= std::byte{0x10};
  }
  EXPECT_TRUE(verify(bytes, policy));
}

TEST_P(SignedFile, CutOrWithMoreBehindItIsRefused) {
  sign("cut");
  Bytes bytes = line().get("cut");
  for (std::size_t size = 0; size < bytes.size(); size += 7) {
    EXPECT_FALSE(verify({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)})) << size;
  }
  bytes.resize(bytes.size() + 8);
  EXPECT_FALSE(verify(bytes));
}

TEST_P(SignedFile, UnsignedIsRefusedUnlessAllowed) {
  const auto refused = verify(GetParam().make());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unsigned_file);
  TrustPolicy policy = line().policy();
  policy.allow_unsigned = true;
  EXPECT_FALSE(verify(GetParam().make(), policy)->is_signed);
  policy.allow_unsigned = false;
  policy.inspect_only = true;
  EXPECT_EQ(verify(GetParam().make(), policy)->refusal->code, errc::unsigned_file);
}

TEST_P(SignedFile, OfAStrangerIsShownWithItsRefusal) {
  const SigningLine stranger;
  sign("stranger", stranger);
  const Bytes bytes = stranger.get("stranger");
  EXPECT_EQ(verify(bytes).error().code, errc::untrusted_chain);
  TrustPolicy policy = line().policy();
  policy.inspect_only = true;
  const auto shown = verify(bytes, policy);
  ASSERT_TRUE(shown) << to_text(shown.error());
  EXPECT_EQ(shown->refusal->code, errc::untrusted_chain);
  EXPECT_EQ(shown->issuer, "CN=Line Intermediate");
}

TEST_P(SignedFile, ByATestIssuerIsTestSigned) {
  const SigningLine test{"Windows OEM Intermediate 2017 (TEST ONLY)"};
  sign("test", test);
  TrustPolicy policy = test.policy();
  const auto verdict = verify(test.get("test"), policy);
  ASSERT_TRUE(verdict) << to_text(verdict.error());
  EXPECT_TRUE(verdict->test_signed);
  policy.mode = TrustMode::production;
  EXPECT_EQ(verify(test.get("test"), policy).error().code, errc::test_signed);
}

TEST_P(SignedFile, ByATestAnchorIsTestSigned) {
  sign("anchor");
  TrustPolicy policy = line().policy(fakes::test_now, true);
  EXPECT_TRUE(verify(line().get("anchor"), policy)->test_signed);
  policy.mode = TrustMode::production;
  EXPECT_EQ(verify(line().get("anchor"), policy).error().code, errc::test_signed);
}

TEST_P(SignedFile, TellsTheEarliestEndOfItsChain) {
  const SigningLine brief{"Line Intermediate", {.not_after = fakes::test_now + 59 * 24 * 3600}};
  sign("brief", brief);
  const auto verdict = verify(brief.get("brief"), brief.policy());
  ASSERT_TRUE(verdict) << to_text(verdict.error());
  EXPECT_EQ(verdict->not_after, fakes::test_now + 59 * 24 * 3600);
  EXPECT_EQ(expiry_warning(verdict->not_after, fakes::test_now), 59);
  EXPECT_EQ(verify(brief.get("brief"), brief.policy(fakes::test_now + fakes::test_year)).error().code,
            errc::certificate_expired);
}

INSTANTIATE_TEST_SUITE_P(Authenticode, SignedFile,
                         ::testing::Values(Kind{"cab", [] { return fakes::small_cab(); }, &PackageSigner::sign_cab,
                                                verify_cab_signature, 0},
                                           Kind{"pe32", [] { return fakes::small_pe(false); }, &PackageSigner::sign_pe,
                                                verify_pe_signature, 1},
                                           Kind{"pe32_plus", [] { return fakes::small_pe(true); },
                                                &PackageSigner::sign_pe, verify_pe_signature, 2},
                                           Kind{"pe_with_odd_tail", [] { return fakes::small_pe(true, 13); },
                                                &PackageSigner::sign_pe, verify_pe_signature, 3}),
                         [](const auto& row) { return row.param.name; });

TEST(PackageSigner, KeepsWhatACabinetHolds) {
  const std::string path = line().put("kept.cab", fakes::small_cab({"first", "the second", "the third"}));
  ASSERT_TRUE(line().signer().sign_cab(path));
  const auto listed = fakes::run_command({"cabextract", "-q", "-p", path});
  EXPECT_EQ(listed.out, "firstthe secondthe third") << listed.err;
  EXPECT_EQ(listed.exit_code, 0);
  EXPECT_EQ(fakes::run_command({"7zz", "t", path}).exit_code, 0);
}

TEST(PackageSigner, SetsTheChecksumOfAProgram) {
  const std::string path = line().put("summed.exe", fakes::small_pe());
  ASSERT_TRUE(line().signer().sign_pe(path));
  const auto judged = fakes::run_command({"osslsigncode", "verify", "-in", path, "-CAfile", line().path("root.pem")});
  EXPECT_THAT(judged.out, HasSubstr("PE checksum   : "));
  EXPECT_THAT(judged.out, ::testing::Not(HasSubstr("PE checksum   : 00000000")));
  EXPECT_THAT(judged.out, ::testing::Not(HasSubstr("MISMATCH")));
}

TEST(PackageSigner, SignsARealProgram) {
  const std::filesystem::path real = "/usr/lib/systemd/boot/efi/systemd-bootx64.efi";
  if (!std::filesystem::exists(real)) GTEST_SKIP() << "systemd-boot-efi is not installed";
  std::filesystem::copy_file(real, line().folder / "boot.efi", std::filesystem::copy_options::overwrite_existing);
  ASSERT_TRUE(line().signer().sign_pe(line().folder / "boot.efi"));
  const auto judged = fakes::run_command(
      {"osslsigncode", "verify", "-in", line().path("boot.efi"), "-CAfile", line().path("root.pem")});
  EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
  const Bytes bytes = line().get("boot.efi");
  MemoryView view{bytes};
  EXPECT_TRUE(verify_pe_signature(view, line().policy()));
}

class PackageCatalog : public ::testing::Test {
 protected:
  std::vector<CatalogMember> files_{{"man.dsm.xml", sha256(Bytes(3))}, {"1_panel.sys", sha256(Bytes(4))}};
  Bytes unsigned_ = *build_member_catalog(files_, 1);
  Bytes signed_ = *line().signer().sign_catalog(unsigned_);
};

TEST_F(PackageCatalog, IsVerifiedByOsslsigncodeAndUs) {
  const std::string path = line().put("content.cat", signed_);
  const auto judged = fakes::run_command({"osslsigncode", "verify", "-in", path, "-CAfile", line().path("root.pem")});
  EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
  const auto verdict = verify_member_catalog(signed_, files_, line().policy());
  ASSERT_TRUE(verdict) << to_text(verdict.error());
  EXPECT_EQ(verdict->signer, "CN=Flashline Test Signer");
}

TEST_F(PackageCatalog, OfOsslsigncodeIsVerifiedByUs) {
  const std::string from = line().put("unsigned.cat", unsigned_);
  const std::string to = line().path("theirs.cat");
  std::filesystem::remove(to);
  const auto made = fakes::run_command({"osslsigncode", "sign", "-in", from, "-out", to, "-certs",
                                        line().path("signer.pem"), "-key", line().path("signer.key"), "-h", "sha256"});
  ASSERT_EQ(made.exit_code, 0) << made.out << made.err;
  const auto verdict = verify_member_catalog(line().get("theirs.cat"), files_, line().policy());
  EXPECT_TRUE(verdict) << to_text(verdict.error());
}

TEST_F(PackageCatalog, WithAnyByteFlippedIsRefused) {
  const TrustPolicy policy = line().policy();
  for (std::size_t at = 0; at < signed_.size(); at += 3) {
    signed_[at] ^= std::byte{0x10};
    EXPECT_FALSE(verify_member_catalog(signed_, files_, policy)) << "byte " << at;
    signed_[at] ^= std::byte{0x10};
  }
}

TEST_F(PackageCatalog, UnsignedOrOfOtherFilesIsRefused) {
  EXPECT_EQ(verify_member_catalog(unsigned_, files_, line().policy()).error().code, errc::unsigned_file);
  files_[1].digest = sha256(Bytes(5));
  EXPECT_EQ(verify_member_catalog(signed_, files_, line().policy()).error().code, errc::catalog_file_digest);
}

TEST(ExpiryWarning, BeginsSixtyDaysBefore) {
  constexpr std::time_t day = 24L * 3600;
  EXPECT_EQ(expiry_warning(fakes::test_now + 60 * day + 1, fakes::test_now), std::nullopt);
  EXPECT_EQ(expiry_warning(fakes::test_now + 60 * day, fakes::test_now), 60);
  EXPECT_EQ(expiry_warning(fakes::test_now + day - 1, fakes::test_now), 0);
  EXPECT_EQ(expiry_warning(fakes::test_now - 1, fakes::test_now), -1);
  EXPECT_EQ(expiry_warning(fakes::test_now - day, fakes::test_now), -1);
}

}  // namespace
}  // namespace flashline::imaging
