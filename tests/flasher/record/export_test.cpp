#include "flasher/record/export.h"

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/provisioning/csv.h"
#include "tests/fakes/state_folder.h"

namespace flashline::line {
namespace {

using namespace test;
using Row = std::map<std::string, std::string>;

class Export : public ::testing::Test {
 protected:
  void SetUp() override { fill(*store_); }

  std::vector<Row> csv(std::optional<std::int64_t> batch = {}) {
    std::string text;
    EXPECT_TRUE(export_csv(store_->read(), batch, [&](std::string_view line) -> Status {
      text += line;
      return {};
    }));
    const auto table = imaging::parse_csv(text, "export");
    EXPECT_TRUE(table) << to_text(table.error());
    std::vector<Row> rows;
    for (std::size_t i = 1; i < table->size(); ++i) {
      Row& row = rows.emplace_back();
      for (std::size_t column = 0; column < (*table)[0].size(); ++column) {
        row[(*table)[0][column].text] = (*table)[i][column].text;
      }
    }
    return rows;
  }

  MemoryFolder folder_;
  std::unique_ptr<Store> store_ = open_store(folder_.path());
};

TEST_F(Export, csv_has_a_row_for_each_attempt_with_all_that_an_auditor_asks) {
  const auto rows = csv();
  ASSERT_EQ(rows.size(), 4U) << "two of the first unit, one of each other";
  EXPECT_EQ(rows[0].at("serial"), "FL-000001");
  EXPECT_EQ(rows[0].at("state"), "committed");
  EXPECT_EQ(rows[0].at("macs"), "02:00:5E:10:00:02 02:00:5E:10:00:03");
  EXPECT_EQ(rows[0].at("attempt_state"), "failed");
  EXPECT_EQ(rows[0].at("attempt_error_code"), "FL-DEV-001");
  EXPECT_EQ(rows[0].at("attempt_image_digest"), std::string(64, 'a'));
  EXPECT_EQ(rows[0].at("batch_operator"), "Ada");
  EXPECT_EQ(rows[1].at("attempt_number"), "2");
  EXPECT_EQ(rows[1].at("attempt_state"), "passed");
  EXPECT_EQ(rows[2].at("reason"), "another board is in the slot");
  EXPECT_EQ(rows[2].at("attempt_state"), "interrupted");
  EXPECT_EQ(rows[3].at("attempt_state"), "running");
  EXPECT_TRUE(csv(2).empty()) << "a batch without units";
}

TEST_F(Export, csv_survives_quotes_line_ends_and_formulas) {
  UnitRow unit = unit_draft(2, 7);
  unit.fields = {{"note", "=cmd(\"a,b\")\r\nnext"}};
  unit.hostname = "=1+1";
  ASSERT_TRUE(store_->change_batch(2, BatchState::running, ""));
  ASSERT_TRUE(store_->reserve(unit, attempt_draft(7)));
  const auto rows = csv(2);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at("fields"), "note==cmd(\"a,b\")\r\nnext");
  EXPECT_EQ(rows[0].at("hostname"), "'=1+1");
}

TEST_F(Export, the_log_can_be_checked_by_its_lines_alone) {
  std::string previous = first_hash();
  std::uint64_t seq = 0;
  ASSERT_TRUE(export_log(store_->read(), {}, 0, [&](std::string_view line) -> Status {
    EXPECT_EQ(line.back(), '\n');
    const auto parsed = boost::json::parse(line.substr(0, line.size() - 1));
    const auto body = line.substr(line.find("\"record\":") + 9, line.size() - line.find("\"record\":") - 11);
    EXPECT_EQ(parsed.at("record").at("seq").to_number<std::uint64_t>(), ++seq);
    previous = chain_hash(previous, body);
    EXPECT_EQ(parsed.at("hash").as_string(), previous);
    return {};
  }));
  EXPECT_EQ(seq, 17U);
  std::size_t of_second = 0;
  ASSERT_TRUE(export_log(store_->read(), 2, 0, [&](std::string_view) -> Status {
    ++of_second;
    return {};
  }));
  EXPECT_EQ(of_second, 2U);
}

}  // namespace
}  // namespace flashline::line
