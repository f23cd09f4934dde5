// `keys make-test` and `sign` from the outside: who signs, what is signed, what is left alone, what is said of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "imaging/catalog/member_catalog.h"
#include "imaging/source/file_view.h"
#include "imaging/trust/verify_catalog.h"
#include "imaging/trust/verify_signature.h"
#include "tests/fakes/command.h"
#include "tests/fakes/package_files.h"
#include "tests/fakes/signing_line.h"
#include "tests/fakes/soft_token.h"
#include "tests/fakes/time_authority.h"

namespace flashline::line {
namespace {

using fakes::CommandResult;
using fakes::slurp;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* epoch = "SOURCE_DATE_EPOCH=1767225600";

CommandResult flashline(std::vector<std::string> words, std::vector<std::string> variables = {}) {
  words.insert(words.begin(), FLASHLINE_BIN_DIR "/flashline");
  variables.emplace_back(epoch);
  return fakes::run_command(words, variables);
}

/// Keys of a line and of its token, made once.
struct Lab {
  fakes::SigningLine line;
  fakes::SoftToken token{line.own.key.get()};
  std::string pin = line.folder.file("pin.txt", std::string{fakes::token_pin} + "\n");
  std::string wrong_pin = line.folder.file("wrong.txt", "4711-wrong\n");

