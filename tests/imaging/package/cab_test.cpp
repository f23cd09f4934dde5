#include "imaging/package/cab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>

#include "imaging/catalog/member_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/units.h"
#include "imaging/package/cab_reader.h"
#include "imaging/package/registry_value.h"
#include "imaging/source/file_view.h"
#include "imaging/trust/package_signer.h"
#include "tests/fakes/cab_builder.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;
using fakes::Bytes;
using fakes::describe;
using fakes::TempFolder;
using ::testing::HasSubstr;

constexpr std::time_t new_year = 1767225600;  // 2026-01-01T00:00:00Z

TrustPolicy any_signer() {
  TrustPolicy policy;
  policy.allow_unsigned = true;
  return policy;
}

RegistryValue text_data(const std::string& name, const std::string& ascii) {
  RegistryValue value{.name = name, .type = RegistryType::sz, .data = {}};
  for (const char c : ascii + '\0') value.data.insert(value.data.end(), {static_cast<std::byte>(c), std::byte{}});
  return value;
}

Package contoso(const std::string& sub_component) {
  Package package;
  PackageIdentity& identity = package.identity;
  identity.owner = "Contoso";
  identity.component = "Test";
  identity.sub_component = sub_component;
  identity.version = {10, 0, 17763, 1};
  identity.cpu = CpuType::arm64;
  identity.release_type = ReleaseType::test;
  identity.name = "Contoso.Test." + sub_component;
  return package;
}

