// The server against a peer that speaks HTTP by hand, honestly and not.
#include "flasher/api/http_server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "flasher/api/http_client.h"
#include "imaging/core/errors/station.h"
#include "tests/fakes/raw_http.h"

namespace flashline::line {
namespace {

using fakes::RawHttp;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

asio::awaitable<HttpResponse> echo(HttpRequest request) {
  HttpResponse response{.content_type = "text/plain", .body = {}, .source = {}, .headers = {}};
  response.body = request.method + " " + request.target + " " + request.body + (request.local_socket ? " local" : "");
  if (request.target == "/pieces") {
    response.source = [left = std::make_shared<int>(3)]() -> asio::awaitable<Result<std::string>> {
      co_return *left == 0 ? std::string{} : std::string(70000, static_cast<char>('0' + (*left)--));
    };
  }
  co_return response;
}

asio::awaitable<std::string> hello(EventHub::Listener&) { co_return "snapshot"; }

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() { start({}); }
  ~HttpServerTest() override { stop(); }

  void start(HttpServerOptions options) {
    options.socket = socket_;
    auto created = HttpServer::create(context_.get_executor(), options, {echo, "/events", hello}, hub_);
    ASSERT_TRUE(created.has_value()) << created.error().detail;
    server_ = std::move(*created);
    thread_ = std::thread{[this] { context_.run(); }};
  }

  void stop() {
    if (!thread_.joinable()) return;
    asio::post(context_, [this] { server_->stop(); });
    thread_.join();
    server_.reset();
    context_.restart();
  }

  void restart(HttpServerOptions options) {
    stop();
    start(options);
  }

  RawHttp tcp() const { return RawHttp::tcp(server_->port()); }
  std::string own() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  std::string get(std::string_view target, std::string_view more = {}) const {
    return "GET " + std::string{target} + " HTTP/1.1\r\nHost: " + own() + "\r\n" + std::string{more} + "\r\n";
  }

