// `openssl ts` is the authority; osslsigncode says whether it takes what came of it.

#include "imaging/trust/time_stamp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/source/file_view.h"
#include "imaging/trust/verify_signature.h"
#include "tests/fakes/package_files.h"
#include "tests/fakes/signing_line.h"
#include "tests/fakes/time_authority.h"

namespace flashline::imaging {
namespace {

using Bytes = std::vector<std::byte>;
using ::testing::HasSubstr;

constexpr std::time_t day = 24L * 3600;

/// The signer's certificate ends a month after it signed.
struct Lab {
  fakes::SigningLine line{"Line Intermediate", {.not_after = fakes::test_now + 30 * day}};
  fakes::TimeAuthority authority;
  Bytes cab = stamped();

  Bytes stamped() const {
    const std::string path = line.put("stamped.cab", fakes::small_cab());
    const Status status = line.signer(authority.stamper("2026-01-02 00:00:00")).sign_cab(path);
    EXPECT_TRUE(status) << to_text(status.error());
    return line.get("stamped.cab");
  }
  TrustPolicy policy(std::time_t at, bool trust_stamps = true) const {
    TrustPolicy policy = line.policy(at);
    if (trust_stamps) policy.stamp_anchors = {authority.anchor()};
    return policy;
  }
};

const Lab& lab() {
  static const Lab all;
  return all;
}

Result<TrustVerdict> verify(const Bytes& cab, const TrustPolicy& policy) {
  MemoryView view{cab};
  return verify_cab_signature(view, policy);
}

TEST(TimeStamp, IsReadBack) {
  const auto verdict = verify(lab().cab, lab().policy(fakes::test_now));
  ASSERT_TRUE(verdict) << to_text(verdict.error());
  ASSERT_TRUE(verdict->stamp);
  EXPECT_TRUE(verdict->stamp->trusted);
  EXPECT_EQ(verdict->stamp->authority, "CN=Time Authority");
  EXPECT_NEAR(static_cast<double>(verdict->stamp->when), static_cast<double>(fakes::test_now + day), 120);
}

TEST(TimeStamp, OutlivesTheSignersCertificate) {
  const std::time_t later = fakes::test_now + 100 * day;
  EXPECT_TRUE(verify(lab().cab, lab().policy(later)));
  // Nobody's word counts who is not an anchor for stamps, and an anchor of signers is none.
  EXPECT_EQ(verify(lab().cab, lab().policy(later, false)).error().code, errc::certificate_expired);
  const auto shown = verify(lab().cab, lab().policy(fakes::test_now, false));
  ASSERT_TRUE(shown) << to_text(shown.error());
  EXPECT_FALSE(shown->stamp->trusted);
}

TEST(TimeStamp, IsTakenByOsslsigncode) {
  const std::string path = lab().line.put("judged.cab", lab().cab);
  const auto judged = fakes::run_command({"osslsigncode", "verify", "-in", path, "-CAfile", lab().line.path("root.pem"),
                                          "-TSA-CAfile", lab().authority.path("root.pem")});
  EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
  EXPECT_THAT(judged.out, HasSubstr("Timestamp Server Signature verification: ok"));
}

TEST(TimeStamp, OfAnotherSignatureIsRefused) {
  const auto token = fetch_stamp(lab().authority.stamper(), Bytes(256));
  ASSERT_TRUE(token) << to_text(token.error());
  EXPECT_TRUE(verify_stamp(*token, Bytes(256), {}));
  const auto other = verify_stamp(*token, Bytes(255), {});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, errc::bad_time_stamp);
}

TEST(TimeStamp, WithItsTimeChangedIsRefused) {
  const auto token = fetch_stamp(lab().authority.stamper("2026-01-02 00:00:00"), Bytes(256));
  ASSERT_TRUE(token) << to_text(token.error());
  const std::string_view when{"20260102"};
  const auto at = std::ranges::search(*token, std::as_bytes(std::span{when}));
  ASSERT_FALSE(at.empty());
  Bytes changed = *token;
  changed[static_cast<std::size_t>(at.begin() - token->begin()) + 3] = std::byte{'5'};
  const auto verdict = verify_stamp(changed, Bytes(256), {});
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, errc::bad_time_stamp);
}

struct Answer {
  const char* name;
  Result<Bytes> (*make)(std::span<const std::byte> request);
  Errc code;
};

class BadAnswer : public ::testing::TestWithParam<Answer> {};

TEST_P(BadAnswer, IsRefused) {
  const auto token = fetch_stamp(GetParam().make, Bytes(256));
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().code, GetParam().code) << to_text(token.error());
}

Bytes from(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16)));
  }
  return bytes;
}

INSTANTIATE_TEST_SUITE_P(
    TimeStamp, BadAnswer,
    ::testing::Values(
        Answer{"nothing", [](auto) { return Result<Bytes>{Bytes{}}; }, errc::time_stamp_refused},
        Answer{"a_web_page", [](auto) { return Result<Bytes>{from("3c68746d6c3e")}; }, errc::time_stamp_refused},
        Answer{"status_rejected", [](auto) { return Result<Bytes>{from("30053003020102")}; }, errc::time_stamp_refused},
        Answer{"granted_without_token", [](auto) { return Result<Bytes>{from("30053003020100")}; },
               errc::time_stamp_refused},
        Answer{"about_something_else", [](auto) { return lab().authority(stamp_request(sha256(Bytes(1)))); },
               errc::time_stamp_refused},
        Answer{"no_way_there", [](auto) { return Result<Bytes>{fail(errc::image_read, "no network")}; },
               errc::image_read}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::imaging