/// A little of everything that a package can hold besides a raw image.
Package full_package() {
  Package package = contoso("Full");
  package.files = {fakes::memory_file(R"(\Windows\System32\drivers\a.sys)", std::string(70000, 'a') + "end"),
                   fakes::memory_file(R"(\Programs\Übung & more.txt)", "grüß"),
                   fakes::memory_file(R"(\Programs\logo.png)", "not really one"),
                   fakes::memory_file(R"(\Programs\empty.txt)", ""),
                   fakes::memory_file(R"(\Programs\b\a.sys)", "another of the same leaf")};
  package.files[1].attributes = file_attribute::readonly | file_attribute::hidden;
  package.directories = {{.device_path = R"(\Data\Logs)", .attributes = file_attribute::system}};
  package.registry = {{.path = R"(HKEY_LOCAL_MACHINE\SOFTWARE\Contoso\Test)",
                       .values = {text_data("Name", "a \"quoted\" \\ text"),
                                  text_data("", "default"),
                                  {.name = "Count", .type = RegistryType::dword, .data = Bytes(4, std::byte{1})},
                                  {.name = "Raw", .type = RegistryType{8}, .data = Bytes(3, std::byte{0xAB})}}},
                      {.path = R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\empty)", .values = {}}};
  package.bcd = fakes::memory_file("", "<BootConfigurationDatabase/>");
  package.members = {"Contoso.Test.A", "Contoso.Test.B"};
  return package;
}

Package small_package() {
  Package package = contoso("Small");
  package.files = {fakes::memory_file(R"(\a.txt)", "hello hello hello hello"),
                   fakes::memory_file(R"(\b.zip)", "stored")};
  return package;
}

fs::path write(const TempFolder& folder, const Package& package, const std::string& name = "x.cab") {
  const auto status = write_cab(folder / name, package, {.time = new_year});
  EXPECT_TRUE(status) << (status ? "" : to_text(status.error()));
  return folder / name;
}

TEST(Cab, GivesBackWhatWasPutIn) {
  const TempFolder folder;
  const Package package = full_package();
  const auto cab = write(folder, package);
  const auto opened = open_cab(cab);
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(describe(*opened), describe(package));
  const auto extracted = extract_cab(cab, folder / "out");
  ASSERT_TRUE(extracted) << extracted.error().detail;
  EXPECT_EQ(describe(*extracted), describe(package));
  for (std::size_t i = 0; i < package.files.size(); ++i) {
    const auto& path = std::get<fs::path>(extracted->files[i].source);
    EXPECT_EQ(path.parent_path(), folder / "out");
    EXPECT_EQ(fakes::read_bytes(path), std::get<Bytes>(package.files[i].source)) << path;
  }
  const auto verdict = verify_cab(cab, any_signer());
  ASSERT_TRUE(verdict) << verdict.error().detail;
  EXPECT_EQ(describe(verdict->package), describe(package));
  EXPECT_FALSE(verdict->catalog.is_signed);
}

TEST(Cab, KeepsWhichListsJoinThoseOfOthers) {
  const TempFolder folder;
  Package package = contoso("Group");
  RegistryValue joins = list_value("Group", {"Svc"});
  joins.append = true;
  package.registry = {{.path = R"(HKEY_LOCAL_MACHINE\SOFTWARE\SvcHost)", .values = {text_data("Name", "x")}},
                      {.path = R"(HKEY_LOCAL_MACHINE\SOFTWARE\SvcHost)", .values = {joins}}};
  const auto cab = write(folder, package);
  const auto opened = open_cab(cab);
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(describe(*opened), describe(package));
  EXPECT_TRUE(opened->registry.back().values.front().append);
  const std::string list = run_tool("cabextract -l " + cab.string()).output;
  for (const char* name : {"1_Contoso.Test.Group.reg", "2_Contoso.Test.Group.rga"}) {
    EXPECT_NE(list.find(name), std::string::npos) << list;
  }
}

TEST(Cab, HoldsAWholePartition) {
  const TempFolder folder;
  Package package = contoso("Loader");
  package.identity.partition = "BOOTLOADER";
  package.raw_image = fakes::memory_file("", std::string(4096, 'L'));
  const auto extracted = extract_cab(write(folder, package), folder / "out");
  ASSERT_TRUE(extracted) << extracted.error().detail;
  EXPECT_EQ(describe(*extracted), describe(package));
  EXPECT_EQ(std::get<fs::path>(extracted->raw_image->source), folder / "out/1_partition.bin");
}

TEST(Cab, IsTakenByOtherTools) {
  const TempFolder folder;
  const auto cab = write(folder, full_package()).string();
  for (const std::string& command : {"cabextract -t " + cab, "7zz t " + cab}) {
    const auto run = run_tool(command);
    EXPECT_EQ(run.code, 0) << run.output;
  }
  const auto list = run_tool("env TZ=UTC cabextract -l " + cab).output;
  const char* const names[] = {"man.dsm.xml",
                               "content.cat",
                               "1_Contoso.Test.Full.reg",
                               "2_a.sys",
                               "3_Übung & more.txt",
                               "4_logo.png",
                               "5_empty.txt",
                               "6_a.sys",
                               "7_BCD.xml"};
  std::size_t at = 0;
  for (const char* name : names) {
    at = list.find(name, at);
    ASSERT_NE(at, std::string::npos) << name << " is not there, or in another place:\n" << list;
  }
  EXPECT_THAT(list, HasSubstr("01.01.2026 00:00:00"));
  const auto packed = run_tool("7zz l -slt " + cab).output;
  EXPECT_THAT(packed, HasSubstr("Method = None MSZip"));
  EXPECT_THAT(packed, HasSubstr("Modified = 2026-01-01 00:00:00"));
}

/// Several pieces and several folders, as other tools unpack them.
TEST(Cab, PacksLargePayloadInPieces) {
  const TempFolder folder;
  std::mt19937 random{1};
  std::string noise(3'000'017, '\0');
  for (char& c : noise) c = static_cast<char>(random() & 0x3FU);
  const std::string names[] = {"a.bin", "b.appx", "c.bin"};
  Package package = contoso("Large");
  for (const std::string& name : names)
    package.files.push_back(fakes::disk_file("\\" + name, folder.file(name, name + noise)));
  const auto cab = write(folder, package);
  const auto run =
      run_tool(fmt::format("7zz x -o{}/seven {} && cd {} && cabextract -q -d cabx {} && cat seven/1_* seven/2_* "
                           "seven/3_* cabx/1_* cabx/2_* cabx/3_* > both && "
                           "cat a.bin b.appx c.bin a.bin b.appx c.bin | cmp - both",
                           folder.path().string(), cab.string(), folder.path().string(), cab.string()));
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_TRUE(verify_cab(cab, any_signer()));
  const auto size = fs::file_size(cab);
  EXPECT_LT(size, 9'000'000U - 1'000'000U) << "six bits of eight are used: packing shows";
  EXPECT_GT(size, 3'000'000U) << "what is packed already is stored";
}

TEST(Cab, IsTheSameEveryTime) {
  const TempFolder folder;
  const auto first = fakes::read_bytes(write(folder, full_package(), "1.cab"));
  EXPECT_EQ(first, fakes::read_bytes(write(folder, full_package(), "2.cab")));
  ASSERT_TRUE(write_cab(folder / "3.cab", full_package(), {.time = new_year + 2}));
  EXPECT_NE(first, fakes::read_bytes(folder / "3.cab"));
}

TEST(Cab, ClampsTimesToWhatTheFormatKnows) {
  const TempFolder folder;
  ASSERT_TRUE(write_cab(folder / "1.cab", small_package(), {.time = 0}));
  EXPECT_THAT(run_tool("env TZ=UTC cabextract -l " + (folder / "1.cab").string()).output,
              HasSubstr("01.01.1980 00:00:00"));
}

TEST(Cab, CutsLongNamesAtACharacter) {
  const TempFolder folder;
  Package package = contoso("Names");
  std::string leaf;
  for (int i = 0; i < 150; ++i) leaf += "ü";
  package.files = {fakes::memory_file("\\" + leaf, "x"), fakes::memory_file("\\y" + leaf, "y")};
  const auto extracted = extract_cab(write(folder, package), folder / "out");
  ASSERT_TRUE(extracted) << extracted.error().detail;
  EXPECT_EQ(describe(*extracted), describe(package));
}

struct Change {
  const char* name;
  void (*change)(Package&, const TempFolder&);
  Errc code;
};
class CabRefuses : public ::testing::TestWithParam<Change> {};

TEST_P(CabRefuses, PackageAndLeavesNothing) {
  const TempFolder folder;
  Package package = small_package();
  package.files.push_back(fakes::disk_file("\\c.bin", folder.file("c.bin", "content")));
  GetParam().change(package, folder);
  const auto status = write_cab(folder / "x.cab", package, {.time = new_year});
  ASSERT_FALSE(status);
  EXPECT_EQ(code_of(status.error().code), code_of(GetParam().code)) << status.error().detail;
  EXPECT_FALSE(fs::exists(folder / "x.cab"));
}

INSTANTIATE_TEST_SUITE_P(
    Cab, CabRefuses,
    ::testing::Values(
        Change{"payload_gone", [](Package&, const TempFolder& folder) { fs::remove(folder / "c.bin"); },
               errc::image_open},
        Change{"payload_longer", [](Package&, const TempFolder& folder) { folder.file("c.bin", "content!"); },
               errc::cab_payload_changed},
        Change{"payload_other", [](Package&, const TempFolder& folder) { folder.file("c.bin", "Content"); },
               errc::cab_payload_changed},
        Change{"memory_other", [](Package& p, const TempFolder&) { p.files[0].digest[0] ^= std::byte{1}; },
               errc::cab_payload_changed},
        Change{"memory_size", [](Package& p, const TempFolder&) { p.files[0].size = 1; }, errc::cab_payload_changed},
        Change{"path_escapes", [](Package& p, const TempFolder&) { p.files[0].device_path = R"(\..\x)"; },
               errc::cab_manifest},
        Change{"name_no_name", [](Package& p, const TempFolder&) { p.identity.name = R"(a\b)"; }, errc::cab_manifest},
        Change{"raw_and_files", [](Package& p, const TempFolder&) { p.raw_image = p.files[0]; }, errc::cab_manifest},
        Change{"too_large", [](Package& p, const TempFolder&) { p.files[0].size = 3_GiB; }, errc::cab_too_large}),
    [](const auto& row) { return row.param.name; });

/// Promise of `package verify`: any byte, any bit of it.
TEST(CabVerify, NoticesAnyFlippedByte) {
  const TempFolder folder;
  Bytes bytes = fakes::read_bytes(write(folder, small_package()));
  ASSERT_TRUE(verify_cab(bytes, "x.cab", any_signer()));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned bit : {0x01U, 0x20U, 0x80U, 0xFFU}) {
      bytes[at] ^= static_cast<std::byte>(bit);
      EXPECT_FALSE(verify_cab(bytes, "x.cab", any_signer())) << "byte " << at << " with " << bit;
      bytes[at] ^= static_cast<std::byte>(bit);
    }
  }
}

