#include "imaging/package/registry_text.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/unicode.h"

namespace flashline::imaging {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> out;
  for (const char c : text) out.push_back(static_cast<std::byte>(c));
  return out;
}

/// As a hive stores text: UTF-16LE with its NUL.
std::vector<std::byte> wide(std::u16string_view text, bool end = true) {
  std::vector<std::byte> out;
  for (const char16_t unit : std::u16string{text} + (end ? std::u16string(1, u'\0') : u"")) {
    out.push_back(static_cast<std::byte>(unit & 0xFFU));
    out.push_back(static_cast<std::byte>(unit >> 8U));
  }
  return out;
}

std::string shown(const RegistryKey& key) {
  std::string text = "[" + key.path + "]";
  for (const RegistryValue& value : key.values) {
    text += " " + value.name + "=" + std::to_string(static_cast<std::uint32_t>(value.type)) + ":";
    for (const std::byte b : value.data)
      text += "0123456789abcdef"[std::to_integer<unsigned>(b) >> 4U],
          text += "0123456789abcdef"[std::to_integer<unsigned>(b) & 15U];
  }
  return text;
}

std::vector<std::string> shown(const std::vector<RegistryKey>& keys) {
  std::vector<std::string> out;
  for (const RegistryKey& key : keys) out.push_back(shown(key));
  return out;
}

std::string text_of(const std::vector<RegistryKey>& keys) {
  const auto written = registry_text(keys);
  if (!written) return written.error().detail;
  std::u16string units;
  for (std::size_t at = 0; at < written->size(); at += 2) {
    units.push_back(static_cast<char16_t>(std::to_integer<unsigned>((*written)[at]) |
                                          std::to_integer<unsigned>((*written)[at + 1]) << 8U));
  }
  return utf8_of(units);
}

std::vector<RegistryKey> every_form() {
  return {
      {R"(HKEY_LOCAL_MACHINE\SOFTWARE\Contoso)",
       {{"", RegistryType::sz, wide(u"default")},
        {R"(a "quoted" \name\)", RegistryType::sz, wide(uR"(C:\x "y")")},
        {"empty", RegistryType::sz, wide(u"")},
        {"no end", RegistryType::sz, wide(u"x", false)},
        {"nothing", RegistryType::sz, {}},
        {"odd", RegistryType::sz, bytes_of("abc")},
        {"lines", RegistryType::sz, wide(u"a\r\nb")},
        {"two", RegistryType::sz, wide(std::u16string_view{u"a\0b", 3})},
        {"half", RegistryType::sz, wide(u"\xD800")},
        {"ü€", RegistryType::sz, wide(u"ü€\U0001F600")},
        {"number", RegistryType::dword, bytes_of({"\x78\x56\x34\x12", 4})},
        {"short number", RegistryType::dword, bytes_of("\x01")},
        {"none", RegistryType::none, {}},
        {"own", RegistryType{0x12345678}, bytes_of("z")}}},
      {R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Control\DeviceOverrides\*PNP0501\LocationPaths\*)", {}},
      {R"(HKEY_LOCAL_MACHINE\SYSTEM\a]b)",
       {{"long", RegistryType::binary, std::vector<std::byte>(60, std::byte{0xA5})},
        {"expand", RegistryType::expand_sz, wide(u"%SystemRoot%")},
        {"list", RegistryType::multi_sz, wide(std::u16string_view{u"a\0b\0", 4})},
        {"wide number", RegistryType::qword, bytes_of({"\1\2\3\4\5\6\7\x08", 8})}}},
  };
}

TEST(RegistryText, gives_back_what_was_written) {
  const auto keys = every_form();
  const auto written = registry_text(keys);
  ASSERT_TRUE(written) << written.error().detail;
  const auto read = parse_registry_text(*written, "x.reg");
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_EQ(shown(*read), shown(keys));
}

std::vector<RegistryKey> with_additions() {
  const auto list = wide(std::u16string_view{u"svc\0", 4});
  return {{R"(HKEY_LOCAL_MACHINE\SOFTWARE\SvcHost)",
           {{"Own", RegistryType::multi_sz, list}, {"Shared", RegistryType::multi_sz, list, true}}},
          {R"(HKEY_LOCAL_MACHINE\SOFTWARE\Empty)", {}},
          {R"(HKEY_LOCAL_MACHINE\SOFTWARE\Only)", {{"Shared", RegistryType::multi_sz, list, true}}}};
}

