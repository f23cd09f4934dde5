// A batch from order to records on virtual boards, through the daemon, its API and the command line.
#include <boost/json.hpp>
#include <future>
#include <gmock/gmock.h>
#include <set>

#include "tests/fakes/disk_images.h"
#include "tests/fakes/station_process.h"

namespace flashline::line {
namespace {

namespace json = boost::json;
using fakes::RawHttp;
using fakes::StationProcess;
using ::testing::HasSubstr;

constexpr std::string_view recipe = R"(<recipe name="panel">
  <identity>
    <serial pattern="FL-{n:4}"/>
    <mac first="02:00:5E:10:00:00" last="02:00:5E:10:00:FF" count="2"/>
    <hostname pattern="panel-${unit}"/>
  </identity>
  <overlay><file partition="ESP" path="/id/identity.env">SERIAL=${serial}&#10;MAC=${mac.1}&#10;</file></overlay>
</recipe>)";

/// A GPT image of 24 MiB whose only partition is FAT; made once, since sgdisk waits a second after writing.
const std::string& fat_image() {
  static const imaging::ImageFolder folder;
  static const std::string image = [] {
    const std::string path = folder / "fat.img";
    imaging::must_run("truncate -s 24M " + path);
    imaging::must_run("sgdisk -n 1:2048:+20M -t 1:ef00 -c 1:ESP " + path);
    imaging::must_run("mkfs.fat -n ESP --offset 2048 " + path + " 20480");
    imaging::must_run("sh -c 'head -c 9000000 /dev/urandom > " + folder / "noise" + "'");
    imaging::must_run("mcopy -i " + path + "@@1M " + folder / "noise" + " ::/noise");
    return path;
  }();
  return image;
}

class BatchFlowTest : public ::testing::Test {
 protected:
  BatchFlowTest() {
    std::filesystem::create_hard_link(fat_image(), folder_.path() / "panel.img");
    std::ofstream{folder_.path() / "recipe.xml"} << recipe;
  }
  void start(const std::string& slots, std::string_view attempts = "2") {
    station_.configure(StationProcess::xml(slots, "0", attempts));
    ASSERT_TRUE(station_.start()) << station_.log();
  }
  json::value get(const std::string& target) const { return json::parse(station_.get("/api/v1/" + target).body); }
  std::string board(int n) const { return (folder_.path() / ("board-" + std::to_string(n) + ".img")).string(); }
  std::string identity_on(int n) const { return run_tool("mtype -i " + board(n) + "@@1M ::/id/identity.env").output; }
  fakes::CommandResult create(int quantity, std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"batch",
                                   "create",
                                   (folder_.path() / "panel.img").string(),
                                   "--recipe",
                                   (folder_.path() / "recipe.xml").string(),
                                   "--quantity",
                                   std::to_string(quantity)};
    words.insert(words.end(), more.begin(), more.end());
    return station_.flashline(words);
  }

  imaging::ImageFolder folder_;
  StationProcess station_{folder_.path()};
};

std::string eight_boards() {
  std::string slots;
  for (int n = 1; n <= 8; ++n) {
    slots += StationProcess::board(n, n == 5 ? "fail-write=\"1\"" : n == 8 ? "rate=\"40MB/s\"" : "");
  }
  return slots;
}

TEST_F(BatchFlowTest, eight_boards_get_eight_identities_and_their_records) {
  start(eight_boards());
  const auto run = create(8, {"--wait", "--name", "first", "--operator", "Ada"});
  EXPECT_EQ(run.exit_code, 0) << run.err << station_.log();
  EXPECT_THAT(run.out, ::testing::EndsWith("8 passed, 0 failed\n"));
  EXPECT_EQ(std::ranges::count(run.out, '\n'), 9);

  std::set<std::string> identities;
  for (int n = 1; n <= 8; ++n) {
    identities.insert(identity_on(n));
    const auto table = run_tool("sgdisk -v " + board(n));
    EXPECT_THAT(table.output, HasSubstr("No problems found")) << n;
    EXPECT_EQ(run_tool("sh -c 'dd if=" + board(n) + " bs=1M skip=1 count=20 status=none > " + board(n) +
                       ".fat && fsck.fat -n " + board(n) + ".fat'")
                  .code,
              0);
  }
  EXPECT_EQ(identities.size(), 8U);

  const json::value batch = get("batches/1");
  EXPECT_EQ(batch.at("state").as_string(), "done");
  EXPECT_EQ(batch.at("passed").to_number<int>(), 8);
  EXPECT_EQ(batch.at("failed_attempts").to_number<int>(), 1);
  EXPECT_EQ(batch.at("operator").as_string(), "Ada");
  EXPECT_EQ(get("units?batch=1&state=committed").at("units").as_array().size(), 8U);
  EXPECT_EQ(get("records/verify").at("ok").as_bool(), true);
}

