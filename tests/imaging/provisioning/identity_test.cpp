#include "imaging/provisioning/identity.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/unit.h"

namespace flashline::imaging {
namespace {

struct SerialCase {
  const char* name;
  const char* pattern;
  std::uint64_t n;
  CheckDigit check;
  const char* serial;
};
class Serial : public ::testing::TestWithParam<SerialCase> {};
// 7992739871 -> 3 is the well-known example of Luhn's digit. Modulus 11 by hand: 2*2 + 3*3 + 5*4 + 6*5 + 3*6 = 81,
// 81 mod 11 = 4, 11 - 4 = 7.
INSTANTIATE_TEST_SUITE_P(Identity, Serial,
                         ::testing::Values(SerialCase{"padded", "FL-{n:6}", 42, CheckDigit::none, "FL-000042"},
                                           SerialCase{"plain", "A{n}", 42, CheckDigit::none, "A42"},
                                           SerialCase{"outgrows", "FL-{n:2}", 12345, CheckDigit::none, "FL-12345"},
                                           SerialCase{"luhn", "{n:10}{c}", 7992739871, CheckDigit::luhn, "79927398713"},
                                           SerialCase{"luhn_zero", "{n}{c}", 0, CheckDigit::luhn, "00"},
                                           SerialCase{"luhn_inside", "{n:2}-{c}X7", 18, CheckDigit::luhn, "18-5X7"},
                                           SerialCase{"mod11", "{n:7}-{c}", 36532, CheckDigit::mod11, "0036532-7"},
                                           SerialCase{"mod11_ten", "A{n}{c}", 6, CheckDigit::mod11, "A6X"}),
                         [](const auto& row) { return row.param.name; });
TEST_P(Serial, is) {
  const auto serial = serial_of(GetParam().pattern, GetParam().n, GetParam().check);
  ASSERT_TRUE(serial) << serial.error().detail;
  EXPECT_EQ(*serial, GetParam().serial);
}

struct PatternCase {
  const char* name;
  const char* pattern;
  CheckDigit check;
  Errc code;
};
class BadPattern : public ::testing::TestWithParam<PatternCase> {};
INSTANTIATE_TEST_SUITE_P(
    Identity, BadPattern,
    ::testing::Values(PatternCase{"no_counter", "FL", CheckDigit::none, errc::serial_pattern},
                      PatternCase{"two_counters", "{n}{n}", CheckDigit::none, errc::serial_pattern},
                      PatternCase{"not_closed", "{n", CheckDigit::none, errc::serial_pattern},
                      PatternCase{"not_opened", "n}{n}", CheckDigit::none, errc::serial_pattern},
                      PatternCase{"unknown_field", "{x}{n}", CheckDigit::none, errc::serial_pattern},
                      PatternCase{"width_zero", "{n:0}", CheckDigit::none, errc::serial_pattern},
                      PatternCase{"width_huge", "{n:999999}", CheckDigit::none, errc::serial_pattern},
                      PatternCase{"width_text", "{n:4x}", CheckDigit::none, errc::serial_pattern},
                      PatternCase{"digit_without_rule", "{n}{c}", CheckDigit::none, errc::serial_pattern},
                      PatternCase{"rule_without_digit", "{n}", CheckDigit::luhn, errc::serial_pattern},
                      PatternCase{"two_digits", "{n}{c}{c}", CheckDigit::luhn, errc::serial_pattern},
                      PatternCase{"slash", "a/{n}", CheckDigit::none, errc::bad_serial},
                      PatternCase{"space", "a {n}", CheckDigit::none, errc::bad_serial}),
    [](const auto& row) { return row.param.name; });
TEST_P(BadPattern, is_refused) {
  EXPECT_EQ(serial_of(GetParam().pattern, 1, GetParam().check).error().code, GetParam().code);
}

/// Luhn's promise: no single wrong digit passes, and no two neighbours exchanged but 09 and 90.
TEST(Identity, luhn_finds_every_single_wrong_digit) {
  const std::string good = serial_of("{n:8}{c}", 40531728, CheckDigit::luhn).value();
  for (std::size_t i = 0; i < 8; ++i) {
    for (char c = '0'; c <= '9'; ++c) {
      std::string changed = good.substr(0, 8);
      if (changed[i] == c) continue;
      changed[i] = c;
      EXPECT_NE(serial_of("{n:8}{c}", std::stoull(changed), CheckDigit::luhn).value().back(), good.back()) << changed;
    }
  }
}

TEST(Identity, serials_are_safe_as_file_names) {
  for (const char* good : {"A", "FL-000001", "a.b_c:d+e#f"}) EXPECT_TRUE(check_serial(good)) << good;
  for (const std::string& bad : {std::string{}, std::string{".."}, std::string{"a/b"}, std::string{"-x"},
                                 std::string{"ä"}, std::string{"a\nb"}, std::string(65, 'a')}) {
    EXPECT_EQ(check_serial(bad).error().code, errc::bad_serial) << bad;
  }
}

TEST(Identity, host_names) {
  for (const std::string& good : {std::string{"panel-1"}, std::string{"a.b.example"}, std::string(63, 'a')}) {
    EXPECT_TRUE(check_hostname(good)) << good;
  }
  for (const std::string& bad :
       {std::string{}, std::string{"-a"}, std::string{"a-"}, std::string{"a..b"}, std::string{"a."},
        std::string{"under_score"}, std::string(64, 'a'), std::string{"spa ce"}, std::string{"ä"}}) {
    EXPECT_EQ(check_hostname(bad).error().code, errc::bad_hostname) << bad;
  }
}

TEST(Identity, mac_addresses) {
  for (const char* good : {"02:00:5e:10:00:0F", "02-00-5E-10-00-0F", "02005E10000F"}) {
    EXPECT_EQ(to_text(parse_mac_address(good).value()), "02:00:5E:10:00:0F");
  }
  for (const char* bad : {"", "02:00:5E:10:00", "02:00:5E:10:00:0G", "02:00-5E:10:00:0F",
                          "02:00:5E:10:00:0F:", "01:00:5E:00:00:01", "FF:FF:FF:FF:FF:FF", "00:00:00:00:00:00",
                          "2:0:5E:10:0:F", "+2005E10000F", "02.00.5E.10.00.0F", "02:00:5E:10:00:0F\n"}) {
    EXPECT_EQ(parse_mac_address(bad).error().code, errc::bad_mac) << bad;
  }
}

TEST(Identity, mac_blocks_never_overlap_and_end) {
  const MacBlocks pool{*parse_mac_address("02:00:5E:10:00:FE"), *parse_mac_address("02:00:5E:10:01:04"), 2};
  EXPECT_EQ(blocks_in(pool), 3U);
  EXPECT_EQ(to_text(mac_block(pool, 0).value()[1]), "02:00:5E:10:00:FF");
  EXPECT_EQ(to_text(mac_block(pool, 1).value()[0]), "02:00:5E:10:01:00");
  EXPECT_EQ(to_text(mac_block(pool, 2).value()[1]), "02:00:5E:10:01:03");
  EXPECT_EQ(mac_block(pool, 3).error().code, errc::mac_pool_exhausted);
  EXPECT_EQ(mac_block(pool, ~std::uint64_t{0}).error().code, errc::mac_pool_exhausted);
}

}  // namespace
}  // namespace flashline::imaging