TEST(RegistryText, lists_that_join_others_stand_in_a_text_of_their_own) {
  const auto keys = with_additions();
  const auto settings = parse_registry_text(*registry_text(keys), "x.reg");
  ASSERT_TRUE(settings) << settings.error().detail;
  EXPECT_THAT(shown(*settings), ::testing::ElementsAre("[HKEY_LOCAL_MACHINE\\SOFTWARE\\SvcHost] Own=7:7300760063000000"
                                                       "0000",
                                                       "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Empty]"));
  EXPECT_FALSE(settings->front().values.front().append);
  const auto additions =
      parse_registry_text(*registry_text(keys, RegistryPart::additions), "x.rga", RegistryPart::additions);
  ASSERT_TRUE(additions) << additions.error().detail;
  EXPECT_THAT(shown(*additions),
              ::testing::ElementsAre("[HKEY_LOCAL_MACHINE\\SOFTWARE\\SvcHost] Shared=7:7300760063000000"
                                     "0000",
                                     "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Only] Shared=7:7300760063000000"
                                     "0000"));
  EXPECT_TRUE(additions->front().values.front().append);
  EXPECT_TRUE(registry_text(std::vector{keys[1]}, RegistryPart::additions)->empty()) << "nothing, not an empty text";
}

TEST(RegistryText, only_lists_can_be_added_to) {
  const auto read = parse_registry_text(bytes_of("REGEDIT4\n[HKEY_LOCAL_MACHINE\\A]\n\"n\"=dword:1\n"), "x.rga",
                                        RegistryPart::additions);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::registry_text);
  EXPECT_EQ(read.error().detail, "x.rga:3:5: only lists, hex(7):, can be added to");
}

TEST(RegistryText, is_what_the_registry_editor_writes) {
  EXPECT_EQ(text_of({{R"(HKEY_LOCAL_MACHINE\SOFTWARE\Contoso)",
                      {{"", RegistryType::sz, wide(u"a \"b\" \\c")},
                       {"n\\", RegistryType::dword, bytes_of({"\x10\0\0\0", 4})},
                       {"b", RegistryType::binary, std::vector<std::byte>(26, std::byte{0xAB})},
                       {"e", RegistryType::expand_sz, wide(u"%x%")}}},
                     {R"(HKEY_LOCAL_MACHINE\SOFTWARE\Empty)", {}}}),
            "\uFEFFWindows Registry Editor Version 5.00\r\n"
            "\r\n"
            "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso]\r\n"
            "@=\"a \\\"b\\\" \\\\c\"\r\n"
            "\"n\\\\\"=dword:00000010\r\n"
            "\"b\"=hex:ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,ab,\\\r\n"
            "  ab\r\n"
            "\"e\"=hex(2):25,00,78,00,25,00,00,00\r\n"
            "\r\n"
            "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Empty]\r\n");
}

TEST(RegistryText, takes_what_people_write) {
  const auto read = parse_registry_text(bytes_of("\xEF\xBB\xBFWindows Registry Editor Version 5.00  \n"
                                                 "; a comment\n"
                                                 "\n"
                                                 "  [HKEY_LOCAL_MACHINE\\A] ; why\n"
                                                 "\t@ = \"x\" ; why\r\n"
                                                 "\"b\"=HEX:1,2 , \\\r\n"
                                                 " \\\n"
                                                 "   AB\n"
                                                 "\"d\"= Dword: 1f\n"
                                                 "\"q\"=hex(B):01\n"
                                                 "\"m\"=\"two\nlines\""),
                                        "x.reg");
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_THAT(shown(*read), ::testing::ElementsAre("[HKEY_LOCAL_MACHINE\\A] =1:78000000 b=3:0102ab d=4:1f000000 q=11:01"
                                                   " m=1:740077006f000a006c0069006e00650073000000"));
}

TEST(RegistryText, older_version_is_in_the_code_page) {
  const auto read = parse_registry_text(bytes_of("REGEDIT4\r\n[HKEY_LOCAL_MACHINE\\A]\r\n\"\x80\"=\"\xFC\"\r\n"
                                                 "\"e\"=hex(2):80,00\r\n\"b\"=hex:80,00\r\n"),
                                        "x.reg");
  ASSERT_TRUE(read) << read.error().detail;
  EXPECT_THAT(shown(*read), ::testing::ElementsAre("[HKEY_LOCAL_MACHINE\\A] €=1:fc000000 e=2:ac200000 b=3:8000"));
}

