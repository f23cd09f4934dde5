// INFs: how they are written, which of their sections count, and what is wrong with broken ones.

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/unicode.h"
#include "imaging/package/inf_driver.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/package/package_text.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

std::string small_inf() {
  std::ostringstream text;
  text << std::ifstream{FLASHLINE_SOURCE_DIR "/tests/golden/package/small.inf", std::ios::binary}.rdbuf();
  return text.str();
}

Result<InfFile> parse(const std::string& text, CpuType cpu = CpuType::arm) {
  return parse_inf(std::as_bytes(std::span{text}), "d.inf", cpu);
}

std::string utf16(const std::string& text, bool big) {
  std::string bytes = big ? "\xFE\xFF" : "\xFF\xFE";
  for (const char16_t unit : utf16_of(text).value_or(u"")) {
    const char low = static_cast<char>(unit & 0xFFU);
    const char high = static_cast<char>(unit >> 8U);
    bytes += big ? high : low;
    bytes += big ? low : high;
  }
  return bytes;
}

constexpr const char* version = "[Version]\nSignature=\"$Windows NT$\"\n";

/// The lines of [X] as "key=value,value" with places.
std::string section_text(const InfFile& inf, std::string_view name) {
  std::string text;
  const auto* const lines = inf.section(name);
  if (lines == nullptr) return "none";
  for (const InfLine& line : *lines) {
    text += fmt::format("{}:{} {}", line.line, line.column, line.key.empty() ? "" : inf.text(line.key) + "=");
    for (std::size_t i = 0; i < line.values.size(); ++i) text += (i > 0 ? "|" : "") + inf.text(line, i);
    text += "\n";
  }
  return text;
}

// ---- encodings --------------------------------------------------------------------------------------------------

TEST(Inf, reads_the_same_in_every_encoding) {
  const std::string text = std::string{version} + "[X]\nName = \"Señor – 100 €\"\n";
  const std::string ansi = std::string{version} + "[X]\nName = \"Se\xF1or \x96 100 \x80\"\n";
  for (const std::string& bytes : {text, "\xEF\xBB\xBF" + text, utf16(text, false), utf16(text, true), ansi}) {
    const auto inf = parse(bytes);
    ASSERT_TRUE(inf) << inf.error().detail;
    EXPECT_EQ(section_text(*inf, "x"), "4:1 Name=Señor – 100 €\n");
  }
}

TEST(Inf, refuses_text_that_is_none) {
  const std::string odd = utf16(version, false) + "x";
  const std::string broken = "\xEF\xBB\xBF" + std::string{version} + "\xF1";
  const std::string hole = std::string{version} + "; \x81\n";
  for (const std::string& bytes : {odd, broken, hole}) {
    const auto inf = parse(bytes);
    ASSERT_FALSE(inf);
    EXPECT_EQ(inf.error().code, errc::inf_syntax);
    EXPECT_TRUE(inf.error().detail.starts_with("d.inf")) << inf.error().detail;
  }
}

// ---- lines ------------------------------------------------------------------------------------------------------

struct Lines {
  const char* name;
  const char* text;      ///< of section [X], from line 4
  const char* expected;  ///< by section_text
};

class InfLines : public ::testing::TestWithParam<Lines> {};

