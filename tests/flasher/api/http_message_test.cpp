#include "flasher/api/http_message.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/config.h"
#include "imaging/core/errors/record.h"
#include "imaging/core/errors/station.h"
#include "imaging/core/errors/target.h"
#include "imaging/core/errors/trust.h"
#include "imaging/core/errors/usage.h"

namespace flashline::line {
namespace {

TEST(ParseTarget, takes_path_and_query_apart) {
  const auto target = parse_target("/api/v1/units/FL%2F1?batch=3&name=a+b%3D&flag&=x");
  ASSERT_TRUE(target.has_value());
  EXPECT_THAT(target->segments, ::testing::ElementsAre("api", "v1", "units", "FL/1"));
  EXPECT_EQ(target->value("batch"), "3");
  EXPECT_EQ(target->value("name"), "a b=");
  EXPECT_EQ(target->value("flag"), "");
  EXPECT_EQ(target->value("other"), std::nullopt);
}

TEST(ParseTarget, refuses_what_is_no_path) {
  for (const char* bad : {"", "*", "http://127.0.0.1/", "/%", "/%4", "/%zz", "/%00", "/a?b=%f", "/a?%00=1"}) {
    const auto target = parse_target(bad);
    ASSERT_FALSE(target.has_value()) << bad;
    EXPECT_EQ(target.error().code, errc::request_malformed);
  }
}

struct Row {
  Errc errc;
  unsigned status;
};

TEST(StatusOf, fits_the_error) {
  for (const Row& row : {Row{errc::no_such_path, 404}, Row{errc::no_such_unit, 404}, Row{errc::batch_open, 409},
                         Row{errc::foreign_host, 403}, Row{errc::request_too_large, 413}, Row{errc::request_field, 400},
                         Row{errc::unsigned_image, 422}, Row{errc::config_mac, 422}, Row{errc::target_in_use, 409},
                         Row{errc::station_stopping, 503}, Row{errc::record_store, 500}}) {
    EXPECT_EQ(status_of(row.errc), row.status) << code_of(row.errc);
  }
}

TEST(ErrorResponse, carries_code_text_and_advice) {
  const HttpResponse response = error_response({errc::no_such_unit, "unit \"7\""});
  EXPECT_EQ(response.status, 404U);
  EXPECT_THAT(response.body, ::testing::StartsWith(R"({"error":{"code":"FL-REC-011","text":"unit \"7\"","advice":")"));
}

}  // namespace
}  // namespace flashline::line
