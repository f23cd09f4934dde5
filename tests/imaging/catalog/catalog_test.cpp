#include <algorithm>
#include <gtest/gtest.h>
#include <string_view>
#include <vector>

#include "imaging/catalog/build_catalog.h"
#include "imaging/catalog/der_writer.h"
#include "imaging/catalog/object_ids.h"
#include "imaging/catalog/parse_catalog.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

using der::Bytes;

const Bytes hash_table(64, std::byte{0x5A});

TEST(BuildCatalog, HasTheLengthOfMakeCat) {
  const Bytes catalog = build_catalog(hash_table);
  EXPECT_EQ(catalog.size(), 328U);
  EXPECT_EQ(build_catalog(Bytes(32 * 1000)).size(), 328U);
}

TEST(BuildCatalog, IsReproducible) {
  const CatalogOptions options{.this_update = 1'700'000'000};
  EXPECT_EQ(build_catalog(hash_table, options), build_catalog(hash_table, options));
  EXPECT_NE(build_catalog(hash_table, options), build_catalog(Bytes(64), options));
  EXPECT_NE(build_catalog(hash_table, options), build_catalog(hash_table, {.this_update = 1'700'000'001}));
}

TEST(ParseCatalog, FindsTheMember) {
  const Bytes bytes = build_catalog(hash_table);
  const auto catalog = parse_catalog(bytes);
  ASSERT_TRUE(catalog) << catalog.error().detail;
  EXPECT_EQ(catalog->member, MemberDigest::sha1);
  EXPECT_TRUE(std::ranges::equal(catalog->member_digest, sha1(hash_table)));
  EXPECT_TRUE(catalog->signers.empty());
  EXPECT_TRUE(check_member_digest(*catalog, hash_table));
}

TEST(ParseCatalog, TakesASha256Member) {
  const Bytes bytes = build_catalog(hash_table, {.member = MemberDigest::sha256});
  const auto catalog = parse_catalog(bytes);
  ASSERT_TRUE(catalog) << catalog.error().detail;
  EXPECT_EQ(catalog->member, MemberDigest::sha256);
  EXPECT_TRUE(check_member_digest(*catalog, hash_table));
}

TEST(ParseCatalog, NoticesAnotherHashTable) {
  const Bytes bytes = build_catalog(hash_table);
  Bytes other = hash_table;
  other.back() ^= std::byte{1};
  const auto status = check_member_digest(*parse_catalog(bytes), other);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, errc::catalog_digest);
}

/// The parts of a catalog, each of which a row below spoils.
struct Parts {
  Bytes type = der::oid(oid::signed_data);
  Bytes version = der::integer(1);
  Bytes content_type = der::oid(oid::ctl);
  Bytes usage = der::sequence({der::oid(oid::catalog_list)});
  Bytes identifier = der::octets(Bytes(16));
  Bytes time = der::time(0);
  Bytes algorithm = der::sequence({der::oid(oid::catalog_list_member), der::null()});
  Bytes tag = der::octets(tag_of("HashTable.blob", true));
  Bytes digest_algorithm = der::oid(oid::sha1);
  Bytes digest = der::octets(sha1(hash_table));
  std::vector<Bytes> more_attributes;
  int digests = 1;
  int members = 1;
  Bytes extensions;
  Bytes after_list;
  Bytes certificates;
  Bytes signers = der::set({});

  static Bytes tag_of(std::string_view name, bool with_nul) {
    Bytes tag;
    for (const char letter : name) tag.insert(tag.end(), {static_cast<std::byte>(letter), std::byte{}});
    if (with_nul) tag.insert(tag.end(), 2, std::byte{});
    return tag;
  }

  Bytes member() const {
    const Bytes data = der::sequence({
        der::sequence({der::oid(oid::link), der::group(der::context_2, {der::value(der::context_0_primitive, {})})}),
        der::sequence({der::sequence({digest_algorithm, der::null()}), digest}),
    });
    std::vector<Bytes> attributes = more_attributes;
    for (int i = 0; i < digests; ++i) {
      attributes.push_back(der::sequence({der::oid(oid::indirect_data), der::set({data})}));
    }
    return der::sequence({tag, der::set_of(attributes)});
  }

  Bytes build() const {
    Bytes all_members;
    for (int i = 0; i < members; ++i) {
      const Bytes one = member();
      all_members.insert(all_members.end(), one.begin(), one.end());
    }
    const Bytes list = der::sequence(
        {usage, identifier, time, algorithm, der::value(der::sequence_tag, all_members), extensions, after_list});
    const Bytes content = der::sequence({content_type, der::group(der::context_0, {list})});
    return der::sequence(
        {type, der::group(der::context_0, {der::sequence({version, der::set({}), content, certificates, signers})})});
  }
};

struct BadCase {
  const char* name;
  void (*spoil)(Parts&);
  Errc code;
};

class BadCatalog : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadCatalog, IsRefused) {
  Parts parts;
  GetParam().spoil(parts);
  const Bytes bytes = parts.build();
  const auto catalog = parse_catalog(bytes);
  ASSERT_FALSE(catalog.has_value());
  EXPECT_EQ(catalog.error().code, GetParam().code) << catalog.error().detail;
}

Bytes indirect(Bytes content) { return der::sequence({der::oid(oid::indirect_data), der::set({std::move(content)})}); }

INSTANTIATE_TEST_SUITE_P(
    Catalog, BadCatalog,
    ::testing::Values(
        BadCase{"not_signed_data", [](Parts& p) { p.type = der::oid("1.2.840.113549.1.7.1"); },
                errc::catalog_structure},
        BadCase{"version_2", [](Parts& p) { p.version = der::integer(2); }, errc::catalog_structure},
        BadCase{"not_a_ctl", [](Parts& p) { p.content_type = der::oid("1.2.840.113549.1.7.1"); },
                errc::catalog_structure},
        BadCase{"other_usage", [](Parts& p) { p.usage = der::sequence({der::oid("1.3.6.1.4.1.311.10.3.9")}); },
                errc::catalog_structure},
        BadCase{"two_usages",
                [](Parts& p) { p.usage = der::sequence({der::oid(oid::catalog_list), der::oid(oid::catalog_list)}); },
                errc::catalog_structure},
        BadCase{"no_identifier", [](Parts& p) { p.identifier = {}; }, errc::catalog_structure},
        BadCase{"no_time", [](Parts& p) { p.time = {}; }, errc::catalog_structure},
        BadCase{"unknown_member_algorithm",
                [](Parts& p) { p.algorithm = der::sequence({der::oid("1.3.6.1.4.1.311.12.1.9"), der::null()}); },
                errc::catalog_structure},
        BadCase{"no_member", [](Parts& p) { p.members = 0; }, errc::catalog_member},
        BadCase{"two_members", [](Parts& p) { p.members = 2; }, errc::catalog_member},
        BadCase{"other_tag", [](Parts& p) { p.tag = der::octets(Parts::tag_of("HashTable.blub", true)); },
                errc::catalog_member},
        BadCase{"longer_tag", [](Parts& p) { p.tag = der::octets(Parts::tag_of("HashTable.blob2", true)); },
                errc::catalog_member},
        BadCase{"no_digest", [](Parts& p) { p.digests = 0; }, errc::catalog_member},
        BadCase{"two_digests", [](Parts& p) { p.digests = 2; }, errc::catalog_structure},
        BadCase{"md5_digest", [](Parts& p) { p.digest_algorithm = der::oid("1.2.840.113549.2.5"); },
                errc::catalog_member},
        BadCase{"short_digest", [](Parts& p) { p.digest = der::octets(Bytes(19)); }, errc::catalog_member},
        BadCase{"sha1_length_for_sha256", [](Parts& p) { p.digest_algorithm = der::oid(oid::sha256); },
                errc::catalog_member},
        BadCase{"empty_indirect_data",
                [](Parts& p) {
                  p.digests = 0;
                  p.more_attributes = {indirect(der::sequence({}))};
                },
                errc::catalog_structure},
        BadCase{"value_after_list", [](Parts& p) { p.after_list = der::null(); }, errc::catalog_structure},
        BadCase{"no_signer_set", [](Parts& p) { p.signers = {}; }, errc::catalog_structure},
        BadCase{"signer_is_no_sequence", [](Parts& p) { p.signers = der::set({der::null()}); },
                errc::catalog_structure},
        BadCase{"certificate_is_no_sequence",
                [](Parts& p) { p.certificates = der::group(der::context_0, {der::null()}); }, errc::catalog_structure},
        BadCase{"indefinite_inside", [](Parts& p) { p.usage = {std::byte{0x30}, std::byte{0x80}}; },
                errc::catalog_der}),
    [](const auto& row) { return row.param.name; });

struct GoodCase {
  const char* name;
  void (*vary)(Parts&);
};

class VariedCatalog : public ::testing::TestWithParam<GoodCase> {};

TEST_P(VariedCatalog, IsTaken) {
  Parts parts;
  GetParam().vary(parts);
  const Bytes bytes = parts.build();
  const auto catalog = parse_catalog(bytes);
  ASSERT_TRUE(catalog.has_value()) << catalog.error().detail;
  EXPECT_TRUE(check_member_digest(*catalog, hash_table));
}

INSTANTIATE_TEST_SUITE_P(
    Catalog, VariedCatalog,
    ::testing::Values(
        GoodCase{"plain", [](Parts&) {}},
        GoodCase{"tag_without_nul", [](Parts& p) { p.tag = der::octets(Parts::tag_of("HashTable.blob", false)); }},
        GoodCase{"extensions", [](Parts& p) { p.extensions = der::group(der::context_0, {der::sequence({})}); }},
        GoodCase{"name_value_attributes",
                 [](Parts& p) {
                   const Bytes one = der::sequence({der::oid("1.3.6.1.4.1.311.12.2.1"), der::set({der::null()})});
                   p.more_attributes = {one, one};
                 }},
        GoodCase{"generalized_time", [](Parts& p) { p.time = der::time(2524608000); }}),
    [](const auto& row) { return row.param.name; });

TEST(ParseCatalog, RefusesEmptyAndHuge) {
  EXPECT_EQ(parse_catalog({}).error().code, errc::catalog_size);
  EXPECT_EQ(parse_catalog(Bytes(max_catalog_size + 1)).error().code, errc::catalog_size);
}

TEST(ParseCatalog, RefusesEveryPrefix) {
  const Bytes bytes = build_catalog(hash_table);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_catalog(std::span{bytes}.first(size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace flashline::imaging
