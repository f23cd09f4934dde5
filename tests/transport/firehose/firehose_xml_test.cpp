// What programmers say, and what nobody should believe.
#include "transport/firehose/firehose_xml.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/sahara.h"
#include "transport/firehose/firehose.h"

namespace flashline::transport {
namespace {

constexpr std::string_view head = "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n";

std::string document(std::string_view inside) {
  return std::string{head} + "<data>\n" + std::string{inside} + "</data>";
}

/// The elements as "name a=b; name ...", or the code of the error.
std::string read(std::string_view text) {
  const auto read = read_firehose(text);
  if (!read) return std::string{code_of(read.error().code)};
  std::string shown;
  for (const FirehoseElement& element : read->elements) {
    shown += element.name;
    for (const auto& [name, value] : element.attributes) shown += " " + name + "=" + value;
    shown += ";";
  }
  if (read->used != text.size()) shown += " and " + std::to_string(text.size() - read->used) + " left";
  return shown;
}

struct Case {
  const char* name;
  std::string text;
  std::string_view shows;
};

class FirehoseWords : public testing::TestWithParam<Case> {};
TEST_P(FirehoseWords, AreRead) { EXPECT_EQ(read(GetParam().text), GetParam().shows); }

INSTANTIATE_TEST_SUITE_P(
    Firehose, FirehoseWords,
    testing::Values(
        Case{"nothing", "", ""}, Case{"ack", document("<response value=\"ACK\" />"), "response value=ACK;"},
        Case{"without_space", document("<response value=\"ACK\" rawmode=\"true\"/>"),
             "response value=ACK rawmode=true;"},
        Case{"single_quotes", document("<response value='NAK'/>"), "response value=NAK;"},
        Case{"no_declaration", "<data><log value=\"x\"/></data>", "log value=x;"},
        Case{"closed_by_a_tag", document("<log value=\"x\"></log>"), "log value=x;"},
        Case{"two_documents", document("<log value=\"x\"/>") + document("<response value=\"ACK\"/>"),
             "log value=x;response value=ACK;"},
        Case{"two_in_one", document("<log value=\"x\"/><log value=\"y\"/>"), "log value=x;log value=y;"},
        Case{"comment", document("<!-- > --><log value=\"x\"/>"), "log value=x;"},
        Case{"padded_with_zeros", document("<log value=\"x\"/>") + std::string(20, '\0'), "log value=x;"},
        Case{"quotes_in_a_log", document("<log value=\"INFO: {\"total_blocks\":7, \"name\":\"a/b\"}\" />"),
             "log value=INFO: {\"total_blocks\":7, \"name\":\"a/b\"};"},
        Case{"tag_in_a_log", document("<log value=\"a <b> c\" />"), "log value=a <b> c;"},
        Case{"entities", document("<log value=\"&quot;&amp;&lt;&gt;&apos;&bomb;\" />"), "log value=\"&<>'&bomb;;"},
        Case{"half", document("<log value=\"x\"/>") + std::string{head} + "<data><resp", "log value=x; and 11 left"},
        Case{"half_a_value", "<data><response value=\"AC", " and 25 left"},
        Case{"half_a_log", "<data><log value=\"AC\"", " and 21 left"}, Case{"half_a_sign", "<", " and 1 left"},
        Case{"without_its_end", "<data><log value=\"x\"/>", " and 22 left"},
        Case{"document_type", "<!DOCTYPE data [<!ENTITY a \"aaaa\">]><data>&a;</data>", "FL-EDL-020"},
        Case{"entity", "<data><!ENTITY a \"aaaa\"></data>", "FL-EDL-020"},
        Case{"binary", std::string("\xff\xfe\x00\x01", 4), "FL-EDL-020"}, Case{"words", "login:", "FL-EDL-020"},
        Case{"text_inside", document("words"), "FL-EDL-020"},
        Case{"value_without_quotes", "<data><a b=c/></data>", "FL-EDL-020"},
        Case{"no_value", "<data><a b/></data>", "FL-EDL-020"},
        Case{"no_name", "<data><a =\"b\"/></data>", "FL-EDL-020"},
        Case{"controls_stay", document("<log value=\"\x01\"/>"), "log value=\x01;"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(FirehoseWords, HaveLimits) {
  std::string many;
  for (std::size_t each = 0; each <= firehose_element_limit; ++each) many += "<a/>";
  EXPECT_EQ(read(document(many)), "FL-EDL-020");
  std::string broad = "<a";
  for (int each = 0; each < 40; ++each) broad += " a" + std::to_string(each) + "=\"\"";
  EXPECT_EQ(read(document(broad + "/>")), "FL-EDL-020");
  EXPECT_EQ(read("<data><log value=\"" + std::string(firehose_text_limit, 'x')), "FL-EDL-020");
}

TEST(FirehoseWords, AreFoundByNameInAnyCase) {
  const auto text =
      read_firehose(document("<response MaxPayload=\"4096\" hex=\"0x10\" bad=\"12x\" huge=\"99999999999999999999\"/>"));
  const FirehoseElement& element = text->elements.at(0);
  EXPECT_EQ(element.number("maxpayload"), 4096U);
  EXPECT_EQ(element.number("hex"), 16U);
  EXPECT_FALSE(element.number("bad"));
  EXPECT_FALSE(element.number("huge"));
  EXPECT_FALSE(element.number("none"));
}

TEST(FirehoseCommand, IsOneDocument) {
  const std::string text = firehose_command("configure", {{"MemoryName", "e\"m<c"}, {"Verbose", "0"}});
  EXPECT_EQ(read(text), "configure MemoryName=e\"m<c Verbose=0;");
}

struct StorageCase {
  const char* name;
  std::vector<std::string> logs;
  std::string_view shows;
};

class FirehoseStorageLogs : public testing::TestWithParam<StorageCase> {};
TEST_P(FirehoseStorageLogs, Tell) {
  const auto found = storage_in(GetParam().logs);
  EXPECT_EQ(found ? std::to_string(found->sectors) + "x" + std::to_string(found->sector_size) + " " + found->name
                  : std::string{code_of(found.error().code)},
            GetParam().shows);
}

INSTANTIATE_TEST_SUITE_P(
    Firehose, FirehoseStorageLogs,
    testing::Values(StorageCase{"json",
                                {"INFO: {\"storage_info\": {\"total_blocks\":15269888, \"block_size\":512, "
                                 "\"serial_num\":77,\"prod_name\":\"8GME4R\"}}"},
                                "15269888x512 8GME4R 77"},
                    StorageCase{
                        "lines",
                        {"INFO: Device Total Logical Blocks: 0xe90000", "INFO: Device Block Size in Bytes: 0x200"},
                        "15269888x512 "},
                    StorageCase{"ufs", {"{\"total_blocks\":30119936, \"block_size\":4096}"}, "30119936x4096 "},
                    StorageCase{"control_characters",
                                {"{\"total_blocks\":8, \"block_size\":512, \"prod_name\":\"A\x01\x7f"
                                 "B\"}"},
                                "8x512 A??B "},
                    StorageCase{"nothing", {}, "FL-EDL-022"},
                    StorageCase{"no_size_of_a_block", {"\"total_blocks\":8"}, "FL-EDL-022"},
                    StorageCase{"odd_blocks", {"\"total_blocks\":8 \"block_size\":500"}, "FL-EDL-022"},
                    StorageCase{"no_blocks", {"\"total_blocks\":0 \"block_size\":512"}, "FL-EDL-022"},
                    StorageCase{"too_many", {"\"total_blocks\":18446744073709551615 \"block_size\":512"}, "FL-EDL-022"},
                    StorageCase{"cut_off", {"\"total_blocks\":"}, "FL-EDL-022"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(FirehoseDigest, IsTheOnlyLongRunOfHex) {
  const std::string digits = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
  ASSERT_TRUE(digest_in("Digest 0x" + digits + " of 8 sectors"));
  EXPECT_EQ(to_hex(*digest_in(digits)).substr(0, 8), "00112233");
  EXPECT_FALSE(digest_in(digits + "0"));
  EXPECT_FALSE(digest_in(digits.substr(1)));
  EXPECT_FALSE(digest_in(""));
}

}  // namespace
}  // namespace flashline::transport
