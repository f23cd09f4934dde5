#include "imaging/core/xml_document.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

#include "imaging/core/errors/build.h"
#include "imaging/core/text_places.h"

namespace flashline {
namespace {

constexpr XmlRules rules{.max_bytes = 64'000'000,
                         .max_depth = 32,
                         .too_large = errc::xml_too_large,
                         .encoding = errc::xml_encoding,
                         .not_well_formed = errc::xml_not_well_formed,
                         .doctype = errc::xml_doctype};

/// One byte after another.
std::string counted(std::string_view text, std::size_t offset) {
  std::size_t line = 1, column = 1;
  for (std::size_t i = 0; i < offset; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (i < 3 && text.starts_with("\xEF\xBB\xBF")) continue;
    if (c == '\n') {
      ++line;
      column = 1;
    } else if (c >> 6U != 2) {
      ++column;
    }
  }
  return std::to_string(line) + ":" + std::to_string(column);
}

TEST(TextPlaces, count_lines_and_characters) {
  std::mt19937 random{7};
  for (const char* start : {"", "\xEF\xBB\xBF"}) {
    std::string text = start;
    while (text.size() < 10'000) {
      const std::string_view pieces[] = {"a", "\xC3\xBC", "\xE2\x82\xAC", "\n", "long words without an end "};
      text += pieces[random() % 5];
    }
    const TextPlaces places{text};
    for (std::size_t offset = 0; offset <= text.size(); offset += 1 + random() % 40) {
      EXPECT_EQ(places.at(text, offset), counted(text, offset)) << offset;
    }
    EXPECT_EQ(places.at(text, text.size() + 9), counted(text, text.size()));
  }
}

/// A file of one line, which programs write: each of these took minutes when it took the square of the elements.
TEST(XmlDocument, long_lines_cost_no_more_than_short_ones) {
  constexpr std::size_t count = 100'000;
  std::string text = "<root>";
  for (std::size_t i = 0; i < count; ++i) text += " <element name=\"some long enough text\"/>";
  const auto document = parse_xml(text + "</root>", "long.xml", rules);
  ASSERT_TRUE(document) << document.error().detail;
  ASSERT_EQ(document->root.children.size(), count);
  std::size_t letters = 0;
  for (const XmlElement& element : document->root.children) letters += document->where(element.offset).size();
  EXPECT_GT(letters, count);
  EXPECT_EQ(document->where(document->root.children.back().offset),
            "long.xml:1:" + std::to_string(text.rfind('<') + 2));
}

TEST(XmlDocument, many_attributes_cost_no_more_than_few) {
  std::string text = "<root";
  for (int i = 0; i < 100'000; ++i) text += " a" + std::to_string(i) + "=\"\"";
  EXPECT_TRUE(parse_xml(text + "/>", "wide.xml", rules));
  const auto twice = parse_xml(text + " a7=\"\"/>", "wide.xml", rules);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().detail,
            "wide.xml:1:" + std::to_string(text.size() + 2) + ": attribute 'a7' stands twice in <root>");
}

}  // namespace
}  // namespace flashline