/// Catalog and cabinet are signed: the signature's own bytes count, too.
TEST(CabVerify, NoticesAnyFlippedByteOfASignedCabinet) {
  const TempFolder folder;
  const fakes::Identity root = fakes::make_identity(fakes::authority_form("OEM Root"));
  const fakes::Identity own = fakes::make_identity({}, &root);
  auto signer =
      Signer::load({.key = fakes::write_text(folder / "own.key", fakes::pem_of(own.key.get())),
                    .certificate = fakes::write_text(folder / "own.pem", fakes::pem_of(own.certificate.get()))});
  ASSERT_TRUE(signer);
  const PackageSigner package_signer{*std::move(signer), new_year};
  ASSERT_TRUE(write_cab(folder / "x.cab", small_package(), {.time = new_year, .signer = &package_signer}));
  TrustPolicy policy;
  policy.anchors.push_back({.pem = fakes::pem_of(root.certificate.get()), .name = "ca.pem"});
  policy.clock = {ClockPolicy::Kind::fixed, new_year};
  Bytes bytes = fakes::read_bytes(folder / "x.cab");
  const auto verdict = verify_cab(bytes, "x.cab", policy);
  ASSERT_TRUE(verdict) << verdict.error().detail;
  EXPECT_TRUE(verdict->catalog.is_signed);
  EXPECT_TRUE(verdict->cabinet.is_signed);
  EXPECT_EQ(std::distance(fs::directory_iterator{folder.path()}, fs::directory_iterator{}), 3) << "something is left";
  // A dense sample: each check of two signatures takes its time.
  for (std::size_t at = 0; at < bytes.size(); at += at < 400 ? 3 : 17) {
    bytes[at] ^= std::byte{0x20};
    EXPECT_FALSE(verify_cab(bytes, "x.cab", policy)) << "byte " << at;
    bytes[at] ^= std::byte{0x20};
  }
}

