#include "imaging/trust/verify_catalog.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <optional>
#include <vector>

#include "imaging/catalog/build_catalog.h"
#include "imaging/catalog/parse_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/trust/signer.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

using fakes::Identity;
using fakes::TempFolder;
using Bytes = std::vector<std::byte>;

const Bytes hash_table(96, std::byte{0x33});

/// Everybody who signs in these tests. Made once: RSA keys take time.
struct People {
  Identity root = fakes::make_identity(fakes::authority_form("Factory Root"));
  Identity middle = fakes::make_identity(fakes::authority_form("Factory Line CA"), &root);
  Identity signer = fakes::make_identity({}, &middle);
  Identity stranger = fakes::make_identity(fakes::authority_form("Stranger Root"));
  Identity expired = fakes::make_identity({.name = "Old Signer", .not_after = fakes::test_now - 24 * 3600}, &root);
  Identity future = fakes::make_identity({.name = "New Signer", .not_before = fakes::test_now + 24 * 3600}, &root);
  Identity mail = fakes::make_identity({.name = "Mail", .extended_key_usage = "emailProtection"}, &root);
  Identity encipher = fakes::make_identity({.name = "Encipher", .key_usage = "keyEncipherment"}, &root);
  Identity plain = fakes::make_identity({.name = "Plain", .extended_key_usage = "", .key_usage = ""}, &root);
  Identity by_signer = fakes::make_identity({.name = "Issued by a non-authority"}, &signer);
  Identity sha1_issued = fakes::make_identity({.name = "Issued with SHA-1"}, &root, 2048, EVP_sha1());
  Identity self = fakes::make_identity({.name = "Self-signed"});
};

const People& people() {
  static const People all;
  return all;
}

Result<Signer> signer_of(const Identity& own, const std::vector<const Identity*>& above = {}) {
  const TempFolder folder;
  std::string chain = fakes::pem_of(own.certificate.get());
  for (const Identity* one : above) chain += fakes::pem_of(one->certificate.get());
  return Signer::load({.key = fakes::write_text(folder / "key.pem", fakes::pem_of(own.key.get())),
                       .certificate = fakes::write_text(folder / "cert.pem", chain)});
}

Bytes signed_by(const Identity& own, const std::vector<const Identity*>& above = {}) {
  const auto signer = signer_of(own, above);
  return *signer->sign(build_catalog(hash_table), fakes::test_now);
}

TrustAnchor anchor_of(const Identity& identity, bool test = false) {
  return {.pem = fakes::pem_of(identity.certificate.get()), .name = test ? "test-ca.pem" : "ca.pem", .test = test};
}

TrustPolicy trusting(const Identity& identity) {
  TrustPolicy policy;
  policy.anchors = {anchor_of(identity)};
  policy.clock = {.kind = ClockPolicy::Kind::now, .at = fakes::test_now};
  return policy;
}

TEST(VerifyCatalog, TellsWhoSignedAndForHowLong) {
  const auto verdict =
      verify_catalog(signed_by(people().signer, {&people().middle}), hash_table, trusting(people().root));
  ASSERT_TRUE(verdict) << verdict.error().detail;
  EXPECT_TRUE(verdict->is_signed);
  EXPECT_FALSE(verdict->test_signed);
  EXPECT_EQ(verdict->signer, "CN=Flashline Test Signer");
  EXPECT_EQ(verdict->anchor, "ca.pem");
  EXPECT_EQ(verdict->not_after, fakes::test_now + 20 * fakes::test_year);
  EXPECT_EQ(verdict->signer_digest, signer_of(people().signer)->certificate_digest());
}

struct Row {
  const char* name;
  Bytes (*catalog)();
  TrustPolicy (*policy)();
  std::optional<Errc> refusal;  ///< nullopt: taken
};

class Verify : public ::testing::TestWithParam<Row> {};

TEST_P(Verify, Decides) {
  const auto verdict = verify_catalog(GetParam().catalog(), hash_table, GetParam().policy());
  if (!GetParam().refusal) {
    EXPECT_TRUE(verdict.has_value()) << to_text(verdict.error());
    return;
  }
  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(verdict.error().code, *GetParam().refusal) << to_text(verdict.error());
}

Bytes by_chain() { return signed_by(people().signer, {&people().middle}); }
TrustPolicy root_policy() { return trusting(people().root); }
TrustPolicy with(TrustPolicy policy, void (*change)(TrustPolicy&)) {
  change(policy);
  return policy;
}