TEST_P(InfLines, are_cut_as_windows_cuts_them) {
  const auto inf = parse(std::string{version} + "[X]\n" + GetParam().text + "\n[Strings]\nS = \"a, %b%\"\nb=c\n");
  ASSERT_TRUE(inf) << inf.error().detail;
  EXPECT_EQ(section_text(*inf, "X"), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Package, InfLines,
    ::testing::Values(
        Lines{"key_and_values", "a = b , c,d", "4:1 a=b|c|d\n"}, Lines{"no_key", "  b,,c", "4:3 b||c\n"},
        Lines{"comment", "a=b ; c=d", "4:1 a=b\n"}, Lines{"comment_only", ";a=b", ""},
        Lines{"quoted_comment", "a=\"b;c\"", "4:1 a=b;c\n"}, Lines{"quoted_comma", "a=\"b,c\",d", "4:1 a=b,c|d\n"},
        Lines{"doubled_quote", "a=\"b\"\"c\"", "4:1 a=b\"c\n"}, Lines{"quoted_blanks", "a= \" b \" ", "4:1 a= b \n"},
        Lines{"quoted_empty", "a=\"\"", "4:1 a=\n"}, Lines{"quoted_key", "\"a=b\"=c", "4:1 a=b=c\n"},
        Lines{"joined", "a=b\"c d\"e", "4:1 a=bc de\n"}, Lines{"equals_in_value", "a=b=c", "4:1 a=b=c\n"},
        Lines{"equals_after_comma", "HKR,,a=b", "4:1 HKR||a=b\n"}, Lines{"trailing_commas", "a=1,,", "4:1 a=1||\n"},
        Lines{"empty", "a=", "4:1 a=\n"}, Lines{"continued", "a=b, \\\n   c", "4:1 a=b|c\n"},
        Lines{"continued_comment", "a=b, \\ ; more\n c", "4:1 a=b|c\n"},
        Lines{"backslash_inside", "a=b\\c\\d", "4:1 a=b\\c\\d\n"},
        Lines{"string_is_not_cut_again", "a=%S%,x", "4:1 a=a, %b%|x\n"},
        Lines{"string_in_quotes", "a=\"x%s%y\"", "4:1 a=xa, %b%y\n"},
        Lines{"string_unknown", "a=%T%%b%", "4:1 a=%T%b%\n"}, Lines{"string_after_unknown", "a=%T%b%", "4:1 a=%Tc\n"},
        Lines{"percent", "a=100%%", "4:1 a=100%\n"}, Lines{"percent_alone", "a=100%", "4:1 a=100%\n"},
        Lines{"number_stays", "a=%12%\\x", "4:1 a=%12%\\x\n"}, Lines{"string_key", "%b%=d", "4:1 c=d\n"},
        Lines{"crlf", "a=b\r\nc=d\r", "4:1 a=b\n5:1 c=d\n"},
        Lines{"section_again", "a=b\n[Y]\nc=d\n[x]\ne=f", "4:1 a=b\n8:1 e=f\n"},
        Lines{"arch", "a=NT$ARCH$,nt$arch$", "4:1 a=NTarm|ntarm\n"}),
    [](const auto& row) { return row.param.name; });

// ---- models -----------------------------------------------------------------------------------------------------

struct Models {
  const char* name;
  CpuType cpu;
  const char* text;
  const char* expected;  ///< install sections, or the code of the error
};

class InfModels : public ::testing::TestWithParam<Models> {};

TEST_P(InfModels, are_chosen_by_decoration) {
  const auto inf = parse(std::string{version} + GetParam().text, GetParam().cpu);
  ASSERT_TRUE(inf) << inf.error().detail;
  const auto sections = install_sections(*inf, GetParam().cpu);
  EXPECT_EQ(sections ? fmt::format("{}", fmt::join(*sections, " ")) : std::string{code_of(sections.error().code)},
            GetParam().expected)
      << (sections ? "" : sections.error().detail);
}

INSTANTIATE_TEST_SUITE_P(
    Package, InfModels,
    ::testing::Values(
        Models{"plain", CpuType::x86, "[Manufacturer]\nM=A\n[A]\nd=I,id\n[I]\n", "I"},
        Models{"by_cpu", CpuType::arm64,
               "[Manufacturer]\nM=A,NTarm,NTarm64\n[A.NTarm]\nd=I,id\n[A.ntARM64]\nd=J,id\n[I]\n[J]\n", "J"},
        Models{"by_version", CpuType::amd64,
               "[Manufacturer]\nM=A,NTamd64,NTamd64.10.0,NTamd64.6.3\n[A.NTamd64]\nd=I,x\n[A.NTamd64.10.0]\nd=J,x\n"
               "[A.NTamd64.6.3]\nd=I,x\n[I]\n[J]\n",
               "J"},
        Models{"by_build", CpuType::amd64,
               "[Manufacturer]\nM=A,NTamd64.10.0...17763,NTamd64.10.0\n[A.NTamd64.10.0]\nd=I,x\n"
               "[A.NTamd64.10.0...17763]\nd=J,x\n[I]\n[J]\n",
               "J"},
        Models{"cpu_before_version", CpuType::arm,
               "[Manufacturer]\nM=A,NT.10.0,NTarm\n[A.NT.10.0]\nd=I,x\n[A.NTarm]\nd=J,x\n[I]\n[J]\n", "J"},
        Models{"announced_but_not_there", CpuType::arm, "[Manufacturer]\nM=A,NTarm\n[A]\nd=I,x\n[I]\n", "I"},
        Models{"empty_for_this_cpu", CpuType::arm,
               "[Manufacturer]\nM=A,NTarm,NTx86\n[A.NTarm]\n[A.NTx86]\nd=I,x\n[I]\n", ""},
        Models{"other_cpu_only", CpuType::arm, "[Manufacturer]\nM=A,NTx86\n[A.NTx86]\nd=I,x\n[I]\n", "FL-PKG-032"},
        Models{"decorated_install", CpuType::arm,
               "[Manufacturer]\nM=A,NTarm\n[A.NTarm]\nd=I,x\ne=J,x\nf=K,x\n[I]\n[I.NT]\n[I.NTarm]\n[J]\n[J.NT]\n[K]\n",
               "I.NTarm J.NT K"},
        Models{"each_once", CpuType::arm, "[Manufacturer]\nM=A,NTarm\n[A.NTarm]\nd=I,x\ne=i,y\n[I]\n", "I"},
        Models{"two_makers", CpuType::arm,
               "[Manufacturer]\nM=A,NTarm\nN=B,NTarm\n[A.NTarm]\nd=I,x\n[B.NTarm]\nd=J,x\n[I]\n[J]\n", "I J"},
        Models{"install_missing", CpuType::arm, "[Manufacturer]\nM=A,NTarm\n[A.NTarm]\nd=I,x\n", "FL-PKG-031"},
        Models{"default_install", CpuType::arm, "[DefaultInstall.NTarm]\n[DefaultInstall]\n", "DefaultInstall.NTarm"},
        Models{"nothing", CpuType::arm, "[X]\n", "FL-PKG-031"}),
    [](const auto& row) { return row.param.name; });

// ---- mistakes ---------------------------------------------------------------------------------------------------

/// small.inf's files, and some that it does not name.
class Driver {
 public:
  Driver() {
    for (const char* name : {"small.sys", "small.cat", "below/deeper/readme.txt", "driver/x.txt"}) {
      (void)folder_.file(fs::path{"driver"} / name, std::string{"stand-in of "} + name);
    }
    (void)folder_.file("secret.sys", "not for you");
    (void)folder_.file("driver/empty.sys", "");
  }

  Result<DriverContent> read(const std::string& text) const {
    const fs::path inf = folder_.file("driver/small.inf", text);
    return read_driver(
        {.inf = inf, .folder = inf.parent_path(), .cpu = CpuType::arm, .inf_name = "small.inf", .replaced = {}});
  }
  fs::path inf() const { return folder_.path() / "driver/small.inf"; }

 private:
  fakes::TempFolder folder_;
};

struct Mistake {
  const char* name;
  const char* from;
  const char* to;
  Errc code;
  const char* place;  ///< line:column, or nothing when the whole file is meant
  const char* says = "";
};

class InfMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(InfMistake, is_refused_at_its_place) {
  const Driver driver;
  const Mistake& row = GetParam();
  std::string text = small_inf();
  const std::size_t at = text.find(row.from);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string_view{row.from}.size(), row.to);
  const auto content = driver.read(text);
  ASSERT_FALSE(content);
  EXPECT_EQ(code_of(content.error().code), code_of(row.code)) << content.error().detail;
  const std::string place = driver.inf().string() + ":" + (*row.place != '\0' ? std::string{row.place} + ": " : " ");
  EXPECT_TRUE(content.error().detail.starts_with(place)) << content.error().detail;
  EXPECT_TRUE(content.error().detail.contains(row.says)) << content.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Package, InfMistake,
    ::testing::Values(
        Mistake{"before_sections", "; The", "The", errc::inf_syntax, "1:1", "first section"},
        Mistake{"section_open", "[Version]", "[Version", errc::inf_syntax, "2:1", "']'"},
        Mistake{"section_no_name", "[Version]", "[]", errc::inf_syntax, "2:1"},
        Mistake{"section_text", "[Version]", "[Version] x", errc::inf_syntax, "2:11"},
        Mistake{"quote_open", "\"Contoso\"", "\"Contoso", errc::inf_syntax, "79:18", "quotation"},
        Mistake{"no_key", "Class       =", "=", errc::inf_syntax, "4:1", "before '='"},
        Mistake{"no_version", "[Version]", "[Versions]", errc::inf_syntax, "", "Signature"},
        Mistake{"signature", "$Windows NT$", "$Linux$", errc::inf_syntax, "3:1", "$Linux$"},
        Mistake{"architecture", "[Models.NTarm]", "[Models.NTarm64]", errc::inf_architecture, "", "arm"},
        Mistake{"install_section", "[Small.NT]", "[Smell.NT]", errc::inf_section, "12:1", "[Small]"},
        Mistake{"copy_section", "[Sys]", "[Sis]", errc::inf_section, "18:1", "[Sys]"},
        Mistake{"registry_section", "[Global]", "[Local]", errc::inf_section, "19:1", "[Global]"},
        Mistake{"service_section", "[Small.Service]", "[Small.Servant]", errc::inf_section, "22:1", "[Small.Service]"},
        Mistake{"service_no_section", "small, 2, Small.Service, Small.Log", "small, 2", errc::inf_section, "22:1"},
        Mistake{"service_no_type", "ServiceType    = 1", "", errc::inf_section, "22:1", "ServiceType"},
        Mistake{"service_no_binary", "ServiceBinary ", "Binary ", errc::inf_section, "22:1", "ServiceBinary"},
        Mistake{"service_directive", "Description ", "Discription ", errc::inf_unsupported, "27:1", "Discription"},
        Mistake{"service_number", "%START%", "soon", errc::inf_value, "29:1", "soon"},
        Mistake{"service_name", "AddService = small,", "AddService = a\\b,", errc::inf_value, "22:1"},
        Mistake{"registry_root", "HKLM, SYSTEM", "HKLN, SYSTEM", errc::inf_value, "56:1", "HKLN"},
        Mistake{"registry_hive", "HKLM, SYSTEM", "HKLM, HARDWARE", errc::registry_key, "56:1"},
        Mistake{"registry_flags", "0x00010001, 10 ", "yes, 10 ", errc::inf_value, "37:1", "yes"},
        Mistake{"registry_number", "0x00010001, 10 ", "0x00010001, ten ", errc::inf_value, "37:1", "ten"},
        Mistake{"registry_wide", "0x00010001, 10 ", "0x00010001, 4294967296 ", errc::inf_value, "37:1"},
        Mistake{"registry_type", "0x00010001, 10 ", "0x00050000, 10 ", errc::inf_value, "37:1", "0x00050000"},
        Mistake{"registry_delete", "0x00010001, 10 ", "0x4 ", errc::inf_unsupported, "37:1"},
        Mistake{"registry_byte", "06, 0x07", "06, 100", errc::inf_value, "39:1", "'100'"},
        Mistake{"registry_list", "\"one\", \"two", "\"one\", \"\", \"two", errc::inf_value, "41:1"},
        Mistake{"registry_bytes", "78,56,34,12", "78,56,34", errc::inf_value, "46:1"},
        Mistake{"not_listed", "small.sys  = 1", "smell.sys = 1", errc::inf_source, "63:1", "small.sys"},
        Mistake{"no_disk", "2 = Disk", "3 = Disk", errc::inf_source, "75:1", "'2'"},
        Mistake{"no_destination", "Sys            = 12\nDefaultDestDir = 10, Small", "X=12", errc::inf_destination,
                "63:1"},
        Mistake{"unknown_destination", "Sys            = 12", "Sys = 66", errc::inf_destination, "67:1", "'66'"},
        Mistake{"destination_up", "= 10, Small", "= 10, ..\\Small", errc::path_escapes, "68:1", ".."},
        Mistake{"copy_up", "@readme.txt", "@..\\secret.sys", errc::path_escapes, "18:1", ".."},
        Mistake{"copy_drive", "copy.sys, small.sys", "copy.sys, C:\\secret.sys", errc::path_escapes, "64:1"},
        Mistake{"copy_as_up", "copy.sys, small.sys", "..\\copy.sys, small.sys", errc::path_escapes, "64:1"},
        Mistake{"source_up", "2, deeper", "2, ..\\..", errc::path_escapes, "75:1", ".."},
        Mistake{"disk_up", "Disk,,, below", "Disk,,, ..", errc::path_escapes, "72:1", ".."},
        Mistake{"catalog_up", "small.cat", "..\\secret.sys", errc::path_escapes, "5:1", ".."},
        Mistake{"file_missing", "small.sys  = 1", "small.sys = 1, sub", errc::input_missing, "63:1", "'sub'"}),
    [](const auto& row) { return row.param.name; });

