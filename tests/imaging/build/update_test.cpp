// From one release of packages to the next: which of them devices need.

#include "imaging/build/update.h"

#include <gmock/gmock.h>

#include "imaging/build/stand_in.h"
#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/errors/trust.h"
#include "imaging/package/cab.h"
#include "tests/fakes/command.h"
#include "tests/fakes/signing_line.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{folder}) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

class MakeUpdate : public ::testing::Test {
 protected:
  MakeUpdate() { trust_.allow_unsigned = true; }

  static Package package(const char* name, std::uint16_t build, std::string_view content) {
    Package made;
    made.identity = {.owner = "Contoso",
                     .component = "Panel",
                     .sub_component = name,
                     .culture = {},
                     .resolution = {},
                     .version = {10, 0, 0, build},
                     .name = std::string{"Contoso."} + name};
    const auto bytes = std::as_bytes(std::span{content});
    made.files = {{.device_path = R"(\Windows\a.txt)",
                   .source = std::vector<std::byte>{bytes.begin(), bytes.end()},
                   .size = content.size(),
                   .digest = sha256(bytes)}};
    return made;
  }
  static Package identifier(std::uint16_t build, std::initializer_list<const char*> members) {
    Package made = package("Base.BOARD.MainOS", build, "");
    made.files.clear();
    made.members = {"group BASE", "manifest BOARD"};
    for (const char* one : members) {
      made.members.push_back("Contoso." + std::string{one} + " 10.0.0." + std::to_string(build) + " " +
                             std::string(64, static_cast<char>('0' + build)));
    }
    return made;
  }
  void put(const char* folder, const Package& package, const PackageSigner* signer = nullptr) const {
    fs::create_directories(folder_ / folder);
    const auto written = write_cab(folder_ / folder / (package.identity.name + ".cab"), package, {.signer = signer});
    ASSERT_TRUE(written) << written.error().detail;
  }
  Result<Update> update(const char* out = "out") const {
    const auto before = read_package_set(folder_ / "old");
    EXPECT_TRUE(before);
    return make_update(installed(*before), folder_ / "new", folder_ / out, trust_);
  }
  fakes::TempFolder folder_{"/tmp"};
  TrustPolicy trust_;
};

TEST_F(MakeUpdate, takes_what_is_new_and_what_changed) {
  put("old", package("Same", 1, "same"));
  put("old", package("Changed", 1, "before"));
  put("old", package("Gone", 1, "gone"));
  put("new", package("Same", 2, "same"));  // every package of a build has its version
  put("new", package("Changed", 2, "after"));
  put("new", package("New", 2, "new"));
  const auto made = update();
  ASSERT_TRUE(made) << to_text(made.error());
  EXPECT_THAT(names_in(folder_ / "out"), ElementsAre("Contoso.Changed.cab", "Contoso.New.cab", "update.json"));
  EXPECT_THAT(made->kept, ElementsAre("Contoso.Same"));
  EXPECT_THAT(made->removed, ElementsAre("Contoso.Gone"));
  EXPECT_EQ(fakes::slurp(folder_ / "out/Contoso.New.cab"), fakes::slurp(folder_ / "new/Contoso.New.cab"));
  const std::string list = fakes::slurp(folder_ / "out/update.json");
  EXPECT_THAT(list, HasSubstr(R"("replaces": "10.0.0.1")"));
  EXPECT_THAT(list, HasSubstr(to_hex(made->packages.front().digest)));
}

TEST_F(MakeUpdate, a_changed_package_of_the_same_version_is_an_error_and_nothing_is_left) {
  put("old", package("A", 1, "before"));
  put("old", package("B", 2, "before"));
  put("new", package("A", 1, "after"));
  put("new", package("B", 1, "after"));
  const auto made = update();
  ASSERT_FALSE(made);
  EXPECT_EQ(code_of(made.error().code), code_of(errc::package_not_raised));
  EXPECT_THAT(made.error().detail, HasSubstr("Contoso.A is 10.0.0.1, devices have 10.0.0.1"));
  EXPECT_THAT(made.error().detail, HasSubstr("Contoso.B is 10.0.0.1, devices have 10.0.0.2"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(MakeUpdate, feature_identifiers_go_with_their_packages) {
  put("old", package("A", 1, "a"));
  put("old", identifier(1, {"A"}));
  put("new", package("A", 2, "a"));
  put("new", identifier(2, {"A"}));
  EXPECT_THAT(update()->packages, IsEmpty()) << "nothing changed but versions";
  put("new", package("A", 2, "b"));
  const auto made = update("second");
  ASSERT_TRUE(made);
  EXPECT_THAT(names_in(folder_ / "second"),
              ElementsAre("Contoso.A.cab", "Contoso.Base.BOARD.MainOS.cab", "update.json"));
}

TEST_F(MakeUpdate, takes_only_packages_that_are_signed_as_demanded) {
  const fakes::SigningLine line;
  const PackageSigner signer = line.signer();
  put("old", package("A", 1, "before"));
  put("new", package("A", 2, "after"));
  trust_ = line.policy();
  EXPECT_EQ(code_of(update().error().code), code_of(errc::unsigned_file));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  put("new", package("A", 2, "after"), &signer);
  EXPECT_TRUE(update());
}

TEST_F(MakeUpdate, takes_no_stand_in_and_overwrites_nothing) {
  put("old", package("A", 1, "a"));
  put("new", package("A", 2, "b"));
  folder_.file("taken/there", "already");
  EXPECT_EQ(update("taken").error().code, errc::update_folder);
  fs::create_directory(folder_ / "empty");
  EXPECT_TRUE(update("empty/"));
  put("new", stand_in_for("Contoso.B.cab", "MainOS", CpuType::arm, {10, 0, 0, 2}, "nobody has it"));
  EXPECT_EQ(update("other").error().code, errc::release_stand_in);
}

}  // namespace
}  // namespace flashline::imaging
