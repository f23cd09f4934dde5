// flashlined from the outside: how it starts, what it refuses, how it ends.
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/fakes/station_process.h"
#include "tests/station-config/mistakes.h"

namespace flashline::line {
namespace {

using fakes::RawHttp;
using fakes::run_command;
using fakes::StationProcess;
using fakes::TempFolder;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

const std::string program = FLASHLINE_BIN_DIR "/flashlined";

class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() { station_.configure(StationProcess::xml(StationProcess::board(1))); }
  TempFolder folder_;
  StationProcess station_{folder_.path()};
};

TEST_F(DaemonTest, says_where_it_listens_and_stops_on_sigterm) {
  ASSERT_TRUE(station_.start()) << station_.log();
  const std::string tcp = "http://127.0.0.1:" + std::to_string(station_.port());
  EXPECT_EQ(station_.said(), "flashlined: listening on " + tcp + " and unix:" + station_.socket() + "\n");
  EXPECT_EQ(fakes::slurp(folder_.path() / "state/address"), tcp + "\n");
  EXPECT_EQ(station_.get("/api/v1/station").status, 200U);
  EXPECT_EQ(station_.stop(SIGTERM), 0) << station_.log();
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "state/address"));
  EXPECT_FALSE(std::filesystem::exists(station_.socket()));
}

TEST_F(DaemonTest, its_folders_are_closed_to_others) {
  ASSERT_TRUE(station_.start()) << station_.log();
  for (const char* name : {"state", "cache", "logs"}) {
    struct stat status{};
    ASSERT_EQ(::stat((folder_.path() / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0007U, 0U) << name;
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder_.path() / "state"}) {
    EXPECT_EQ(entry.status().permissions() & std::filesystem::perms::others_all, std::filesystem::perms::none) << entry;
  }
}

TEST_F(DaemonTest, takes_one_state_folder_for_itself) {
  ASSERT_TRUE(station_.start()) << station_.log();
  const auto second = run_command({program, "--config", (folder_.path() / "station.xml").string()});
  EXPECT_NE(second.exit_code, 0);
  EXPECT_THAT(second.err, HasSubstr("FL-REC-"));
  EXPECT_EQ(station_.get("/api/v1/station").status, 200U) << "the first one goes on";
}

TEST_F(DaemonTest, a_port_in_use_is_said_clearly) {
  ASSERT_TRUE(station_.start()) << station_.log();
  const TempFolder other;
  StationProcess late{other.path()};
  late.configure(StationProcess::xml(StationProcess::board(1), std::to_string(station_.port())));
  EXPECT_FALSE(late.start());
  EXPECT_EQ(late.wait(), 7);
  EXPECT_THAT(late.log(), HasSubstr("FL-STA-003"));
  EXPECT_THAT(late.log(), HasSubstr("127.0.0.1:" + std::to_string(station_.port())));
}

TEST_F(DaemonTest, starts_again_after_it_was_killed) {
  ASSERT_TRUE(station_.start()) << station_.log();
  EXPECT_EQ(station_.stop(SIGKILL), 128 + SIGKILL);
  ASSERT_TRUE(station_.start()) << station_.log();
  EXPECT_EQ(station_.get("/api/v1/station").status, 200U);
}

TEST_F(DaemonTest, every_mistake_in_station_xml_ends_with_6_and_its_place) {
  for (const auto& row : config::station_mistakes()) {
    const std::filesystem::path file = folder_.path() / "bad.xml";
    std::ofstream{file, std::ios::binary} << config::with_mistake(config::golden_config("station.xml"), row);
    const auto run = run_command({program, "--config", file.string()});
    EXPECT_EQ(run.exit_code, 6) << row.name;
    EXPECT_THAT(run.err, HasSubstr("error[FL-CFG-")) << row.name;
    EXPECT_THAT(run.err, HasSubstr("bad.xml:" + std::string{row.where} + ": ")) << row.name;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "state")) << "the world is unchanged";
}

