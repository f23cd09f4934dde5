#include "imaging/catalog/member_catalog.h"

#include <gtest/gtest.h>

#include "imaging/catalog/build_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"

namespace flashline::imaging {
namespace {

using Bytes = std::vector<std::byte>;

Sha256 digest(int value) { return sha256(Bytes(1, static_cast<std::byte>(value))); }

const std::vector<CatalogMember> files{
    {"man.dsm.xml", digest(1)}, {"1_panel.sys", digest(2)}, {"2_größe \U0001F4BE.bin", digest(1)}};

TEST(MemberCatalog, GivesItsMembersBack) {
  const auto der = build_member_catalog(files, 1'700'000'000);
  ASSERT_TRUE(der) << to_text(der.error());
  const auto catalog = parse_member_catalog(*der);
  ASSERT_TRUE(catalog) << to_text(catalog.error());
  ASSERT_EQ(catalog->members.size(), files.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(catalog->members[i].name, files[i].name);
    EXPECT_EQ(catalog->members[i].digest, files[i].digest);
  }
  EXPECT_TRUE(catalog->signers.empty());
  EXPECT_TRUE(check_members(*catalog, files));
}

TEST(MemberCatalog, IsReproducible) {
  EXPECT_EQ(*build_member_catalog(files, 1), *build_member_catalog(files, 1));
  EXPECT_NE(*build_member_catalog(files, 1), *build_member_catalog(files, 2));
}

TEST(MemberCatalog, TakesTheFilesOfARootFileSystem) {
  std::vector<CatalogMember> many;
  for (int i = 0; i < 30'000; ++i) many.push_back({std::to_string(i) + "_usr_share_file", digest(i)});
  const auto der = build_member_catalog(many, 1);
  ASSERT_TRUE(der);
  const auto catalog = parse_member_catalog(*der);
  ASSERT_TRUE(catalog) << to_text(catalog.error());
  EXPECT_TRUE(check_members(*catalog, many));
}

struct FilesCase {
  const char* name;
  std::vector<CatalogMember> files;
  std::optional<Errc> refusal;
};

class CheckMembers : public ::testing::TestWithParam<FilesCase> {};

TEST_P(CheckMembers, Decides) {
  const auto der = build_member_catalog(files, 1);
  const Status status = check_members(*parse_member_catalog(*der), GetParam().files);
  ASSERT_EQ(status.has_value(), !GetParam().refusal.has_value());
  if (!status) EXPECT_EQ(status.error().code, *GetParam().refusal) << to_text(status.error());
}

INSTANTIATE_TEST_SUITE_P(
    MemberCatalog, CheckMembers,
    ::testing::Values(
        FilesCase{"other_order", {files[2], files[0], files[1]}, {}},
        FilesCase{"other_case", {{"MAN.dsm.XML", digest(1)}, files[1], files[2]}, {}},
        FilesCase{"one_missing", {files[0], files[1]}, errc::not_in_catalog},
        FilesCase{"one_too_many", {files[0], files[1], files[2], {"3_x", digest(1)}}, errc::not_in_catalog},
        FilesCase{"one_twice", {files[0], files[0], files[1], files[2]}, errc::not_in_catalog},
        FilesCase{"one_changed", {files[0], {"1_panel.sys", digest(3)}, files[2]}, errc::catalog_file_digest}),
    [](const auto& row) { return row.param.name; });

struct NamesCase {
  const char* name;
  std::vector<CatalogMember> members;
  Errc refusal;
};

class BadMembers : public ::testing::TestWithParam<NamesCase> {};

TEST_P(BadMembers, AreRefused) {
  const auto der = build_member_catalog(GetParam().members, 1);
  ASSERT_FALSE(der);
  EXPECT_EQ(der.error().code, GetParam().refusal) << to_text(der.error());
}

INSTANTIATE_TEST_SUITE_P(
    MemberCatalog, BadMembers,
    ::testing::Values(
        NamesCase{"none", {}, errc::catalog_member},
        NamesCase{"empty_name", {{"", digest(1)}}, errc::catalog_member_name},
        NamesCase{"not_utf8", {{"a\xFF", digest(1)}}, errc::catalog_member_name},
        NamesCase{"nul_inside", {{std::string{"a\0b", 3}, digest(1)}}, errc::catalog_member_name},
        NamesCase{"twice_but_for_case", {{"a.SYS", digest(1)}, {"A.sys", digest(2)}}, errc::catalog_member_name}),
    [](const auto& row) { return row.param.name; });

TEST(MemberCatalog, RefusesAMemberWithoutSha256) {
  const Bytes image_catalog = build_catalog(Bytes(32));  // its only member has a SHA-1
  EXPECT_EQ(parse_member_catalog(image_catalog).error().code, errc::catalog_member);
}

TEST(MemberCatalog, RefusesEveryPrefixAndNamesNothingTwice) {
  Bytes der = *build_member_catalog(std::vector{files[0], CatalogMember{"man.dsm.xmk", digest(1)}}, 1);
  for (std::size_t size = 0; size < der.size(); ++size) EXPECT_FALSE(parse_member_catalog(std::span{der}.first(size)));
  for (std::size_t at = 0; at < der.size(); ++at) {
    if (der[at] == std::byte{'k'}) der[at] = std::byte{'L'};
  }
  EXPECT_EQ(parse_member_catalog(der).error().code, errc::catalog_member_name);
}

}  // namespace
}  // namespace flashline::imaging
