// Cabinets and programs whose headers are not what they should be, field by field.

#include "imaging/trust/signable_file.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/errors/trust.h"
#include "imaging/source/file_view.h"
#include "tests/fakes/package_files.h"

namespace flashline::imaging {
namespace {

using fakes::FileBytes;
using fakes::put;

Result<SignableFile> read_cab(const FileBytes& bytes) {
  MemoryView view{bytes};
  return read_signable_cab(view);
}
Result<SignableFile> read_pe(const FileBytes& bytes) {
  MemoryView view{bytes};
  return read_signable_pe(view);
}

/// The head, the body and the padding of `form`, and a "signature" of 16 bytes behind them.
FileBytes placed(const FileBytes& from, SignableFile form) {
  MemoryView view{from};
  const auto digest = digest_of(view, form);
  const FileBytes message(16, std::byte{0x5A});
  EXPECT_TRUE(place_message(form, message, digest->body_words));
  FileBytes bytes = form.head;
  const auto body = std::span{from}.subspan(form.body_at.value, form.body.value);
  bytes.insert(bytes.end(), body.begin(), body.end());
  bytes.resize(bytes.size() + form.padding);
  bytes.insert(bytes.end(), form.signature.begin(), form.signature.end());
  return bytes;
}
FileBytes signed_cab() { return placed(fakes::small_cab(), *read_cab(fakes::small_cab())); }
FileBytes signed_pe() { return placed(fakes::small_pe(), *read_pe(fakes::small_pe())); }

struct Row {
  const char* name;
  FileBytes (*make)();
  void (*spoil)(FileBytes&);
  std::optional<Errc> refusal;
};

class Spoiled : public ::testing::TestWithParam<Row> {
 protected:
  void decide(Result<SignableFile> (*read)(const FileBytes&)) const {
    FileBytes bytes = GetParam().make();
    ASSERT_TRUE(read(bytes)) << "the row's file is bad before it is spoiled";
    GetParam().spoil(bytes);
    const auto form = read(bytes);
    ASSERT_EQ(form.has_value(), !GetParam().refusal.has_value());
    if (!form) EXPECT_EQ(form.error().code, *GetParam().refusal) << to_text(form.error());
  }
};

class SpoiledCab : public Spoiled {};
TEST_P(SpoiledCab, Decides) { decide(read_cab); }

FileBytes plain_cab() { return fakes::small_cab(); }

INSTANTIATE_TEST_SUITE_P(
    Signable, SpoiledCab,
    ::testing::Values(
        Row{"untouched", plain_cab, [](FileBytes&) {}, {}},
        Row{"empty", plain_cab, [](FileBytes& b) { b.clear(); }, errc::truncated},
        Row{"header_cut", plain_cab, [](FileBytes& b) { b.resize(35); }, errc::truncated},
        Row{"no_mscf", plain_cab, [](FileBytes& b) { put(b, 0, 0x4643534E, 4); }, errc::cab_form},
        Row{"reserved1", plain_cab, [](FileBytes& b) { put(b, 4, 1, 4); }, errc::cab_form},
        Row{"size_too_small", plain_cab, [](FileBytes& b) { put(b, 8, b.size() - 1, 4); }, errc::cab_form},
        Row{"size_too_large", plain_cab, [](FileBytes& b) { put(b, 8, b.size() + 1, 4); }, errc::cab_form},
        Row{"files_inside_folders", plain_cab, [](FileBytes& b) { put(b, 16, 51, 4); }, errc::cab_form},
        Row{"files_past_end", plain_cab, [](FileBytes& b) { put(b, 16, b.size() + 1, 4); }, errc::cab_form},
        Row{"version_1_4", plain_cab, [](FileBytes& b) { put(b, 24, 0x0104, 2); }, errc::cab_form},
        Row{"folders_past_end", plain_cab, [](FileBytes& b) { put(b, 26, 65535, 2); }, errc::cab_form},
        Row{"previous_cabinet", plain_cab, [](FileBytes& b) { put(b, 30, 1, 2); }, errc::cab_form},
        Row{"next_cabinet", plain_cab, [](FileBytes& b) { put(b, 30, 2, 2); }, errc::cab_form},
        Row{"number_in_a_set", plain_cab, [](FileBytes& b) { put(b, 34, 1, 2); }, errc::cab_form},
        Row{"signed_one", signed_cab, [](FileBytes&) {}, {}},
        Row{"reserve_cut", signed_cab, [](FileBytes& b) { b.resize(50); }, errc::truncated},
        Row{"reserve_of_folders", signed_cab, [](FileBytes& b) { put(b, 38, 1, 1); }, errc::cab_form},
        Row{"reserve_of_data", signed_cab, [](FileBytes& b) { put(b, 39, 1, 1); }, errc::cab_form},
        Row{"mark", signed_cab, [](FileBytes& b) { put(b, 40, 0, 4); }, errc::cab_form},
        Row{"signature_elsewhere", signed_cab, [](FileBytes& b) { put(b, 44, b.size() - 8, 4); }, errc::cab_form},
        Row{"signature_longer", signed_cab, [](FileBytes& b) { put(b, 48, 24, 4); }, errc::cab_form},
        Row{"signature_of_nothing", signed_cab, [](FileBytes& b) { put(b, 48, 0, 4); }, errc::cab_form},
        Row{"unused_bytes_used", signed_cab, [](FileBytes& b) { put(b, 52, 1, 4); }, errc::cab_form}),
    [](const auto& row) { return row.param.name; });

class SpoiledPe : public Spoiled {};
TEST_P(SpoiledPe, Decides) { decide(read_pe); }

constexpr std::size_t pe = 0x80;
FileBytes plain_pe() { return fakes::small_pe(); }
const std::size_t entry = fakes::certificate_entry_of(true);

INSTANTIATE_TEST_SUITE_P(
    Signable, SpoiledPe,
    ::testing::Values(
        Row{"untouched", plain_pe, [](FileBytes&) {}, {}},
        Row{"empty", plain_pe, [](FileBytes& b) { b.clear(); }, errc::truncated},
        Row{"no_mz", plain_pe, [](FileBytes& b) { put(b, 0, 0, 2); }, errc::pe_form},
        Row{"header_at_zero", plain_pe, [](FileBytes& b) { put(b, 60, 0, 4); }, errc::pe_form},
        Row{"header_at_odd_offset", plain_pe, [](FileBytes& b) { put(b, 60, 0x81, 4); }, errc::pe_form},
        Row{"header_far_away", plain_pe, [](FileBytes& b) { put(b, 60, 0xFFFFFFF0, 4); }, errc::pe_form},
        Row{"header_past_end", plain_pe, [](FileBytes& b) { put(b, 60, b.size() - 8, 4); }, errc::truncated},
        Row{"no_pe", plain_pe, [](FileBytes& b) { put(b, pe, 0x00004551, 4); }, errc::pe_form},
        Row{"optional_header_cut", plain_pe, [](FileBytes& b) { put(b, pe + 20, 100, 2); }, errc::truncated},
        Row{"optional_header_past_end", plain_pe, [](FileBytes& b) { put(b, pe + 20, 0xFFFF, 2); }, errc::truncated},
        Row{"rom_image", plain_pe, [](FileBytes& b) { put(b, pe + 24, 0x107, 2); }, errc::pe_form},
        Row{"too_few_directories", plain_pe, [](FileBytes& b) { put(b, pe + 24 + 108, 4, 4); }, errc::pe_form},
        Row{"sections_past_end", plain_pe, [](FileBytes& b) { put(b, pe + 6, 40, 2); }, errc::truncated},
        Row{"section_longer_than_the_file", plain_pe, [](FileBytes& b) { put(b, pe + 24 + 240 + 16, 0x201, 4); },
            errc::pe_form},
        Row{"section_without_bytes", plain_pe, [](FileBytes& b) { put(b, pe + 24 + 240 + 16, 0, 4); }, {}},
        Row{"signed_one", signed_pe, [](FileBytes&) {}, {}},
        Row{"section_reaches_into_the_signature", signed_pe, [](FileBytes& b) { put(b, pe + 24 + 240 + 16, 0x208, 4); },
            errc::pe_form},
        Row{"signature_not_last", signed_pe, [](FileBytes& b) { b.resize(b.size() + 8); }, errc::pe_form},
        Row{"signature_inside_the_header", signed_pe,
            [](FileBytes& b) {
              put(b, entry, 0x40, 4);
              put(b, entry + 4, b.size() - 0x40, 4);
            },
            errc::pe_form},
        Row{"signature_at_odd_offset", signed_pe,
            [](FileBytes& b) {
              put(b, entry, 0x404, 4);
              put(b, entry + 4, b.size() - 0x404, 4);
            },
            errc::pe_form},
        Row{"signature_without_offset", signed_pe, [](FileBytes& b) { put(b, entry, 0, 4); }, errc::pe_form},
        Row{"signature_without_size", signed_pe, [](FileBytes& b) { put(b, entry + 4, 0, 4); }, errc::pe_form}),
    [](const auto& row) { return row.param.name; });

TEST(Signable, MovesTheFoldersOfACabinetThatGetsRoom) {
  const FileBytes plain = fakes::small_cab({"one", "two", "three"});
  const FileBytes bytes = signed_cab();
  ASSERT_TRUE(read_cab(placed(plain, *read_cab(plain))));
  EXPECT_EQ(bytes.size(), fakes::small_cab().size() + 24 + 16);
  EXPECT_EQ(read_cab(bytes)->head.size(), 60U + 2 * 8);
}

TEST(Signable, ReplacesALargerReserveByItsOwn) {
  FileBytes wide = fakes::small_cab();
  wide.insert(wide.begin() + 36, 4 + 100, std::byte{});
  put(wide, 30, 4, 2);
  put(wide, 36, 100, 2);
  put(wide, 8, wide.size(), 4);
  for (const std::size_t field : {std::size_t{16}, std::size_t{140}, std::size_t{148}}) {
    put(wide, field, std::to_integer<std::uint64_t>(wide[field]) + 104, 4);
  }
  const auto form = read_cab(wide);
  ASSERT_TRUE(form) << to_text(form.error());
  EXPECT_EQ(placed(wide, *form), signed_cab());
}

/// A table of certificates for message_in().
SignableFile with_table(const FileBytes& table) {
  SignableFile form;
  form.kind = SignableFile::Kind::program;
  form.signature = table;
  return form;
}

FileBytes table_of(std::uint32_t length, std::uint32_t kind, const FileBytes& content) {
  FileBytes table;
  put(table, 0, length, 4);
  put(table, 4, kind, 4);
  table.insert(table.end(), content.begin(), content.end());
  return table;
}

TEST(Signable, TakesExactlyOneSignature) {
  const FileBytes message{std::byte{0x30}, std::byte{1}, std::byte{0}};
  FileBytes padded = message;
  padded.resize(8);
  FileBytes dirty = padded;
  dirty.back() = std::byte{1};
  FileBytes twice = padded;
  twice.resize(16);
  EXPECT_EQ(message_in(with_table(table_of(16, 0x00020200, padded)))->size(), 3U);
  EXPECT_EQ(message_in(with_table(table_of(11, 0x00020200, padded)))->size(), 3U);
  for (const SignableFile& bad :
       {with_table(table_of(16, 0x00020100, padded)), with_table(table_of(16, 0x00010200, padded)),
        with_table(table_of(16, 0x00020200, dirty)), with_table(table_of(16, 0x00020200, twice)),
        with_table(table_of(24, 0x00020200, twice)), with_table(table_of(7, 0x00020200, padded)),
        with_table(FileBytes(4))}) {
    const auto found = message_in(bad);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, errc::signature_form);
  }
}

TEST(Signable, DigestIsSaidForOneKindOnly) {
  const Sha256 digest = sha256(FileBytes(1));
  const auto cab = indirect_data(SignableFile::Kind::cabinet, digest);
  const auto program = indirect_data(SignableFile::Kind::program, digest);
  EXPECT_EQ(*indirect_digest(SignableFile::Kind::cabinet, cab), digest);
  EXPECT_EQ(*indirect_digest(SignableFile::Kind::program, program), digest);
  EXPECT_EQ(indirect_digest(SignableFile::Kind::program, cab).error().code, errc::signature_form);
  EXPECT_EQ(indirect_digest(SignableFile::Kind::cabinet, program).error().code, errc::signature_form);
}

}  // namespace
}  // namespace flashline::imaging
