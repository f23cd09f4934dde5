// The image commands from the outside: the real program on good and bad files, its exit codes, what it leaves behind.

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "flasher/cli/command.h"
#include "tests/fakes/command.h"
#include "tests/fakes/ffu_builder.h"
#include "tests/fakes/signing_keys.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
using fakes::CommandResult;
using fakes::slurp;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* epoch = "SOURCE_DATE_EPOCH=1767225600";
constexpr std::uint64_t disk_size = 4 * 1024 * 1024;

CommandResult flashline(std::vector<std::string> words, const std::vector<std::string>& variables = {epoch}) {
  words.insert(words.begin(), FLASHLINE_BIN_DIR "/flashline");
  return fakes::run_command(words, variables);
}

/// A GPT disk with two partitions that hold recognisable bytes.
std::string make_disk(const fakes::TempFolder& folder) {
  const std::string path = folder.sparse("disk.img", disk_size);
  fakes::run_command({"sh", "-c",
                      "printf 'label: gpt\\nlabel-id: 11111111-2222-3333-4444-555555555555\\n"
                      "start=2048,size=2048,name=boot,uuid=11111111-2222-3333-4444-000000000001\\n"
                      "start=4096,size=2000,name=data,uuid=11111111-2222-3333-4444-000000000002\\n' | sfdisk -q " +
                          path});
  std::fstream disk{path, std::ios::in | std::ios::out | std::ios::binary};
  disk.seekp(1024 * 1024);
  for (int i = 0; i < 30'000; ++i) disk << "boot " << i << '\n';
  disk.seekp(2 * 1024 * 1024 + 500'000);
  for (int i = 0; i < 5'000; ++i) disk << "data " << i << '\n';
  return path;
}

/// Keys, certificates, a disk and its signed images; made once.
class Lab {
 public:
  fakes::TempFolder folder;
  fakes::Identity root = fakes::make_identity(fakes::authority_form("Line Root"));
  fakes::Identity own = fakes::make_identity({}, &root);
  fakes::Identity expired = fakes::make_identity({.name = "Old", .not_after = fakes::test_now - 3600}, &root);
  fakes::Identity stranger = fakes::make_identity({.name = "Stranger"});
  std::string disk = make_disk(folder);

  Lab() {
    put("ca.pem", fakes::pem_of(root.certificate.get()));
    put("encrypted.key", fakes::pem_of(own.key.get(), "secret words"));
    put_identity("own", own);
    put_identity("old", expired);
    put_identity("stranger", stranger);
    for (const char* name : {"own", "old", "stranger"}) {
      import_as(std::string{name} + ".ffu",
                {"--key", path(std::string{name} + ".key"), "--cert", path(std::string{name} + ".pem")});
    }
    import_as("unsigned.ffu", {"--allow-unsigned"});
    make_bad_images();
    put("garbage.img.xz", std::string{"\xFD"
                                      "7zXZ\0",
                                      6} +
                              std::string(100, 'x'));
  }

  std::string path(const std::string& name) const { return folder / name; }
  void put(const std::string& name, const std::string& text) const { fakes::write_text(folder / name, text); }

 private:
  void put_identity(const std::string& name, const fakes::Identity& identity) const {
    put(name + ".key", fakes::pem_of(identity.key.get()));
    put(name + ".pem", fakes::pem_of(identity.certificate.get()));
  }
  void import_as(const std::string& name, const std::vector<std::string>& how) const {
    std::vector<std::string> words{"image", "import", disk, path(name), "--platform", "Contoso.Panel.P100"};
    words.insert(words.end(), how.begin(), how.end());
    const CommandResult made = flashline(words);
    EXPECT_EQ(made.exit_code, 0) << made.err;
  }
  void make_bad_images() const {
    const std::string good = slurp(path("own.ffu"));
    const auto flipped = [&](std::size_t at) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      return bad;
    };
    put("cut_header.ffu", good.substr(0, 20));
    put("cut_half.ffu", good.substr(0, good.size() / 2));
    put("cut_last.ffu", good.substr(0, good.size() - 1));
    put("longer.ffu", good + std::string(4096, 'x'));
    put("bad_payload.ffu", flipped(good.size() - 1000));
    put("bad_metadata.ffu", flipped(128 * 1024 + 40));
    put("bad_catalog.ffu", flipped(32 + 1));
    put("bad_table.ffu", flipped(table_at(good) + 8));
    put("forged.ffu", flipped(table_at(good) - 8));
    fakes::FakeFfu other = fakes::smallest_v1();
    other.stores[0].version[0] = 9;
    const fakes::Bytes bytes = other.build();
    put("version_9.ffu", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  /// Offset of the hash table; the catalog, which ends with the signature, lies before it.
  static std::size_t table_at(const std::string& ffu) {
    std::size_t size = 0;
    for (int i = 3; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(ffu[24 + static_cast<std::size_t>(i)]);
    return 32 + size;
  }
};

const Lab& lab() {
  static const Lab all;
  return all;
}

/// Puts the lab's folder where a word begins with '@'.
std::vector<std::string> with_paths(std::vector<std::string> words) {
  for (std::string& word : words) {
    if (word.starts_with('@')) word = lab().path(word.substr(1));
  }
  return words;
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator{folder}) names.insert(entry.path().filename().string());
  return names;
}

struct Row {
  const char* name;
  std::vector<std::string> words;
  int exit_code;
  const char* says;  ///< on standard error
};

class Refusal : public ::testing::TestWithParam<Row> {};

TEST_P(Refusal, HasItsCodeAndLeavesTheWorldAsItIs) {
  const auto before = names_in(lab().folder.path());
  const std::string good = slurp(lab().path("own.ffu"));
  const CommandResult run = flashline(with_paths(GetParam().words));
  EXPECT_EQ(run.exit_code, GetParam().exit_code) << run.err;
  EXPECT_THAT(run.err, HasSubstr(GetParam().says));
  EXPECT_THAT(run.err, HasSubstr("error[FL-"));
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_EQ(names_in(lab().folder.path()), before);
  EXPECT_TRUE(slurp(lab().path("own.ffu")) == good);
}

Row verify(const char* name, const char* file, int exit_code, const char* says) {
  return {name, {"image", "verify", file, "--trust", "@ca.pem"}, exit_code, says};
}

INSTANTIATE_TEST_SUITE_P(
    Verify, Refusal,
    ::testing::Values(
        verify("missing", "@nothing.ffu", 3, "FL-IMG-001"), verify("cut_header", "@cut_header.ffu", 3, "FL-IMG-004"),
        verify("cut_half", "@cut_half.ffu", 3, "FL-IMG-"), verify("cut_last", "@cut_last.ffu", 3, "FL-IMG-"),
        verify("oversized", "@longer.ffu", 3, "FL-IMG-"), verify("bad_payload", "@bad_payload.ffu", 3, "FL-IMG-005"),
        verify("bad_metadata", "@bad_metadata.ffu", 3, "FL-IMG-005"),
        verify("bad_table", "@bad_table.ffu", 3, "FL-IMG-114"),
        verify("bad_catalog", "@bad_catalog.ffu", 3, "FL-IMG-111"), verify("forged", "@forged.ffu", 4, "FL-TRU-002"),
        verify("unsigned", "@unsigned.ffu", 4, "FL-TRU-001"), verify("expired", "@old.ffu", 4, "FL-TRU-004"),
        verify("wrongly_signed", "@stranger.ffu", 4, "FL-TRU-003"),
        verify("raw_is_unsigned", "@disk.img", 4, "FL-TRU-001"),
        Row{"nobody_is_trusted", {"image", "verify", "@own.ffu"}, 4, "--trust"},
        Row{"wrong_version", {"image", "verify", "@version_9.ffu", "--allow-unsigned"}, 3, "FL-IMG-"},
        Row{"not_pinned",
            {"image", "verify", "@own.ffu", "--trust", "@ca.pem", "--pin", std::string(64, '0')},
            4,
            "FL-TRU-006"},
        Row{"other_file_digest",
            {"image", "verify", "@own.ffu", "--trust", "@ca.pem", "--sha256", std::string(64, '0')},
            4,
            "FL-TRU-010"},
        Row{"not_yet_valid",
            {"image", "verify", "@own.ffu", "--trust", "@ca.pem", "--clock", "2001-01-01T00:00:00Z"},
            4,
            "FL-TRU-005"},
        Row{"anchor_missing", {"image", "verify", "@own.ffu", "--trust", "@none.pem"}, 3, "FL-IMG-115"},
        Row{"broken_compression", {"image", "verify", "@garbage.img.xz", "--allow-unsigned"}, 3, "FL-IMG-"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Usage, Refusal,
    ::testing::Values(
        Row{"no_command", {}, 2, "no command given"},
        Row{"unknown_command", {"image", "vreify", "x"}, 2, "did you mean image verify?"},
        Row{"unknown_option", {"image", "verify", "@own.ffu", "--trsut", "x"}, 2, "did you mean --trust?"},
        Row{"no_operand", {"image", "verify"}, 2, "needs F"},
        Row{"bad_pin", {"image", "verify", "@own.ffu", "--pin", "12"}, 2, "64 hex digits"},
        Row{"bad_clock", {"image", "verify", "@own.ffu", "--clock", "yesterday"}, 2, "--clock yesterday"},
        Row{"bad_size",
            {"image", "extract", "@own.ffu", "@x.img", "--trust", "@ca.pem", "--size", "big"},
            2,
            "--size big"},
        Row{"no_such_store",
            {"image", "extract", "@own.ffu", "@x.img", "--trust", "@ca.pem", "--store", "2"},
            2,
            "no store 2"},
        Row{"import_without_key", {"image", "import", "@disk.img", "@x.ffu"}, 2, "--allow-unsigned"},
        Row{"key_without_certificate", {"image", "import", "@disk.img", "@x.ffu", "--key", "@own.key"}, 2, "give both"},
        Row{"unknown_format",
            {"image", "import", "@disk.img", "@x.ffu", "--allow-unsigned", "--format", "v3"},
            2,
            "v1 or v2"},
        Row{"output_is_the_input",
            {"image", "import", "@disk.img", "@disk.img", "--allow-unsigned"},
            2,
            "also the input"},
        Row{"sign_without_key", {"image", "sign", "@own.ffu"}, 2, "--key"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Write, Refusal,
    ::testing::Values(
        Row{"extract_untrusted",
            {"image", "extract", "@stranger.ffu", "@x.img", "--trust", "@ca.pem"},
            4,
            "FL-TRU-003"},
        Row{"extract_damaged",
            {"image", "extract", "@bad_payload.ffu", "@x.img", "--trust", "@ca.pem"},
            3,
            "FL-IMG-005"},
        Row{"extract_over_another",
            {"image", "extract", "@bad_payload.ffu", "@own.ffu", "--trust", "@ca.pem"},
            3,
            "FL-IMG-005"},
        Row{"extract_too_small",
            {"image", "extract", "@own.ffu", "@x.img", "--trust", "@ca.pem", "--size", "1MiB"},
            5,
            "FL-TGT-002"},
        Row{"extract_to_no_folder",
            {"image", "extract", "@own.ffu", "@no/x.img", "--trust", "@ca.pem"},
            3,
            "FL-IMG-003"},
        Row{"extract_to_a_device",
            {"image", "extract", "@own.ffu", "/dev/null", "--trust", "@ca.pem"},
            3,
            "FL-IMG-003"},
        Row{"sign_damaged",
            {"image", "sign", "@bad_payload.ffu", "--key", "@own.key", "--cert", "@own.pem"},
            3,
            "FL-IMG-005"},
        Row{"sign_with_foreign_certificate",
            {"image", "sign", "@own.ffu", "--key", "@own.key", "--cert", "@stranger.pem"},
            3,
            "FL-IMG-119"},
        Row{"sign_with_encrypted_key",
            {"image", "sign", "@own.ffu", "--key", "@encrypted.key", "--cert", "@own.pem"},
            3,
            "FL-IMG-117"},
        Row{"sign_raw", {"image", "sign", "@disk.img", "--key", "@own.key", "--cert", "@own.pem"}, 3, "FL-IMG-"},
        Row{"import_garbage", {"image", "import", "@garbage.img.xz", "@own.ffu", "--allow-unsigned"}, 3, "FL-IMG-"},
        Row{"import_an_ffu", {"image", "import", "@own.ffu", "@x.ffu", "--allow-unsigned"}, 4, "FL-TRU-003"}),
    [](const auto& row) { return row.param.name; });

TEST(ImageImport, IsReproducible) {
  const fakes::TempFolder folder;
  const std::string again = folder / "again.ffu";
  const CommandResult run = flashline(with_paths({"image", "import", "@disk.img", again, "--platform",
                                                  "Contoso.Panel.P100", "--key", "@own.key", "--cert", "@own.pem"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(slurp(again) == slurp(lab().path("own.ffu")));
}

class Format : public ::testing::TestWithParam<const char*> {};

TEST_P(Format, GivesTheDiskBack) {
  const fakes::TempFolder folder;
  const std::string ffu = folder / "a.ffu";
  std::vector<std::string> words{"image",    "import", "@disk.img", ffu,        "--key",
                                 "@own.key", "--cert", "@own.pem",  "--format", GetParam()};
  if (std::string_view{GetParam()} == "v2")
    words.insert(words.end(), {"--device-path", "VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)"});
  const CommandResult made = flashline(with_paths(words));
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const CommandResult verified = flashline(with_paths({"image", "verify", ffu, "--trust", "@ca.pem"}));
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_THAT(verified.out, HasSubstr("trusted by"));
  const std::string out = folder / "a.img";
  const CommandResult extracted = flashline(with_paths({"image", "extract", ffu, out, "--trust", "@ca.pem"}));
  ASSERT_EQ(extracted.exit_code, 0) << extracted.err;
  EXPECT_TRUE(slurp(out) == slurp(lab().disk));
  EXPECT_EQ(names_in(folder.path()), (std::set<std::string>{"a.ffu", "a.img"}));
}

INSTANTIATE_TEST_SUITE_P(Image, Format, ::testing::Values("v1", "v2"),
                         [](const auto& row) { return std::string{row.param}; });

TEST(ImageSign, ReplacesTheSignatureAndNothingElse) {
  const fakes::TempFolder folder;
  const std::string out = folder / "ours.ffu";
  const CommandResult run = flashline(
      with_paths({"image", "sign", "@stranger.ffu", "--out", out, "--key", "@own.key", "--cert", "@own.pem"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(flashline(with_paths({"image", "verify", out, "--trust", "@ca.pem"})).exit_code, 0);
  EXPECT_EQ(flashline(with_paths({"image", "diff", out, "@own.ffu", "--trust", "@ca.pem"})).exit_code, 0);
  EXPECT_TRUE(slurp(out) == slurp(lab().path("own.ffu")));
}

TEST(ImageSign, OpensAnEncryptedKeyWithItsPassphraseFile) {
  const fakes::TempFolder folder;
  const std::string out = folder / "ours.ffu";
  const std::string passphrase = fakes::write_text(folder / "passphrase", "secret words\n");
  const CommandResult run =
      flashline(with_paths({"image", "sign", "@unsigned.ffu", "--out", out, "--key", "@encrypted.key", "--cert",
                            "@own.pem", "--passphrase-file", passphrase}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out + run.err, ::testing::Not(HasSubstr("secret")));
}

TEST(ImageSign, IsVerifiedByOsslsigncode) {
  const fakes::TempFolder folder;
  const std::string ffu = slurp(lab().path("own.ffu"));
  const auto size = static_cast<unsigned char>(ffu[24]) | static_cast<unsigned char>(ffu[25]) << 8;
  const std::string catalog = fakes::write_text(folder / "own.cat", ffu.substr(32, static_cast<std::size_t>(size)));
  const CommandResult judged =
      fakes::run_command({"osslsigncode", "verify", "-in", catalog, "-CAfile", lab().path("ca.pem")});
  EXPECT_EQ(judged.exit_code, 0) << judged.out << judged.err;
}

TEST(ImageInfo, ShowsAnUntrustedImageAndSaysSo) {
  for (const auto& [file, says] : std::map<std::string, std::string>{
           {"@own.ffu", "not checked"}, {"@stranger.ffu", "not checked"}, {"@unsigned.ffu", "not signed"}}) {
    const CommandResult run = flashline(with_paths({"image", "info", file}));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr(says)) << file;
    EXPECT_THAT(run.out, HasSubstr("boot at 1048576"));
  }
  const CommandResult refused = flashline(with_paths({"image", "info", "@stranger.ffu", "--trust", "@ca.pem"}));
  EXPECT_EQ(refused.exit_code, 0);
  EXPECT_THAT(refused.out, HasSubstr("NOT TRUSTED"));
}

TEST(ImageInfo, GivesOneJsonObject) {
  const CommandResult run = flashline(with_paths({"--json", "image", "info", "@own.ffu", "--trust", "@ca.pem"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto info = boost::json::parse(run.out);
  EXPECT_EQ(info.at("format").as_string(), "ffu-v1");
  EXPECT_EQ(info.at("table").as_string(), "gpt");
  EXPECT_TRUE(info.at("trust").at("trusted").as_bool());
  EXPECT_EQ(info.at("trust").at("signer").as_string(), "CN=Flashline Test Signer");
  EXPECT_EQ(info.at("partitions").as_array().size(), 2U);
  EXPECT_EQ(info.at("stores").at(0).at("platform_ids").at(0).as_string(), "Contoso.Panel.P100");
}

TEST(ImageDiff, NamesPartitionAndRanges) {
  const fakes::TempFolder folder;
  std::string changed = slurp(lab().disk);
  changed[1024 * 1024 + 5000] = '!';
  changed[2 * 1024 * 1024 + 500'000] = '!';
  const std::string other = fakes::write_text(folder / "other.img", changed);
  const CommandResult run =
      flashline(with_paths({"image", "diff", "@own.ffu", other, "--trust", "@ca.pem", "--allow-unsigned"}));
  EXPECT_EQ(run.exit_code, 1) << run.err;
  EXPECT_THAT(run.out, HasSubstr("partition 1 boot: 4.0 KiB in 1 range"));
  EXPECT_THAT(run.out, HasSubstr("  sector 2056 +8"));
  EXPECT_THAT(run.out, HasSubstr("partition 2 data: 4.0 KiB in 1 range"));
}

TEST(ImageDiff, FindsAnImageAndItsDiskEqual) {
  const CommandResult run =
      flashline(with_paths({"image", "diff", "@own.ffu", "@disk.img", "--trust", "@ca.pem", "--allow-unsigned"}));
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
}

TEST(Json, EndsAFailureWithItsError) {
  const CommandResult run = flashline(with_paths({"image", "verify", "@unsigned.ffu", "--json"}));
  EXPECT_EQ(run.exit_code, 4);
  const auto record = boost::json::parse(run.out);
  EXPECT_EQ(record.at("type").as_string(), "error");
  EXPECT_EQ(record.at("error").at("code").as_string(), "FL-TRU-001");
}

TEST(Json, StreamsProgressAndThenTheResult) {
  const CommandResult run = flashline(with_paths({"image", "verify", "@own.ffu", "--trust", "@ca.pem", "--json"}));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  std::istringstream lines{run.out};
  std::vector<std::string> types;
  for (std::string line; std::getline(lines, line);) {
    types.emplace_back(boost::json::parse(line).at("type").as_string());
  }
  EXPECT_EQ(types.front(), "progress");
  EXPECT_EQ(types.back(), "result");
}

TEST(Cli, SaysWhenItsAnswerCouldNotBeWritten) {
  const std::string program = FLASHLINE_BIN_DIR "/flashline";
  const CommandResult run = fakes::run_command({"sh", "-c", program + " image info " + lab().disk + " > /dev/full"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("FL-IMG-003"));
}

TEST(Cli, RefusesANonsenseBuildTime) {
  const fakes::TempFolder folder;
  const std::string out = folder / "x.ffu";
  const CommandResult run =
      flashline({"image", "import", lab().disk, out, "--allow-unsigned"}, {"SOURCE_DATE_EPOCH=tomorrow"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("SOURCE_DATE_EPOCH"));
}

TEST(Help, OfEachCommandListsItsOptionsAndExamples) {
  for (const Command& command : all_commands()) {
    std::vector<std::string> words;
    std::istringstream name{std::string{command.name}};
    for (std::string word; name >> word;) words.push_back(word);
    words.emplace_back("--help");
    const CommandResult run = flashline(words);
    EXPECT_EQ(run.exit_code, 0) << command.name;
    for (const Option& option : command.options) EXPECT_THAT(run.out, HasSubstr(option.name)) << command.name;
    EXPECT_FALSE(command.examples.empty()) << command.name;
    for (const auto example : command.examples) EXPECT_THAT(run.out, HasSubstr(example)) << command.name;
  }
}

TEST(Help, OverviewListsEachCommand) {
  const CommandResult run = flashline({"--help"});
  EXPECT_EQ(run.exit_code, 0);
  for (const Command& command : all_commands()) EXPECT_THAT(run.out, HasSubstr(command.name));
}

}  // namespace
}  // namespace flashline::line