TEST(CabVerify, NoticesAnyMissingOrAddedByte) {
  const TempFolder folder;
  Bytes bytes = fakes::read_bytes(write(folder, small_package()));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(verify_cab(std::span{bytes}.first(size), "x.cab", any_signer())) << size;
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(verify_cab(bytes, "x.cab", any_signer()));
}

TEST(CabVerify, WantsASignatureUnlessTold) {
  const TempFolder folder;
  const auto cab = write(folder, small_package());
  const auto verdict = verify_cab(cab, TrustPolicy{});
  ASSERT_FALSE(verdict);
  EXPECT_EQ(exit_code_of(verdict.error().code), 4) << to_text(verdict.error());
}

/// The members of a package, to be spoiled and put into a cabinet by hand.
std::vector<fakes::CabMember> members_of(const TempFolder& folder, const Package& package) {
  EXPECT_TRUE(extract_cab(write(folder, package, "members.cab"), folder / "members"));
  std::vector<fakes::CabMember> members;
  for (const char* name : {"man.dsm.xml", "content.cat", "1_a.txt", "2_b.zip"}) {
    const Bytes bytes = fakes::read_bytes(folder / "members" / name);
    members.push_back({name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}});
  }
  return members;
}

TEST(CabRead, TakesCabinetsOfOthers) {
  const TempFolder folder;
  const auto members = members_of(folder, small_package());
  for (const std::uint16_t packing : {std::uint16_t{0}, std::uint16_t{0x0F03}, std::uint16_t{0x1503}}) {
    fakes::write_bytes(folder / "other.cab", fakes::make_cab(members, {.packing = packing}));
    const auto verdict = verify_cab(folder / "other.cab", any_signer());
    ASSERT_TRUE(verdict) << packing << verdict.error().detail;
    EXPECT_EQ(describe(verdict->package), describe(small_package()));
    EXPECT_EQ(run_tool("cabextract -t " + (folder / "other.cab").string()).code, 0)
        << "the test's own cabinet is wrong";
  }
}

struct Spoiled {
  const char* name;
  void (*spoil)(std::vector<fakes::CabMember>&);
  Errc code;
};
class CabExtract : public ::testing::TestWithParam<Spoiled> {};

/// `value` in so many bytes, the least first.
void put(std::vector<std::byte>& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::byte>(value >> (8U * static_cast<unsigned>(i))));
}