struct Bad {
  const char* name;
  std::string text;  ///< behind the first line and `[K]`, unless it begins with '!': then all of it
  std::string message;
};

class RegistryTextRefuses : public ::testing::TestWithParam<Bad> {};

TEST_P(RegistryTextRefuses, with_the_place) {
  const auto& [name, text, message] = GetParam();
  const std::string whole =
      text.starts_with('!') ? text.substr(1) : "Windows Registry Editor Version 5.00\n[K]\n" + text;
  const auto read = parse_registry_text(bytes_of(whole), "x.reg");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::registry_text);
  EXPECT_EQ(read.error().detail, message);
}

INSTANTIATE_TEST_SUITE_P(
    RegistryText, RegistryTextRefuses,
    ::testing::Values(
        Bad{"nothing", "!", "x.reg:1:1: the first line must be 'Windows Registry Editor Version 5.00' or 'REGEDIT4'"},
        Bad{"other_first_line", "!REGEDIT5\n",
            "x.reg:1:1: the first line must be 'Windows Registry Editor Version 5.00' or 'REGEDIT4'"},
        Bad{"half_utf16", "!\xFF\xFEW", "x.reg: not valid UTF-16"},
        Bad{"no_utf8", "!Windows Registry Editor Version 5.00\n\xFF", "x.reg: neither UTF-16 nor UTF-8"},
        Bad{"value_before_key", "!REGEDIT4\n\"a\"=\"b\"", "x.reg:2:1: a value without a key"},
        Bad{"open_key", "[a\n]", "x.reg:3:1: the key's ']' is missing"},
        Bad{"unnamed_key", "[]", "x.reg:3:1: the key has no name"},
        Bad{"deleted_key", "[-HKEY_LOCAL_MACHINE\\a]", "x.reg:3:1: a package sets keys, it cannot delete them"},
        Bad{"deleted_value", "\"a\"=-", "x.reg:3:5: a package sets values, it cannot delete them"},
        Bad{"behind_key", "[a] b", "x.reg:3:4: 'b' is too much here"},
        Bad{"behind_value", "\"ü\"=\"b\" c", "x.reg:3:8: 'c' is too much here"},
        Bad{"no_value", "abc", "x.reg:3:1: a key, a value or a comment must stand here"},
        Bad{"no_equals", "\"a\" \"b\"", "x.reg:3:5: '=' must follow the value's name"},
        Bad{"open_name", "\"a", "x.reg:3:3: the closing quote is missing"},
        Bad{"open_text", "@=\"a", "x.reg:3:5: the closing quote is missing"},
        Bad{"single_backslash", R"(@="C:\x")", "x.reg:3:7: write a backslash in quotes twice"},
        Bad{"backslash_at_end", "@=\"\\", "x.reg:3:5: write a backslash in quotes twice"},
        Bad{"no_data", "@=", "x.reg:3:3: the data must be text in quotes, dword: or hex:"},
        Bad{"number_too_long", "@=dword:123456789", "x.reg:3:17: '9' is too much here"},
        Bad{"number_without_digits", "@=dword:x", "x.reg:3:9: a hexadecimal number must stand here"},
        Bad{"open_type", "@=hex(2:00", "x.reg:3:8: ')' must follow the type's number"},
        Bad{"no_type", "@=hex():00", "x.reg:3:7: a hexadecimal number must stand here"},
        Bad{"no_colon", "@=hex 00", "x.reg:3:6: ':' must follow the type"},
        Bad{"three_digits", "@=hex:123", "x.reg:3:9: '3' is too much here"},
        Bad{"no_hex", "@=hex:1,x", "x.reg:3:9: 'x' is too much here"}),
    [](const auto& row) { return row.param.name; });

TEST(RegistryText, refuses_names_that_text_cannot_hold) {
  for (const RegistryKey& key : {RegistryKey{"a\nb", {}}, RegistryKey{"a\xFF", {}}}) {
    const auto written = registry_text(std::vector{key});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, errc::registry_name);
  }
}

}  // namespace
}  // namespace flashline::imaging