TEST_F(DaemonTest, an_anchor_that_is_none_is_a_configuration_error) {
  std::ofstream{folder_.path() / "empty.pem"} << "no certificate";
  for (const char* name : {"missing.pem", "empty.pem"}) {
    station_.configure("<station name='a' mode='test'>\n<trust>\n <anchor file='" + std::string{name} +
                       "'/></trust><slots>" + StationProcess::board(1) + "</slots></station>");
    const auto run = run_command({program, "--config", (folder_.path() / "station.xml").string()});
    EXPECT_EQ(run.exit_code, 6);
    EXPECT_THAT(run.err, HasSubstr("FL-CFG-027"));
    EXPECT_THAT(run.err, HasSubstr("station.xml:3:3: "));
    EXPECT_THAT(run.err, HasSubstr(name));
  }
}

TEST_F(DaemonTest, folders_that_cannot_be_made_are_named) {
  std::ofstream{folder_.path() / "state"} << "a file";
  EXPECT_FALSE(station_.start());
  EXPECT_EQ(station_.wait(), 7);
  EXPECT_THAT(station_.log(), HasSubstr("FL-STA-008"));
}

TEST_F(DaemonTest, check_only_reads) {
  const std::string file = (folder_.path() / "station.xml").string();
  const auto good = run_command({program, "--check", "--config", file});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  EXPECT_THAT(good.out, HasSubstr("station test line, test mode, 1 slots: valid"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "state"));
  EXPECT_EQ(run_command({program, "--check", "--config", file + "x"}).exit_code, 6);
}

TEST_F(DaemonTest, words_are_understood_or_refused) {
  EXPECT_THAT(run_command({program, "--version"}).out, MatchesRegex("flashlined [0-9.]+\n"));
  EXPECT_THAT(run_command({program, "--help"}).out, HasSubstr("--config"));
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{program}, {program, "--config"}, {program, "--bogus"}, {program, "station.xml"}}) {
    const auto run = run_command(words);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(run.err, HasSubstr("FL-USE-001"));
  }
}

TEST_F(DaemonTest, the_service_manager_is_told) {
  const std::string path = (folder_.path() / "notify.sock").string();
  const imaging::FileHandle manager{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_TRUE(station_.start({"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=100000"})) << station_.log();
  const auto next = [&] {
    pollfd waiting{manager.get(), POLLIN, 0};
    std::array<char, 256> text{};
    if (::poll(&waiting, 1, 20000) <= 0) return std::string{};
    return std::string(text.data(), static_cast<std::size_t>(::recv(manager.get(), text.data(), text.size(), 0)));
  };
  EXPECT_EQ(next(), "READY=1");
  EXPECT_EQ(next(), "WATCHDOG=1");
  EXPECT_EQ(next(), "WATCHDOG=1");
  EXPECT_EQ(station_.stop(SIGTERM), 0);
  std::string last = next();
  while (last == "WATCHDOG=1") last = next();
  EXPECT_EQ(last, "STOPPING=1");
}

TEST_F(DaemonTest, the_page_comes_with_it_and_loads_nothing_from_elsewhere) {
  ASSERT_TRUE(station_.start()) << station_.log();
  for (const auto& [path, type] :
       {std::pair{"/", "text/html"}, std::pair{"/style.css", "text/css"}, std::pair{"/app.js", "text/javascript"},
        std::pair{"/openapi.yaml", "application/yaml"}}) {
    RawHttp peer = RawHttp::tcp(station_.port());
    const auto answer = peer.exchange("GET " + std::string{path} +
                                      " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(station_.port()) + "\r\n\r\n");
    EXPECT_EQ(answer.status, 200U) << path;
    EXPECT_THAT(RawHttp::field(answer.head, "Content-Type").value_or(""), ::testing::StartsWith(type));
    EXPECT_EQ(RawHttp::field(answer.head, "Cache-Control"), "no-store");
    EXPECT_THAT(RawHttp::field(answer.head, "Content-Security-Policy").value_or(""), HasSubstr("default-src 'none'"));
    EXPECT_EQ(answer.body, fakes::slurp(std::string{FLASHLINE_SOURCE_DIR "/flasher/"} +
                                        (std::string_view{path} == "/"               ? "web/index.html"
                                         : std::string_view{path} == "/openapi.yaml" ? "api/openapi.yaml"
                                                                                     : "web" + std::string{path})));
  }
}

}  // namespace
}  // namespace flashline::line