TEST(CabRead, GivesUpOnBlocksThatGoOnInAnotherCabinet) {
  std::vector<std::byte> cabinet;
  put(cabinet, 0x4643534d, 4);  // "MSCF"
  for (const std::uint32_t field : {0U, 98U, 0U, 44U, 0U}) put(cabinet, field, 4);
  for (const std::uint32_t field : {0x0103U, 1U, 2U, 0U, 0U, 0U}) put(cabinet, field, 2);
  put(cabinet, 80, 4);  // the first of the folder's blocks
  put(cabinet, 2, 2);
  put(cabinet, 0, 2);
  for (const char name : {'a', 'b'}) {
    put(cabinet, name == 'a' ? 5 : 30, 4);
    put(cabinet, name == 'a' ? 0 : 5, 4);
    for (int i = 0; i < 4; ++i) put(cabinet, 0, 2);
    put(cabinet, static_cast<std::uint32_t>(name), 2);
  }
  put(cabinet, 0, 4);
  put(cabinet, 10, 2);
  put(cabinet, 0, 2);  // unpacked size of nothing: the rest is said to be in the next cabinet
  cabinet.resize(cabinet.size() + 10);
  auto reader = cab::Reader::open(std::make_unique<MemoryView>(cabinet), "x.cab");
  ASSERT_TRUE(reader) << to_text(reader.error());
  ASSERT_EQ(reader->members().size(), 2U);
  for (const cab::Member& member : reader->members()) {
    EXPECT_FALSE(reader->unpack(member, [](std::span<const std::byte>) -> Status { return {}; })) << member.name;
  }
}

TEST_P(CabExtract, Refuses) {
  const TempFolder folder;
  auto members = members_of(folder, small_package());
  GetParam().spoil(members);
  folder.file("inside/keep.txt", "here before");
  fakes::write_bytes(folder / "x.cab", fakes::make_cab(members));
  const auto before = run_tool("cd " + folder.path().string() + " && find . | sort").output;
  const auto package = extract_cab(folder / "x.cab", folder / "inside/out");
  ASSERT_FALSE(package);
  EXPECT_EQ(code_of(package.error().code), code_of(GetParam().code)) << package.error().detail;
  fs::remove_all(folder / "inside/out");
  EXPECT_EQ(run_tool("cd " + folder.path().string() + " && find . | sort").output, before)
      << "something left the folder";
  EXPECT_FALSE(verify_cab(folder / "x.cab", any_signer()));
}

void rename_payload(std::vector<fakes::CabMember>& members, const std::string& name) { members[2].name = name; }

INSTANTIATE_TEST_SUITE_P(
    Cab, CabExtract,
    ::testing::Values(
        Spoiled{"name_up", [](auto& m) { rename_payload(m, R"(..\x)"); }, errc::cab_member_name},
        Spoiled{"name_up_slash", [](auto& m) { rename_payload(m, "../x"); }, errc::cab_member_name},
        Spoiled{"name_up_inside", [](auto& m) { rename_payload(m, R"(a\..\..\x)"); }, errc::cab_member_name},
        Spoiled{"name_up_mixed", [](auto& m) { rename_payload(m, R"(a/..\../x)"); }, errc::cab_member_name},
        Spoiled{"name_absolute", [](auto& m) { rename_payload(m, R"(\x)"); }, errc::cab_member_name},
        Spoiled{"name_absolute_slash", [](auto& m) { rename_payload(m, "/tmp/x"); }, errc::cab_member_name},
        Spoiled{"name_share", [](auto& m) { rename_payload(m, R"(\\host\share\x)"); }, errc::cab_member_name},
        Spoiled{"name_drive", [](auto& m) { rename_payload(m, R"(C:\x)"); }, errc::cab_member_name},
        Spoiled{"name_drive_relative", [](auto& m) { rename_payload(m, "C:x"); }, errc::cab_member_name},
        Spoiled{"name_stream", [](auto& m) { rename_payload(m, "x:y"); }, errc::cab_member_name},
        Spoiled{"name_control", [](auto& m) { rename_payload(m, "x\ny"); }, errc::cab_member_name},
        Spoiled{"name_bad_utf8", [](auto& m) { rename_payload(m, "x\xC0\xAF"); }, errc::cab_member_name},
        Spoiled{"name_empty", [](auto& m) { rename_payload(m, ""); }, errc::cab_damaged},
        Spoiled{"name_dots", [](auto& m) { rename_payload(m, "..."); }, errc::cab_member_name},
        Spoiled{"name_twice", [](auto& m) { m.push_back({"1_A.TXT", "x"}); }, errc::cab_member_twice},
        Spoiled{"no_manifest", [](auto& m) { m.erase(m.begin()); }, errc::cab_not_package},
        Spoiled{"no_catalog", [](auto& m) { m.erase(m.begin() + 1); }, errc::cab_members},
        Spoiled{"no_payload", [](auto& m) { m.erase(m.begin() + 2); }, errc::cab_members},
        Spoiled{"stowaway", [](auto& m) { m.push_back({"3_c", "x"}); }, errc::cab_members},
        Spoiled{"payload_other", [](auto& m) { m[2].content[0] = 'H'; }, errc::cab_member_digest},
        Spoiled{"payload_longer", [](auto& m) { m[2].content += '!'; }, errc::cab_members},
        Spoiled{"manifest_other", [](auto& m) { m[0].content += ' '; }, errc::cab_member_digest},
        Spoiled{"manifest_no_xml", [](auto& m) { m[0].content.resize(100); }, Errc{errc_of("FL-BLD-012")}},
        Spoiled{"catalog_broken", [](auto& m) { m[1].content[5] = 'x'; }, errc::cab_catalog}),
    [](const auto& row) { return row.param.name; });