  std::string socket_ = std::filesystem::path{::testing::TempDir()} / ("http-" + std::to_string(::getpid()) + ".sock");
  asio::io_context context_{1};
  EventHub hub_{context_.get_executor()};
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

TEST_F(HttpServerTest, answers_on_both_ways_in) {
  const auto answer = tcp().exchange(get("/a?b=c"));
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, "GET /a?b=c ");
  EXPECT_EQ(RawHttp::local(socket_).exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").body, "GET /a  local");
  struct stat status{};
  ASSERT_EQ(::stat(socket_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0660U);
}

TEST_F(HttpServerTest, one_connection_carries_many_requests) {
  RawHttp peer = tcp();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(peer.exchange("POST /p HTTP/1.1\r\nHost: " + own() + "\r\nContent-Length: 2\r\n\r\nhi").body,
              "POST /p hi");
  }
  peer.send("HEAD /h HTTP/1.1\r\nHost: " + own() + "\r\n\r\n");
  const auto head = peer.answer(true);
  EXPECT_EQ(RawHttp::field(head.head, "Content-Length"), "7");
  EXPECT_EQ(peer.exchange(get("/after")).body, "GET /after ");
}

TEST_F(HttpServerTest, long_answers_come_in_pieces) {
  const auto answer = tcp().exchange(get("/pieces"));
  EXPECT_EQ(answer.body.size(), 210000U);
  EXPECT_EQ(answer.body[0], '3');
  EXPECT_EQ(answer.body[209999], '1');
}

struct Caller {
  const char* name;
  std::string_view headers;  ///< PORT stands for the port
  unsigned status;
  std::string_view code = {};
};

class HttpCaller : public HttpServerTest, public ::testing::WithParamInterface<Caller> {
 protected:
  std::string headers() const {
    std::string text{GetParam().headers};
    for (std::size_t at = text.find("PORT"); at != std::string::npos; at = text.find("PORT")) {
      text.replace(at, 4, std::to_string(server_->port()));
    }
    return text;
  }
};

TEST_P(HttpCaller, is_let_in_or_not) {
  const auto answer = tcp().exchange("POST /x HTTP/1.1\r\n" + headers() + "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(answer.status, GetParam().status) << answer.head;
  EXPECT_THAT(answer.body, HasSubstr(std::string{GetParam().code}));
}

INSTANTIATE_TEST_SUITE_P(
    Http, HttpCaller,
    ::testing::Values(
        Caller{"own", "Host: 127.0.0.1:PORT\r\n", 200}, Caller{"localhost", "Host: LocalHost:PORT\r\n", 200},
        Caller{"own_page", "Host: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\n", 200},
        Caller{"own_page_by_name", "Host: localhost:PORT\r\nOrigin: http://localhost:PORT\r\n", 200},
        Caller{"rebound_name", "Host: evil.example:PORT\r\n", 403, "FL-STA-005"},
        Caller{"rebound_prefix", "Host: 127.0.0.1.evil.example:PORT\r\n", 403, "FL-STA-005"},
        Caller{"other_port", "Host: 127.0.0.1:1\r\n", 403, "FL-STA-005"},
        Caller{"no_port", "Host: 127.0.0.1\r\n", 403, "FL-STA-005"}, Caller{"no_host", "", 403, "FL-STA-005"},
        Caller{"empty_host", "Host: \r\n", 403, "FL-STA-005"},
        Caller{"two_hosts", "Host: 127.0.0.1:PORT\r\nHost: evil.example\r\n", 403, "FL-STA-005"},
        Caller{"foreign_page", "Host: 127.0.0.1:PORT\r\nOrigin: http://evil.example\r\n", 403, "FL-STA-006"},
        Caller{"foreign_port", "Host: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:1\r\n", 403, "FL-STA-006"},
        Caller{"secure_page", "Host: 127.0.0.1:PORT\r\nOrigin: https://127.0.0.1:PORT\r\n", 403, "FL-STA-006"},
        Caller{"null_page", "Host: 127.0.0.1:PORT\r\nOrigin: null\r\n", 403, "FL-STA-006"},
        Caller{"two_origins", "Host: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\nOrigin: http://evil\r\n", 403,
               "FL-STA-006"}),
    [](const auto& row) { return row.param.name; });

TEST_F(HttpServerTest, no_web_page_reaches_the_unix_socket) {
  const auto answer =
      RawHttp::local(socket_).exchange("GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n");
  EXPECT_EQ(answer.status, 403U);
}

struct BadRequest {
  const char* name;
  std::string_view bytes;
  unsigned status;
};

class HttpGarbage : public HttpServerTest, public ::testing::WithParamInterface<BadRequest> {};

TEST_P(HttpGarbage, is_refused_and_the_server_lives) {
  const auto answer = tcp().exchange(GetParam().bytes);
  EXPECT_EQ(answer.status, GetParam().status) << answer.head;
  EXPECT_EQ(tcp().exchange(get("/")).status, 200U);
}

INSTANTIATE_TEST_SUITE_P(
    Http, HttpGarbage,
    ::testing::Values(BadRequest{"noise", "\x16\x03\x01 hello\r\n\r\n", 400},
                      BadRequest{"no_version", "GET /\r\n\r\n", 400},
                      BadRequest{"bad_version", "GET / HTTP/9.9\r\n\r\n", 400},
                      BadRequest{"bad_field", "GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
                      BadRequest{"bad_length", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
                      BadRequest{"two_lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                                 400},
                      BadRequest{"bad_chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
                      BadRequest{"body_too_long", "POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n", 413}),
    [](const auto& row) { return row.param.name; });

TEST_F(HttpServerTest, sizes_are_bounded) {
  RawHttp header = tcp();
  EXPECT_EQ(
      header.exchange("GET / HTTP/1.1\r\nHost: " + own() + "\r\nX: " + std::string(9000, 'x') + "\r\n\r\n").status,
      413U);
  RawHttp chunks = tcp();
  std::string body = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 5; ++i) body += "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  EXPECT_EQ(chunks.exchange(body).status, 413U);
}

TEST_F(HttpServerTest, a_request_that_drips_in_is_cut_off) {
  restart({.socket = {}, .read_time = 150ms});
  RawHttp slow = tcp();
  const auto begun = std::chrono::steady_clock::now();
  slow.send("GET / HT");
  EXPECT_EQ(slow.receive(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
}

TEST_F(HttpServerTest, idle_callers_do_not_lock_the_others_out) {
  restart({.socket = {}, .max_connections = 2, .read_time = 60s});
  RawHttp first = tcp();
  RawHttp second = tcp();
  first.exchange(get("/"));
  second.exchange(get("/"));
  EXPECT_EQ(tcp().exchange(get("/")).status, 0U) << "the third connection is closed at once";
  EXPECT_EQ(RawHttp::local(socket_).exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200U)
      << "the other way in is free";
}

TEST_F(HttpServerTest, a_second_server_does_not_take_the_socket_over) {
  asio::io_context other{1};
  EventHub hub{other.get_executor()};
  const auto same_socket = HttpServer::create(other.get_executor(), {.socket = socket_}, {echo, "/events", hello}, hub);
  ASSERT_FALSE(same_socket.has_value());
  EXPECT_EQ(same_socket.error().code, errc::listen_in_use);
  const auto same_port = HttpServer::create(other.get_executor(), {.port = server_->port(), .socket = socket_ + "2"},
                                            {echo, "/events", hello}, hub);
  ASSERT_FALSE(same_port.has_value());
  EXPECT_EQ(same_port.error().code, errc::listen_in_use);
  EXPECT_THAT(same_port.error().detail, HasSubstr(own()));
  EXPECT_EQ(RawHttp::local(socket_).exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200U);
}

TEST_F(HttpServerTest, what_a_dead_station_left_is_replaced_and_a_file_is_not) {
  stop();
  EXPECT_FALSE(std::filesystem::exists(socket_)) << "a stopped server leaves no socket";
  const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  socket_.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(left, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ::close(left);
  start({});
  stop();
  std::ofstream{socket_} << "precious";
  const auto refused = HttpServer::create(context_.get_executor(), {.socket = socket_}, {echo, "/events", hello}, hub_);
  EXPECT_FALSE(refused.has_value());
  EXPECT_EQ(std::filesystem::file_size(socket_), 8U);
  std::filesystem::remove(socket_);
}

// ---- WebSocket

constexpr std::string_view upgrade =
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    "dGhlIHNhbXBsZSBub25jZQ==\r\n";

TEST_F(HttpServerTest, a_listener_gets_the_snapshot_and_then_events) {
  RawHttp peer = tcp();
  peer.send(get("/events", upgrade));
  const auto answer = peer.answer(true);
  EXPECT_EQ(answer.status, 101U);
  EXPECT_EQ(RawHttp::field(answer.head, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455, 1.3
  EXPECT_EQ(peer.message(), "snapshot");
  hub_.publish("a", [](std::uint64_t seq) { return "event " + std::to_string(seq); });
  EXPECT_EQ(peer.message(), "event 1");
}

TEST_F(HttpServerTest, a_foreign_page_cannot_listen) {
  RawHttp peer = tcp();
  peer.send(get("/events", std::string{upgrade} + "Origin: http://evil.example\r\n"));
  EXPECT_EQ(peer.answer(true).status, 403U);
}

TEST_F(HttpServerTest, a_stopping_server_says_goodbye) {
  RawHttp peer = tcp();
  peer.send(get("/events", upgrade));
  peer.answer(true);
  EXPECT_EQ(peer.message(), "snapshot");
  const auto begun = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s) << "also when the listener does not answer";
  EXPECT_EQ(peer.message(), "");
}

TEST_F(HttpServerTest, a_listener_that_reads_nothing_is_cut_off_and_others_are_not_held_up) {
  RawHttp lazy = tcp();
  lazy.send(get("/events", upgrade));
  lazy.answer(true);
  RawHttp eager = tcp();
  eager.send(get("/events", upgrade));
  eager.answer(true);
  EXPECT_EQ(eager.message(), "snapshot");
  const std::string large(64 * 1024, 'x');
  for (int i = 0; i < 800; ++i) {
    hub_.publish("", [&](std::uint64_t) { return large; });
    if (i % 100 == 99) {
      for (int j = 0; j < 100; ++j) ASSERT_EQ(eager.message().size(), large.size());
    }
  }
  // The lazy one finds a closing frame or the end behind what had been sent, and not all of it.
  EXPECT_EQ(lazy.message(), "snapshot");
  int got = 0;
  while (!lazy.message().empty()) ++got;
  EXPECT_LT(got, 800);
}

// ---- our own client against our own server

TEST_F(HttpServerTest, the_client_calls_streams_and_listens) {
  for (const std::string& station : {"unix:" + socket_, "http://" + own()}) {
    const auto client = HttpClient::parse(station);
    ASSERT_TRUE(client.has_value());
    const auto answer = client->call("POST", "/x", "{}");
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    EXPECT_THAT(answer->body, HasSubstr("POST /x {}"));
    std::string all;
    const auto streamed = client->stream("/pieces", [&](std::string_view piece) -> Status {
      all += piece;
      return {};
    });
    ASSERT_TRUE(streamed.has_value()) << streamed.error().detail;
    EXPECT_EQ(all.size(), 210000U);
    std::vector<std::string> heard;
    const auto listened = client->listen("/events", [&](std::string_view text) {
      heard.emplace_back(text);
      hub_.publish("k", [](std::uint64_t) { return "more"; });
      return heard.size() < 2;
    });
    EXPECT_TRUE(listened.has_value());
    EXPECT_EQ(heard, (std::vector<std::string>{"snapshot", "more"}));
  }
}

TEST(HttpClient, says_when_nobody_is_there) {
  const auto client = HttpClient::parse("unix:/nonexistent/flashlined.sock");
  ASSERT_TRUE(client.has_value());
  const auto answer = client->call("GET", "/", {});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, errc::station_unreachable);
  EXPECT_EQ(exit_code_of(answer.error().code), 7);
  for (const char* bad : {"", "unix:", "http://10.0.0.1:80", "http://127.0.0.1:", "http://127.0.0.1:70000", "/run/x"}) {
    EXPECT_FALSE(HttpClient::parse(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace flashline::line