  std::vector<std::string> by_file() const {
    return {"--key", line.path("signer.key"), "--cert", line.path("signer.pem")};
  }
  std::vector<std::string> by_token() const {
    return {"--key", fakes::SoftToken::uri(), "--cert", line.path("signer.pem"), "--token-driver", fakes::token_driver};
  }
  bool judged_good(const std::string& path, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"osslsigncode", "verify", "-in", path, "-CAfile", line.path("root.pem")};
    words.insert(words.end(), more.begin(), more.end());
    const auto judged = fakes::run_command(words);
    EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
    return judged.exit_code == 0;
  }
};

const Lab& lab() {
  static const Lab all;
  return all;
}

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void write(const std::filesystem::path& path, const std::vector<std::byte>& bytes) {
  std::filesystem::create_directories(path.parent_path());
  fakes::write_text(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::vector<std::byte> package_catalog() {
  return *imaging::build_member_catalog(std::vector<imaging::CatalogMember>{{"man.dsm.xml", sha256({})}}, 1);
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat facts{};
  EXPECT_EQ(::stat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 0777;
}

TEST(KeysMakeTest, MakesAChainWhoseKeysNobodyElseReads) {
  const fakes::TempFolder folder;
  const std::string keys = folder / "line" / "keys";
  const auto made = flashline({"keys", "make-test", keys});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  for (const char* name : {"root.key", "intermediate.key", "signer.key"}) {
    EXPECT_EQ(mode_of(keys + "/" + name), mode_t{0600}) << name;
  }
  const auto judged =
      fakes::run_command({"openssl", "verify", "-x509_strict", "-attime", "1767225600", "-purpose", "any", "-CAfile",
                          keys + "/root.pem", "-untrusted", keys + "/signer.pem", keys + "/signer.pem"});
  EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
  EXPECT_THAT(made.out + made.err, Not(HasSubstr("PRIVATE KEY")));
}

TEST(KeysMakeTest, TouchesNoKeyThatIsThere) {
  const fakes::TempFolder folder;
  folder.file("signer.key", "the only key there is\n");
  const auto made = flashline({"keys", "make-test", folder.path()});
  EXPECT_EQ(made.exit_code, 2);
  EXPECT_EQ(slurp(folder / "signer.key"), "the only key there is\n");
  EXPECT_FALSE(std::filesystem::exists(folder / "root.key"));
}

TEST(KeysMakeTest, WhatTheySignCountsForTestsOnly) {
  const fakes::TempFolder folder;
  const std::string keys = folder / "keys";
  ASSERT_EQ(flashline({"keys", "make-test", keys}).exit_code, 0);
  write(folder / "a.sys", fakes::small_pe());
  const auto done =
      flashline({"sign", folder / "a.sys", "--key", keys + "/signer.key", "--cert", keys + "/signer.pem"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const std::string text = slurp(folder / "a.sys");
  imaging::MemoryView view{std::as_bytes(std::span{text})};
  imaging::TrustPolicy policy;
  policy.anchors = {*imaging::load_anchor(keys + "/root.pem", false)};
  policy.clock.at = fakes::test_now;
  const auto verdict = imaging::verify_pe_signature(view, policy);
  ASSERT_TRUE(verdict) << to_text(verdict.error());
  EXPECT_TRUE(verdict->test_signed);
}

TEST(Sign, SignsAFolderButForHalExtensions) {
  const fakes::TempFolder folder;
  write(folder / "bsp/driver.SYS", fakes::small_pe());
  write(folder / "bsp/deep/tool.exe", fakes::small_pe(false));
  write(folder / "bsp/HalExtTimers.dll", fakes::small_pe());
  write(folder / "bsp/readme.txt", fakes::small_pe());
  write(folder / "bsp/some.cab", fakes::small_cab());
  write(folder / "bsp/some.cat", package_catalog());
  const auto done = flashline(with({"sign", folder / "bsp", "--json"}, lab().by_file()));
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(std::ranges::count(done.out, '\n'), 4) << done.out;
  for (const char* name : {"driver.SYS", "deep/tool.exe", "some.cab", "some.cat"}) {
    EXPECT_TRUE(lab().judged_good(folder / "bsp" / name)) << name;
  }
  for (const char* name : {"HalExtTimers.dll", "readme.txt"}) {
    const std::string text = slurp(folder / "bsp" / name);
    EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span{text}), fakes::small_pe())) << name;
  }
}

TEST(Sign, SignsAHalExtensionThatIsNamed) {
  const fakes::TempFolder folder;
  write(folder / "HalExtTimers.dll", fakes::small_pe());
  ASSERT_EQ(flashline(with({"sign", folder / "HalExtTimers.dll"}, lab().by_file())).exit_code, 0);
  EXPECT_TRUE(lab().judged_good(folder / "HalExtTimers.dll"));
}

TEST(Sign, SignsAnImageWithATimeStamp) {
  const fakes::TempFolder folder;
  const fakes::TimeAuthority authority;
  folder.sparse("disk.img", 4 << 20);
  const std::string image = folder / "panel.ffu";
  ASSERT_EQ(flashline({"image", "import", folder / "disk.img", image, "--allow-unsigned"}).exit_code, 0);
  const auto done = flashline(with({"sign", image, "--time-stamp", authority.config()}, lab().by_file()));
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto verified = flashline({"image", "verify", image, "--trust", lab().line.path("root.pem")});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
}

TEST(Sign, RefusesWhatCannotBeSigned) {
  const fakes::TempFolder folder;
  const auto done = flashline(with({"sign", folder.file("notes.txt", "hello")}, lab().by_file()));
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_THAT(done.err, HasSubstr("error[FL-PKG-085]"));
  EXPECT_EQ(slurp(folder / "notes.txt"), "hello");
}

TEST(Sign, WarnsWhenItsCertificateEndsSoon) {
  const std::time_t soon = std::time(nullptr) + 20 * 24 * 3600 + 60;
  const fakes::SigningLine brief{"Line Intermediate", {.not_after = soon}};
  const std::string path = brief.put("a.sys", fakes::small_pe());
  const auto done = flashline({"sign", path, "--key", brief.path("signer.key"), "--cert", brief.path("signer.pem")});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("warning: the certificates of CN=Flashline Test Signer end in 20 days"));
}

struct TokenCase {
  const char* name;
  std::vector<std::string> (*options)();
  const char* pin;       ///< FLASHLINE_PIN; nullptr: not set
  const char* expected;  ///< code of the error; nullptr: signed
};

class TokenSigning : public ::testing::TestWithParam<TokenCase> {};

TEST_P(TokenSigning, Decides) {
  ASSERT_TRUE(lab().token.good());
  const fakes::TempFolder folder;
  write(folder / "a.cab", fakes::small_cab());
  // The engine, not we, leaks when a login fails.
  std::vector<std::string> variables{"SOFTHSM2_CONF=" + lab().token.config(), "ASAN_OPTIONS=detect_leaks=0"};
  if (GetParam().pin != nullptr) variables.push_back(std::string{"FLASHLINE_PIN="} + GetParam().pin);
  const auto done = flashline(with({"sign", folder / "a.cab"}, GetParam().options()), variables);
  // Promise 8: secrets are in no message.
  EXPECT_THAT(done.out + done.err, Not(HasSubstr("4711")));
  if (GetParam().expected == nullptr) {
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_TRUE(lab().judged_good(folder / "a.cab"));
  } else {
    EXPECT_EQ(done.exit_code, 4) << done.err;
    EXPECT_THAT(done.err, HasSubstr(GetParam().expected));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sign, TokenSigning,
    ::testing::Values(
        TokenCase{"pin_in_a_file", [] { return with(lab().by_token(), {"--passphrase-file", lab().pin}); }, nullptr,
                  nullptr},
        TokenCase{"pin_in_the_environment", [] { return lab().by_token(); }, fakes::token_pin, nullptr},
        TokenCase{"no_pin", [] { return lab().by_token(); }, nullptr, "FL-TRU-044"},
        TokenCase{"wrong_pin_in_a_file", [] { return with(lab().by_token(), {"--passphrase-file", lab().wrong_pin}); },
                  nullptr, "FL-TRU-044"},
        TokenCase{"wrong_pin_in_the_environment", [] { return lab().by_token(); }, "4711-wrong", "FL-TRU-044"},
        TokenCase{"no_such_driver",
                  [] {
                    return std::vector<std::string>{"--key",          fakes::SoftToken::uri(),
                                                    "--cert",         lab().line.path("signer.pem"),
                                                    "--token-driver", "/nowhere.so"};
                  },
                  fakes::token_pin, "FL-TRU-043"}),
    [](const auto& row) { return row.param.name; });

/// A web server that answers as an authority does, once, on any port.
constexpr const char* web_authority = R"py(
import http.server, subprocess, sys
class Authority(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        good = self.path == '/tsa' and self.headers['Content-Type'] == 'application/timestamp-query'
        open(sys.argv[2] + '/query', 'wb').write(self.rfile.read(int(self.headers['Content-Length'])))
        subprocess.run(['openssl', 'ts', '-reply', '-config', sys.argv[1], '-queryfile', sys.argv[2] + '/query',
                        '-out', sys.argv[2] + '/reply'], check=good, capture_output=True)
        self.send_response(200 if good else 404)
        self.end_headers()
        self.wfile.write(open(sys.argv[2] + '/reply', 'rb').read())
    def log_message(self, *words): pass
server = http.server.HTTPServer(('127.0.0.1', 0), Authority)
open(sys.argv[2] + '/port', 'w').write(str(server.server_port) + '\n')
server.timeout = 30
server.handle_request()
)py";

CommandResult sign_through_web(const fakes::TempFolder& folder, const fakes::TimeAuthority& authority,
                               const std::string& page) {
  folder.file("authority.py", web_authority);
  const std::string script =
      "cd \"$1\"; python3 authority.py \"$2\" \"$1\" & while [ ! -s port ]; do sleep 0.02; done; \"$3\" sign a.cab "
      "--key "
      "\"$4\" --cert \"$5\" --time-stamp http://127.0.0.1:$(cat port)/\"$6\"; code=$?; wait; exit $code";
  return fakes::run_command(
      {"sh", "-c", script, "sh", folder.path(), authority.config(), FLASHLINE_BIN_DIR "/flashline",
       lab().line.path("signer.key"), lab().line.path("signer.pem"), page},
      {epoch, "no_proxy=*"});
}

TEST(Sign, AsksAnAuthorityOnTheNetwork) {
  const fakes::TempFolder folder;
  const fakes::TimeAuthority authority;
  write(folder / "a.cab", fakes::small_cab());
  const auto done = sign_through_web(folder, authority, "tsa");
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_TRUE(lab().judged_good(folder / "a.cab", {"-TSA-CAfile", authority.path("root.pem")}));
}

TEST(Sign, LeavesTheFileAsItIsWhenTheAuthorityFails) {
  const fakes::TempFolder folder;
  const fakes::TimeAuthority authority;
  write(folder / "a.cab", fakes::small_cab());
  const auto done = sign_through_web(folder, authority, "elsewhere");
  EXPECT_EQ(done.exit_code, 3) << done.err;
  const std::string text = slurp(folder / "a.cab");
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span{text}), fakes::small_cab()));
}

}  // namespace
}  // namespace flashline::line