/// Manifest and catalog agree with each other, so that only the catalog's own list tells.
TEST(CabExtractMore, WantsTheCatalogToNameEachMember) {
  const TempFolder folder;
  auto members = members_of(folder, small_package());
  const std::vector<CatalogMember> listed{{"man.dsm.xml", sha256(fakes::bytes_of(members[0].content))},
                                          {"1_a.txt", sha256(fakes::bytes_of(members[2].content))},
                                          {"2_other.zip", sha256(fakes::bytes_of(members[3].content))}};
  const auto catalog = build_member_catalog(listed, new_year);
  ASSERT_TRUE(catalog);
  members[1].content.assign(reinterpret_cast<const char*>(catalog->data()), catalog->size());
  fakes::write_bytes(folder / "x.cab", fakes::make_cab(members));
  const auto package = extract_cab(folder / "x.cab", folder / "out");
  ASSERT_FALSE(package);
  EXPECT_EQ(package.error().code, errc::cab_catalog);
  EXPECT_THAT(package.error().detail, HasSubstr("2_"));
}

TEST(CabExtractMore, FollowsNoLinkOutOfTheFolder) {
  const TempFolder folder;
  const Package package = small_package();
  const auto cab = write(folder, package);
  fs::create_directories(folder / "out");
  folder.file("target.txt", "mine");
  fs::create_symlink(folder / "target.txt", folder / "out/1_a.txt");
  fs::create_symlink(folder / "target.txt", folder / "out/:unpacking");
  ASSERT_TRUE(extract_cab(cab, folder / "out"));
  EXPECT_EQ(fakes::read_bytes(folder / "target.txt"), fakes::bytes_of("mine"));
  EXPECT_FALSE(fs::is_symlink(folder / "out/1_a.txt"));
  EXPECT_FALSE(fs::exists(folder / "out/:unpacking"));
}

TEST(CabExtractMore, RefusesPartsOfASet) {
  const TempFolder folder;
  Bytes bytes = fakes::read_bytes(write(folder, small_package()));
  // Flag "a next cabinet follows", and the two names that stand behind the header then.
  bytes[30] = std::byte{2};
  const Bytes names = fakes::bytes_of(std::string("next.cab\0disk\0", 14));
  bytes.insert(bytes.begin() + 36, names.begin(), names.end());
  fakes::write_bytes(folder / "x.cab", bytes);
  const auto package = open_cab(folder / "x.cab");
  ASSERT_FALSE(package);
  EXPECT_EQ(package.error().code, errc::cab_set) << package.error().detail;
}

/// A small cabinet of many names for the same bytes would unpack to any size.
TEST(CabExtractMore, RefusesMembersThatOverlap) {
  const TempFolder folder;
  Bytes bytes = fakes::make_cab({{"man.dsm.xml", "0123456789"}, {"content.cat", "0123456789"}});
  const auto at = std::ranges::search(bytes, fakes::bytes_of("content.cat")).begin() - bytes.begin();
  bytes[static_cast<std::size_t>(at) - 12] = std::byte{5};  // uoffFolderStart
  fakes::write_bytes(folder / "x.cab", bytes);
  const auto package = open_cab(folder / "x.cab");
  ASSERT_FALSE(package);
  EXPECT_EQ(package.error().code, errc::cab_damaged);
  EXPECT_THAT(package.error().detail, HasSubstr("same bytes"));
}

}  // namespace
}  // namespace flashline::imaging