INSTANTIATE_TEST_SUITE_P(
    Chain, Verify,
    ::testing::Values(
        Row{"root_as_anchor", by_chain, root_policy, {}},
        Row{"intermediate_as_anchor", by_chain, [] { return trusting(people().middle); }, {}},
        Row{"own_certificate_as_anchor",
            [] { return signed_by(people().self); },
            [] { return trusting(people().self); },
            {}},
        Row{"wrong_anchor", by_chain, [] { return trusting(people().stranger); }, errc::untrusted_chain},
        Row{"no_anchor", by_chain, [] { return with(root_policy(), [](TrustPolicy& p) { p.anchors.clear(); }); },
            errc::untrusted_chain},
        Row{"no_anchor_even_when_unsigned_is_allowed", by_chain,
            [] {
              return with(root_policy(), [](TrustPolicy& p) {
                p.anchors.clear();
                p.allow_unsigned = true;
              });
            },
            errc::untrusted_chain},
        Row{"link_missing", [] { return signed_by(people().signer); }, root_policy, errc::untrusted_chain},
        Row{"own_root_in_the_catalog", [] { return signed_by(people().self); }, root_policy, errc::untrusted_chain},
        Row{"issuer_is_no_authority",
            [] { return signed_by(people().by_signer, {&people().signer, &people().middle}); }, root_policy,
            errc::untrusted_chain},
        Row{"broken_anchor", by_chain,
            [] { return with(root_policy(), [](TrustPolicy& p) { p.anchors[0].pem = "no PEM"; }); }, errc::anchor_file},
        Row{"issued_with_sha1", [] { return signed_by(people().sha1_issued); }, root_policy, errc::weak_signature}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Clock, Verify,
    ::testing::Values(
        Row{"expired", [] { return signed_by(people().expired); }, root_policy, errc::certificate_expired},
        Row{"not_yet_valid", [] { return signed_by(people().future); }, root_policy, errc::certificate_not_yet_valid},
        Row{"expired_with_unchecked_clock",
            [] { return signed_by(people().expired); },
            [] { return with(root_policy(), [](TrustPolicy& p) { p.clock = {ClockPolicy::Kind::unchecked, 0}; }); },
            {}},
        Row{"expired_at_a_fixed_moment_before",
            [] { return signed_by(people().expired); },
            [] {
              return with(root_policy(), [](TrustPolicy& p) {
                p.clock = {ClockPolicy::Kind::fixed, fakes::test_now - 30 * 24 * 3600};
              });
            },
            {}},
        Row{"fixed_moment_before_the_chain", by_chain,
            [] {
              return with(root_policy(), [](TrustPolicy& p) {
                p.clock = {ClockPolicy::Kind::fixed, fakes::test_now - 2 * fakes::test_year};
              });
            },
            errc::certificate_not_yet_valid},
        Row{"root_expired", by_chain,
            [] {
              return with(root_policy(), [](TrustPolicy& p) {
                p.clock = {ClockPolicy::Kind::fixed, fakes::test_now + 30 * fakes::test_year};
              });
            },
            errc::certificate_expired}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Policy, Verify,
    ::testing::Values(
        Row{"unsigned", [] { return build_catalog(hash_table); }, root_policy, errc::unsigned_image},
        Row{"unsigned_allowed",
            [] { return build_catalog(hash_table); },
            [] { return with(root_policy(), [](TrustPolicy& p) { p.allow_unsigned = true; }); },
            {}},
        Row{"unsigned_allowed_but_another_table", [] { return build_catalog(Bytes(32)); },
            [] { return with(root_policy(), [](TrustPolicy& p) { p.allow_unsigned = true; }); }, errc::catalog_digest},
        Row{"mail_certificate", [] { return signed_by(people().mail); }, root_policy, errc::signer_purpose},
        Row{"encipherment_certificate", [] { return signed_by(people().encipher); }, root_policy, errc::signer_purpose},
        Row{"certificate_without_usages", [] { return signed_by(people().plain); }, root_policy, {}},
        Row{"other_pin", by_chain, [] { return with(root_policy(), [](TrustPolicy& p) { p.pins = {Sha256{}}; }); },
            errc::signer_not_pinned},
        Row{"right_pin",
            by_chain,
            [] {
              return with(root_policy(), [](TrustPolicy& p) {
                p.pins = {Sha256{}, signer_of(people().signer)->certificate_digest()};
              });
            },
            {}},
        Row{"pin_does_not_replace_the_anchor", by_chain,
            [] {
              return with(trusting(people().stranger),
                          [](TrustPolicy& p) { p.pins = {signer_of(people().signer)->certificate_digest()}; });
            },
            errc::untrusted_chain}),
    [](const auto& row) { return row.param.name; });

/// Promise 9: test-signed content never goes out of a station in production mode.
INSTANTIATE_TEST_SUITE_P(
    Promise9, Verify,
    ::testing::Values(Row{"test_anchor_in_production", by_chain,
                          [] {
                            return with(root_policy(), [](TrustPolicy& p) {
                              p.mode = TrustMode::production;
                              p.anchors[0].test = true;
                            });
                          },
                          errc::test_signed},
                      Row{"test_anchor_beside_a_production_one", by_chain,
                          [] {
                            return with(trusting(people().stranger), [](TrustPolicy& p) {
                              p.mode = TrustMode::production;
                              p.anchors.push_back(anchor_of(people().root, true));
                            });
                          },
                          errc::test_signed},
                      Row{"production_anchor_in_production",
                          by_chain,
                          [] { return with(root_policy(), [](TrustPolicy& p) { p.mode = TrustMode::production; }); },
                          {}},
                      Row{"both_kinds_vouch",
                          by_chain,
                          [] {
                            return with(root_policy(), [](TrustPolicy& p) {
                              p.mode = TrustMode::production;
                              p.anchors.insert(p.anchors.begin(), anchor_of(people().root, true));
                            });
                          },
                          {}}),
    [](const auto& row) { return row.param.name; });

TEST(VerifyCatalog, MarksTestSignedContentInTestMode) {
  TrustPolicy policy = root_policy();
  policy.anchors[0].test = true;
  const auto verdict = verify_catalog(by_chain(), hash_table, policy);
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->test_signed);
}

TEST(VerifyCatalog, NamesTheDateOfExpiry) {
  const auto verdict = verify_catalog(signed_by(people().expired), hash_table, root_policy());
  ASSERT_FALSE(verdict);
  EXPECT_NE(verdict.error().detail.find("CN=Old Signer expired on 2025-12-31T00:00:00Z"), std::string::npos)
      << verdict.error().detail;
}

TEST(VerifyCatalog, RefusesAnotherHashTable) {
  Bytes other = hash_table;
  other[0] ^= std::byte{0x80};
  const auto verdict = verify_catalog(by_chain(), other, root_policy());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, errc::catalog_digest);
}

