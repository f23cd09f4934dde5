#include "flasher/api/station_json.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace flashline::line {
namespace {

namespace json = boost::json;

TEST(StationJson, TellsTheFirstChangedRecordAndWhy) {
  VerifyReport report;
  report.findings.push_back({.seq = 18, .text = "record 18 was changed"});
  const json::value answer = json::parse(verify_json(report));
  EXPECT_FALSE(answer.at("ok").as_bool());
  EXPECT_EQ(answer.at("first_bad").to_number<int>(), 18);
  EXPECT_EQ(answer.at("reason").as_string(), "record 18 was changed");
}

TEST(StationJson, TellsThatNothingWasChanged) {
  const json::value answer = json::parse(verify_json(VerifyReport{}));
  EXPECT_TRUE(answer.at("ok").as_bool());
  EXPECT_TRUE(answer.at("first_bad").is_null());
  EXPECT_TRUE(answer.at("reason").is_null());
}

}  // namespace
}  // namespace flashline::line