TEST(Inf, mistakes_are_made_in_a_good_one) {
  const Driver driver;
  const auto content = driver.read(small_inf());
  EXPECT_TRUE(content) << content.error().detail;
}

TEST(Inf, empty_file_is_refused) {
  const Driver driver;
  std::string text = small_inf();
  text.replace(text.find("copy.sys, small.sys"), 19, "empty.sys");
  text.replace(text.find("small.sys  = 1"), 14, "small.sys=1\nempty.sys=1");
  const auto content = driver.read(text);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, errc::payload_empty) << content.error().detail;
}

TEST(Inf, absolute_sources_are_looked_for_inside) {
  const Driver driver;
  std::string text = small_inf();
  text.replace(text.find("2, deeper"), 9, "2, /etc");
  text.replace(text.find("@readme.txt"), 11, "@passwd");
  text.replace(text.find("readme.txt ="), 12, "passwd =");
  const auto content = driver.read(text);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, errc::input_missing) << content.error().detail;
}

TEST(Inf, files_of_windows_stay_with_windows) {
  const Driver driver;
  std::string text = small_inf();
  text.replace(text.find("CatalogFile"), 0, "LayoutFile = layout.inf\n");
  text.replace(text.find("copy.sys, small.sys"), 19, "usbport.sys");
  const auto content = driver.read(text);
  ASSERT_TRUE(content) << content.error().detail;
  EXPECT_TRUE(std::ranges::none_of(content->files,
                                   [](const PackageFile& file) { return file.device_path.ends_with("usbport.sys"); }));
}

