// SMBIOS.CFG: real files, and each line that firmware would not understand.

#include "imaging/build/smbios_config.h"

#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/core/errors/build.h"

namespace flashline::imaging {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

Result<SmbiosConfig> parsed(std::string_view text) {
  return parse_smbios_config(std::as_bytes(std::span{text}), "S.CFG");
}

TEST(SmbiosConfig, ReadsEveryKindOfLine) {
  const auto config = parsed(
      "\xEF\xBB\xBF# remark\r\n\r\nCFG:01.01\rVER:02.03\nVER:02.06\n01,04,S,\"Contoso, Inc\"\n"
      "11,0E,I,0A 0b\nADD:0B 05 0000\n0B,XX,S,\"\xEC\x9D\xB4\"\n");
  ASSERT_TRUE(config) << config.error().detail;
  EXPECT_EQ(config->format, "01.01");
  EXPECT_THAT(config->versions, ElementsAre("02.03", "02.06"));
  ASSERT_EQ(config->fields.size(), 3U);
  EXPECT_EQ(config->fields[0].type, 1);
  EXPECT_EQ(config->fields[0].offset, 4);
  EXPECT_EQ(config->fields[0].text, "Contoso, Inc");
  EXPECT_FALSE(config->fields[1].is_text);
  EXPECT_THAT(config->fields[1].bytes, ElementsAre(0x0A, 0x0B));
  EXPECT_EQ(config->fields[2].offset, std::nullopt);
  EXPECT_EQ(config->fields[2].text, "\xEC\x9D\xB4");
  EXPECT_THAT(config->additions, ElementsAre(ElementsAre(0x0B, 0x05, 0, 0)));
}

TEST(SmbiosConfig, ReadsTheRealFiles) {
  const std::filesystem::path data{FLASHLINE_SOURCE_DIR
                                   "/tests/data/iot-workspace/iot-adk-addonkit/Workspace/Source-arm"};
  struct Real {
    const char* path;
    const char* maker;
  };
  for (const Real& real : {Real{"Products/SecureSample/SMBIOS.CFG", "Contoso"},
                           Real{"BSP/QCDB410C/OEMInputSamples/SMBIOS.CFG", "{OEMNAME}"},
                           Real{"BSP/QCDB410C/Packages/Custom.SMBIOS/SMBIOS.CFG", ""}}) {
    const auto config = read_smbios_config(data / real.path);
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->format, "01.01");
    EXPECT_THAT(config->versions, ElementsAre("02.03", "02.06"));
    EXPECT_EQ(config->additions.size(), 2U) << real.path;
    EXPECT_EQ(config->fields.size(), 15U) << real.path;
    if (*real.maker != '\0') EXPECT_EQ(config->fields[0].text, real.maker);
  }
}

struct Refused {
  const char* name;
  std::string text;
  const char* place;
  const char* detail;
};
class SmbiosConfigRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(SmbiosConfigRefuses, WithItsPlace) {
  const auto config = parsed(GetParam().text);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, errc::smbios_config);
  EXPECT_THAT(config.error().detail, StartsWith(std::string{"S.CFG:"} + GetParam().place + ": "));
  EXPECT_THAT(config.error().detail, HasSubstr(GetParam().detail));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, SmbiosConfigRefuses,
    ::testing::Values(Refused{"nothing", "# only a remark\n", "2:1", "no CFG"},
                      Refused{"no_format_first", "VER:02.03\nCFG:01.01\n", "1:1", "first entry is CFG"},
                      Refused{"format_twice", "CFG:01.01\nCFG:01.01\n", "2:1", "second CFG"},
                      Refused{"format_word", "CFG:1\n", "1:5", "'1' is no version"},
                      Refused{"version_word", "CFG:01.01\nVER:2.3\n", "2:5", "'2.3' is no version"},
                      Refused{"strange_line", "CFG:01.01\nhello\n", "2:1", "neither"},
                      Refused{"type", "CFG:01.01\n0G,04,S,\"x\"\n", "2:1", "type"},
                      Refused{"offset", "CFG:01.01\n01,4x,S,\"x\"\n", "2:4", "offset"},
                      Refused{"offset_open_for_numbers", "CFG:01.01\n01,XX,I,00\n", "2:4", "offset"},
                      Refused{"kind", "CFG:01.01\n01,04,B,00\n", "2:7", "S or I"},
                      Refused{"text_without_quotes", "CFG:01.01\n01,04,S,Contoso\n", "2:9", "quotes"},
                      Refused{"text_half_quoted", "CFG:01.01\n01,04,S,\"\n", "2:9", "quotes"},
                      Refused{"quote_inside", "CFG:01.01\n01,04,S,\"a\"b\"\n", "2:9", "quote inside"},
                      Refused{"odd_digits", "CFG:01.01\n01,04,I,123\n", "2:9", "3 hexadecimal digits"},
                      Refused{"no_digits", "CFG:01.01\nADD: \n", "2:5", "0 hexadecimal digits"},
                      Refused{"no_hex", "CFG:01.01\nADD:0B 0x\n", "2:9", "'x'"},
                      Refused{"not_utf8", "CFG:01.01\n01,04,S,\"\xFF\"\n", "2:10", "UTF-8"},
                      Refused{"last_line_without_end", "CFG:01.01\n01,04,S,\"x\"", "2:1", "no end"}),
    [](const auto& row) { return row.param.name; });

TEST(SmbiosConfig, RefusesWhatCannotBeRead) {
  EXPECT_EQ(read_smbios_config("/nonexistent/SMBIOS.CFG").error().code, errc::input_open);
  EXPECT_EQ(read_smbios_config("/").error().code, errc::input_open);
}

}  // namespace
}  // namespace flashline::imaging