TEST_F(BatchFlowTest, every_command_answers_for_people_and_for_programs) {
  start(StationProcess::board(1) + StationProcess::board(2));
  EXPECT_EQ(create(2, {"--wait"}).exit_code, 0) << station_.log();
  struct Row {
    std::vector<std::string> words;
    std::string_view text;
    std::string_view member;
  };
  const std::vector<Row> rows{
      {{"station", "status"}, "Station: test line", "started_at"},
      {{"station", "slots"}, "SLOT", "slots"},
      {{"batch", "list"}, "BATCH", "batches"},
      {{"batch", "show", "1"}, "Passed: 2", "failed_attempts"},
      {{"unit", "list", "--batch", "1"}, "SERIAL", "units"},
      {{"unit", "show", "FL-0001"}, "State: committed", "attempts"},
      {{"unit", "explain", "FL-0001"}, "the board carries this identity", "text"},
      {{"records", "verify"}, "Intact: true", "tip_hash"},
  };
  for (Row row : rows) {
    const auto people = station_.flashline(row.words);
    EXPECT_EQ(people.exit_code, 0) << row.words[1] << people.err;
    EXPECT_THAT(people.out, HasSubstr(std::string{row.text}));
    row.words.push_back("--json");
    const auto programs = station_.flashline(row.words);
    EXPECT_TRUE(json::parse(programs.out).as_object().contains({row.member.data(), row.member.size()})) << programs.out;
  }
  EXPECT_EQ(station_.flashline({"unit", "show", "nobody"}).exit_code, 3);
  EXPECT_EQ(station_.flashline({"station", "retry", "9"}).exit_code, 3);
  EXPECT_EQ(station_.flashline({"batch", "pause", "1"}).exit_code, 3) << "it is done";
  EXPECT_EQ(station_.flashline({"batch", "show", "1", "--station", "unix:/nonexistent"}).exit_code, 7);
}

TEST_F(BatchFlowTest, records_leave_online_and_offline_alike) {
  start(StationProcess::board(1));
  EXPECT_EQ(create(1, {"--wait"}).exit_code, 0) << station_.log();
  const auto online = station_.flashline({"records", "export"});
  EXPECT_EQ(online.exit_code, 0);
  EXPECT_THAT(online.out, HasSubstr("unit_committed"));
  EXPECT_THAT(station_.flashline({"records", "export", "--csv"}).out, HasSubstr("FL-0001"));
  const std::string state = (folder_.path() / "state").string();
  EXPECT_EQ(station_.flashline({"records", "verify", "--state", state}).exit_code, 3) << "the station holds them";
  EXPECT_EQ(station_.stop(), 0);
  const auto offline = station_.flashline({"records", "export", "--state", state});
  EXPECT_EQ(offline.exit_code, 0) << offline.err;
  EXPECT_THAT(offline.out, ::testing::StartsWith(online.out)) << "only the stop was added";
  EXPECT_EQ(station_.flashline({"records", "verify", "--state", state}).exit_code, 0);
  EXPECT_EQ(run_tool("sqlite3 " + state + "/records.db \"UPDATE identities SET state='voided'\"").code, 0);
  EXPECT_NE(station_.flashline({"records", "verify", "--state", state}).exit_code, 0);
}