TEST(Inf, driver_without_catalog_is_normal) {
  const Driver driver;
  std::string text = small_inf();
  text.replace(text.find("small.cat"), 9, "other.cat");
  const auto content = driver.read(text);
  ASSERT_TRUE(content) << content.error().detail;
  EXPECT_TRUE(
      std::ranges::none_of(content->files, [](const PackageFile& file) { return file.device_path.ends_with(".cat"); }));
}

TEST(Inf, folders_have_numbers) {
  const std::string store = R"(\Windows\System32\DriverStore\FileRepository\d)";
  for (const auto& [number, form, expected] :
       {std::tuple{"10", FolderForm::device, R"(\Windows)"},
        {"11", FolderForm::device, R"(\Windows\System32)"},
        {"12", FolderForm::device, R"(\Windows\System32\drivers)"},
        {"13", FolderForm::device, R"(\Windows\System32\DriverStore\FileRepository\d)"},
        {"24", FolderForm::device, ""},
        {"12", FolderForm::kernel, R"(\SystemRoot\System32\drivers)"},
        {"24", FolderForm::kernel, R"(\??\C:)"},
        {"11", FolderForm::expandable, R"(%SystemRoot%\System32)"},
        {"16422", FolderForm::expandable, R"(%SystemDrive%\Program Files)"},
        {"13", FolderForm::drive, R"(C:\Windows\System32\DriverStore\FileRepository\d)"}}) {
    EXPECT_EQ(inf_folder(number, store, form), expected) << number;
  }
  EXPECT_EQ(inf_folder("66", store, FolderForm::device), std::nullopt);
  EXPECT_EQ(inf_folder("-1", store, FolderForm::device), std::nullopt);
}

TEST(Inf, store_folder_depends_on_bytes_and_cpu_only) {
  const std::string text = "x";
  const auto bytes = std::as_bytes(std::span{text});
  EXPECT_EQ(driver_store_folder("A.inf", CpuType::arm, bytes), driver_store_folder("a.INF", CpuType::arm, bytes));
  EXPECT_EQ(driver_store_folder("A.inf", CpuType::arm64, bytes),
            R"(\Windows\System32\DriverStore\FileRepository\a.inf_arm64_2d711642b726b044)");
}

}  // namespace
}  // namespace flashline::imaging