TEST(VerifyCatalog, RefusesEveryFlippedBit) {
  const Bytes good = signed_by(people().signer, {&people().middle});
  const TrustPolicy policy = root_policy();
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int bit : {0, 5, 7}) {
      Bytes flipped = good;
      flipped[at] ^= static_cast<std::byte>(1 << bit);
      EXPECT_FALSE(verify_catalog(flipped, hash_table, policy).has_value()) << "offset " << at << " bit " << bit;
    }
  }
}

TEST(VerifyCatalog, RefusesTheSignatureOfAnotherCatalog) {
  const auto signer = signer_of(people().plain);
  const Bytes mine = *signer->sign(build_catalog(hash_table), fakes::test_now);
  Bytes other = *signer->sign(build_catalog(Bytes(32)), fakes::test_now);
  ASSERT_EQ(mine.size(), other.size());
  const auto list_of = [](const Bytes& bytes) { return parse_catalog(bytes)->content; };
  const auto offset = static_cast<std::ptrdiff_t>(list_of(other).data() - other.data());
  std::ranges::copy(list_of(mine), other.begin() + offset);
  const auto verdict = verify_catalog(other, hash_table, root_policy());
  ASSERT_FALSE(verdict);
  EXPECT_EQ(verdict.error().code, errc::bad_signature);
}

TEST(InspectOnly, NamesWhoeverStandsThereAndTheRefusal) {
  TrustPolicy policy;
  policy.inspect_only = true;
  policy.clock.kind = ClockPolicy::Kind::unchecked;
  const auto claim = verify_catalog(by_chain(), hash_table, policy);
  ASSERT_TRUE(claim) << to_text(claim.error());
  EXPECT_EQ(claim->signer, "CN=Flashline Test Signer");
  ASSERT_TRUE(claim->refusal);
  EXPECT_EQ(claim->refusal->code, errc::untrusted_chain);
  const auto unsigned_claim = verify_catalog(build_catalog(hash_table), hash_table, policy);
  ASSERT_TRUE(unsigned_claim);
  EXPECT_FALSE(unsigned_claim->is_signed);
  EXPECT_EQ(unsigned_claim->refusal->code, errc::unsigned_image);
}

TEST(InspectOnly, StillNoticesAnotherHashTable) {
  TrustPolicy policy;
  policy.inspect_only = true;
  EXPECT_EQ(verify_catalog(by_chain(), Bytes(32), policy).error().code, errc::catalog_digest);
}

TEST(InspectOnly, TrustsLikeOtherwise) {
  TrustPolicy policy = root_policy();
  policy.inspect_only = true;
  EXPECT_FALSE(verify_catalog(by_chain(), hash_table, policy)->refusal.has_value());
}

}  // namespace
}  // namespace flashline::imaging