TEST_F(BatchFlowTest, what_is_refused_reaches_the_caller_with_its_code) {
  start(StationProcess::board(1));
  std::ofstream{folder_.path() / "bad.xml"} << "<recipe name='a'><overlay><fiel/></overlay></recipe>";
  std::ofstream{folder_.path() / "bad.csv"} << "serial,mac\nA,02:00:5E:00:00:01\nA,02:00:5E:00:00:02\n";
  struct Row {
    std::string body;
    unsigned status;
    std::string_view code;
  };
  const std::vector<Row> rows{
      {R"({"image":"missing.img","quantity":1})", 422, "FL-IMG-"},
      {R"({"image":"panel.img","recipe":"bad.xml","quantity":1})", 422, "FL-CFG-007"},
      {R"({"image":"panel.img","recipe":"none.xml","quantity":1})", 422, "FL-CFG-001"},
      {R"({"image":"panel.img","units_csv":"bad.csv"})", 422, "FL-UNI-"},
      {R"({"quantity":1})", 400, "FL-USE-026"},
      {R"({"image":"panel.img","quantity":0})", 400, "FL-USE-026"},
      {R"({"image":"panel.img","quantity":"many"})", 400, "FL-USE-026"},
      {R"({"image":"panel.img","quantity":1,"colour":"red"})", 400, "FL-USE-026"},
      {R"({"image":["panel.img"],"quantity":1})", 400, "FL-USE-026"},
      {R"([1])", 400, "FL-USE-023"},
      {R"({"image":)", 400, "FL-USE-023"},
  };
  for (const Row& row : rows) {
    const auto answer = station_.post("/api/v1/batches", row.body);
    EXPECT_EQ(answer.status, row.status) << row.body << answer.body;
    EXPECT_THAT(answer.body, HasSubstr(std::string{row.code})) << row.body;
  }
  EXPECT_TRUE(get("batches").at("batches").as_array().empty());
  EXPECT_EQ(create(1, {"--recipe", "x"}).exit_code, 2);
  const auto bad = station_.flashline(
      {"batch", "create", folder_ / "panel.img", "--recipe", folder_ / "bad.xml", "--quantity", "1"});
  EXPECT_EQ(bad.exit_code, 6);
  EXPECT_THAT(bad.err, HasSubstr("bad.xml:1:"));
}

TEST_F(BatchFlowTest, requests_that_fit_no_route_are_refused) {
  start(StationProcess::board(1));
  EXPECT_EQ(station_.get("/api/v1/nothing").status, 404U);
  EXPECT_EQ(station_.get("/api/v1/slots/9").status, 404U);
  EXPECT_EQ(station_.get("/api/v1/batches/9").status, 404U);
  EXPECT_EQ(station_.get("/api/v1/batches/x").status, 400U);
  EXPECT_EQ(station_.get("/api/v1/units/nobody").status, 404U);
  EXPECT_EQ(station_.get("/api/v1/units?state=lost").status, 400U);
  EXPECT_EQ(station_.get("/api/v1/slots/%zz").status, 400U);
  EXPECT_EQ(station_.get("/../etc/passwd").status, 404U);
  EXPECT_EQ(station_.post("/api/v1/station").status, 405U);
  RawHttp peer = RawHttp::local(station_.socket());
  EXPECT_EQ(peer.exchange("POST /api/v1/images HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}").status, 415U);
}

TEST_F(BatchFlowTest, a_failed_slot_waits_for_the_operator_and_is_retried) {
  start(StationProcess::board(1, "fail-write=\"1\""), "1");
  EXPECT_EQ(create(1).exit_code, 0) << station_.log();
  RawHttp peer = RawHttp::local(station_.socket());
  peer.send(
      "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  ASSERT_EQ(peer.answer(true).status, 101U);
  const auto until_state = [&](std::string_view wanted) {
    while (true) {
      const std::string text = peer.message();
      if (text.empty()) return json::object{};
      const json::object message = json::parse(text).as_object();
      const bool first = message.at("type").as_string() == "snapshot";
      if (!first && message.at("type").as_string() != "slot") continue;
      const json::object slot = (first ? message.at("slots").as_array().at(0) : message.at("slot")).as_object();
      if (std::string_view{slot.at("state").as_string()} == wanted) return slot;
    }
  };
  const json::object failed = until_state("failed");
  ASSERT_FALSE(failed.empty());
  EXPECT_EQ(failed.at("error").at("code").as_string(), "FL-DEV-001");
  EXPECT_EQ(station_.post("/api/v1/slots/1/retry", R"({"operator":"Ada"})").status, 200U);
  const json::object passed = until_state("passed");
  ASSERT_FALSE(passed.empty());
  EXPECT_THAT(std::string{passed.at("serial").as_string()}, ::testing::StartsWith("FL-000"));
  EXPECT_EQ(station_.post("/api/v1/slots/1/retry").status, 409U) << "nothing failed any more";
}

TEST_F(BatchFlowTest, sigterm_parks_a_batch_and_a_restart_goes_on_with_it) {
  start(StationProcess::board(1, "rate=\"6MB/s\"") + StationProcess::board(2));
  EXPECT_EQ(create(2).exit_code, 0) << station_.log();
  while (get("slots/1").at("state").as_string() != "writing") {
  }
  const std::string serial{get("slots/1").at("serial").as_string()};
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(station_.stop(SIGTERM), 0) << station_.log();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds{10});
  ASSERT_TRUE(station_.start()) << station_.log();
  EXPECT_EQ(get("batches/1").at("state").as_string(), "running");
  EXPECT_EQ(get("units/" + serial).at("state").as_string(), "reserved") << "the unit waits for its board";
  // One process waits for the rest of the batch, as a script would after a reboot.
  const auto wait_done = [&] {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (get("batches/1").at("state").as_string() != "done") {
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  };
  EXPECT_TRUE(wait_done()) << station_.log();
  EXPECT_EQ(get("units/" + serial).at("state").as_string(), "committed");
  EXPECT_EQ(get("records/verify").at("ok").as_bool(), true);
}

TEST_F(BatchFlowTest, whoever_waits_for_a_batch_outlives_a_restart_of_the_station) {
  start(StationProcess::board(1, "rate=\"6MB/s\"") + StationProcess::board(2));
  std::future<fakes::CommandResult> waiting = std::async(std::launch::async, [this] { return create(2, {"--wait"}); });
  while (get("slots/1").at("state").as_string() != "writing") {
  }
  EXPECT_EQ(station_.stop(SIGTERM), 0) << station_.log();
  ASSERT_TRUE(station_.start()) << station_.log();
  const auto run = waiting.get();
  EXPECT_EQ(run.exit_code, 0) << run.err << station_.log();
  EXPECT_THAT(run.out, ::testing::EndsWith("2 passed, 0 failed\n"));
  EXPECT_EQ(std::ranges::count(run.out, '\n'), 3) << "each unit is told once";
}

TEST_F(BatchFlowTest, a_batch_is_paused_resumed_and_closed) {
  start(StationProcess::board(1, "rate=\"20MB/s\""));
  EXPECT_EQ(create(3).exit_code, 0) << station_.log();
  const auto paused = station_.flashline({"batch", "pause", "1", "--reason", "lunch"});
  EXPECT_EQ(paused.exit_code, 0) << paused.err;
  EXPECT_THAT(paused.out, HasSubstr("State: paused"));
  EXPECT_THAT(paused.out, HasSubstr("Reason: lunch"));
  EXPECT_EQ(create(1).exit_code, 3) << "one batch at a time";
  EXPECT_THAT(station_.flashline({"batch", "resume", "1"}).out, HasSubstr("State: running"));
  EXPECT_THAT(station_.flashline({"batch", "close", "1"}).out, HasSubstr("State: closed"));
  EXPECT_EQ(get("station").at("batch").is_null(), true);
}

TEST_F(BatchFlowTest, the_images_folder_shows_images_and_no_boards) {
  start(StationProcess::board(1));
  std::ofstream{folder_.path() / "broken.ffu"} << std::string_view{"\x20\0\0\0SignedImage ", 16};
  const json::value listing = get("images");
  ASSERT_EQ(listing.at("images").as_array().size(), 1U) << json::serialize(listing);
  EXPECT_EQ(listing.at("images").at(0).at("path").as_string(), (folder_ / "panel.img").c_str());
  EXPECT_EQ(listing.at("images").at(0).at("format").as_string(), "raw");
  ASSERT_EQ(listing.at("refused").as_array().size(), 1U);
  EXPECT_THAT(json::serialize(listing.at("refused").at(0).at("error")), HasSubstr("FL-IMG-"));
  EXPECT_EQ(station_.post("/api/v1/images", R"({"path":"panel.img"})").status, 200U);
  EXPECT_EQ(station_.post("/api/v1/images", R"({"path":"broken.ffu"})").status, 422U);
}

TEST_F(BatchFlowTest, a_station_that_trusts_nobody_unsigned_refuses_the_image) {
  imaging::must_run("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=root -keyout " + folder_ / "key.pem" +
                    " -out " + folder_ / "root.pem");
  station_.configure(
      "<station name='a' mode='production'><paths images='.'/><listen port='0'/><trust><anchor "
      "file='root.pem'/></trust>"
      "<slots><slot name='1' row='1' column='1'><file path='b.img' size='24MiB'/></slot></slots></station>");
  ASSERT_TRUE(station_.start()) << station_.log();
  const auto run = create(1);
  EXPECT_EQ(run.exit_code, 4) << run.err;
  EXPECT_THAT(run.err, HasSubstr("FL-TRU-001"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "b.img"));
}

}  // namespace
}  // namespace flashline::line
