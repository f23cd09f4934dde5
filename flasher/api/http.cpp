// The one file that includes Boost.Beast: it costs half a minute to compile.
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <cerrno>
#include <charconv>
#include <list>
#include <span>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flasher/api/http_client.h"
#include "flasher/api/http_server.h"
#include "imaging/core/errors/station.h"
#include "imaging/core/errors/usage.h"

namespace flashline::line {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr auto answered = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t most_read_after_refusal = 1 << 20;

std::vector<std::string_view> values_of(const http::request<http::string_body>& request, http::field field) {
  std::vector<std::string_view> values;
  const auto [first, last] = request.equal_range(field);
  for (auto it = first; it != last; ++it) values.emplace_back(it->value().data(), it->value().size());
  return values;
}

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// What the parser refused, in our words; nullopt: the peer just went away or took too long.
std::optional<Error> refusal(error_code error) {
  if (error == http::error::body_limit || error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Error{errc::request_too_large, "the request is too large"};
  }
  const bool parsed_wrong = error.category() == make_error_code(http::error::bad_method).category();
  const bool only_ended = error == http::error::end_of_stream || error == http::error::partial_message;
  if (!parsed_wrong || only_ended) return std::nullopt;
  return Error{errc::request_malformed, fmt::format("the request is not HTTP/1.1: {}", error.message())};
}

void set_fields(http::fields& fields, const HttpResponse& response) {
  fields.set(http::field::content_type, response.content_type);
  fields.set(http::field::cache_control, "no-store");
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set("Cross-Origin-Resource-Policy", "same-origin");
  for (const auto& [name, value] : response.headers) fields.set(name, value);
}

struct Connection {
  Stream stream;
  beast::flat_buffer buffer;
  bool local;
  bool busy = false;  ///< a request is being answered
};

using ConnectionPtr = std::shared_ptr<Connection>;

}  // namespace

class HttpServer::Core : public std::enable_shared_from_this<HttpServer::Core> {
 public:
  Core(asio::any_io_executor executor, HttpServerOptions options, HttpServerHooks hooks, EventHub& hub)
      : executor_{executor},
        options_{std::move(options)},
        hooks_{std::move(hooks)},
        hub_{hub},
        tcp_{executor},
        local_{executor},
        last_call_{executor} {}

  Status bind() {
    FL_CHECK(bind_tcp());
    FL_CHECK(bind_local());
    asio::co_spawn(executor_, accept(shared_from_this(), tcp_, false), asio::detached);
    asio::co_spawn(executor_, accept(shared_from_this(), local_, true), asio::detached);
    return {};
  }

  std::uint16_t port() const { return port_; }

  void stop() {
    if (std::exchange(stopping_, true)) return;
    error_code ignored;
    std::ignore = tcp_.close(ignored);
    std::ignore = local_.close(ignored);
    ::unlink(options_.socket.c_str());
    hub_.close();
    for (const ConnectionPtr& connection : connections_) {
      if (!connection->busy) connection->stream.close();
    }
    if (connections_.empty()) return;
    last_call_.expires_after(1s);
    last_call_.async_wait([self = shared_from_this()](error_code) {
      for (const ConnectionPtr& connection : self->connections_) connection->stream.close();
    });
  }

 private:
  Status bind_tcp() {
    const asio::ip::tcp::endpoint endpoint{asio::ip::address_v4::loopback(), options_.port};
    error_code error;
    std::ignore = tcp_.open(endpoint.protocol(), error);
    if (!error) std::ignore = tcp_.set_option(asio::socket_base::reuse_address{true}, error);
    if (!error) std::ignore = tcp_.bind(endpoint, error);
    if (!error) std::ignore = tcp_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return fail(error == asio::error::address_in_use ? errc::listen_in_use : errc::listen_failed,
                  fmt::format("127.0.0.1:{}: {}", options_.port, error.message()));
    }
    port_ = tcp_.local_endpoint(error).port();
    return {};
  }

  Status bind_local() {
    const std::string path = options_.socket.string();
    const asio::local::stream_protocol::endpoint endpoint{path};
    error_code error;
    asio::local::stream_protocol::socket probe{executor_};
    std::ignore = probe.connect(endpoint, error);
    if (!error) return fail(errc::listen_in_use, fmt::format("{}: another program answers there", path));
    // Only what a dead station left behind is removed, never a file of another kind.
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
    std::ignore = local_.open(endpoint.protocol(), error);
    const mode_t old_mask = ::umask(0117);
    if (!error) std::ignore = local_.bind(endpoint, error);
    ::umask(old_mask);
    if (!error) std::ignore = local_.listen(asio::socket_base::max_listen_connections, error);
    if (!error) return {};
    return fail(error == asio::error::address_in_use ? errc::listen_in_use : errc::listen_failed,
                fmt::format("{}: {}", path, error.message()));
  }

  template <class Acceptor>
  static asio::awaitable<void> accept(std::shared_ptr<Core> core, Acceptor& acceptor, bool local) {
    while (!core->stopping_) {
      auto [error, socket] = co_await acceptor.async_accept(answered);
      if (core->stopping_) co_return;
      if (error) {  // out of descriptors, most likely: wait for some to be free again
        asio::steady_timer pause{core->executor_, 100ms};
        co_await pause.async_wait(answered);
        continue;
      }
      const auto open = std::ranges::count(core->connections_, local, [](const auto& one) { return one->local; });
      if (static_cast<std::size_t>(open) >= core->options_.max_connections) continue;
      const ConnectionPtr connection{new Connection{.stream = Stream{std::move(socket)}, .buffer = {}, .local = local}};
      core->connections_.push_back(connection);
      asio::co_spawn(core->executor_, serve(core, connection), asio::detached);
    }
  }

  static asio::awaitable<void> serve(std::shared_ptr<Core> core, ConnectionPtr connection) {
    while (co_await serve_one(core, connection)) {
    }
    connection->stream.close();
    std::erase(core->connections_, connection);
    if (core->connections_.empty()) core->last_call_.cancel();
  }

  /// False: the connection is at its end.
  static asio::awaitable<bool> serve_one(std::shared_ptr<Core> core, ConnectionPtr connection) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(core->options_.max_header));
    parser.body_limit(core->options_.max_body);
    connection->busy = false;
    connection->stream.expires_after(core->options_.read_time);
    const auto [error, size] = co_await http::async_read(connection->stream, connection->buffer, parser, answered);
    if (error) {
      const auto refused = refusal(error);
      if (refused) co_await refuse(core, connection, *refused);
      co_return false;
    }
    connection->busy = true;
    const http::request<http::string_body> request = parser.release();
    if (!connection->local) {
      const auto allowed =
          check_tcp_caller(values_of(request, http::field::host), values_of(request, http::field::origin), core->port_);
      if (!allowed) {
        co_await refuse(core, connection, allowed.error());
        co_return false;
      }
    } else if (request.count(http::field::origin) != 0) {
      co_await refuse(core, connection, Error{errc::foreign_origin, "a web page has no business on the Unix socket"});
      co_return false;
    }
    if (websocket::is_upgrade(request) && view(request.target()) == core->hooks_.events_path) {
      co_await serve_events(core, connection, request);
      co_return false;
    }
    co_return co_await answer(core, connection, request);
  }

  static asio::awaitable<bool> answer(std::shared_ptr<Core> core, ConnectionPtr connection,
                                      const http::request<http::string_body>& request) {
    const bool head = request.method() == http::verb::head;
    HttpRequest plain{.method = head ? "GET" : std::string{view(request.method_string())},
                      .target = std::string{view(request.target())},
                      .content_type = std::string{view(request[http::field::content_type])},
                      .body = request.body(),
                      .local_socket = connection->local};
    HttpResponse response = co_await core->hooks_.handle(std::move(plain));
    const bool keep = request.keep_alive() && !core->stopping_;
    connection->stream.expires_after(core->options_.write_time);
    if (response.source && !head)
      co_return co_await send_pieces(core, connection, std::move(response), request.version(), keep);
    co_return co_await send(connection, std::move(response), request.version(), keep, head);
  }

  static asio::awaitable<bool> send(ConnectionPtr connection, HttpResponse response, unsigned version, bool keep,
                                    bool head) {
    http::response<http::string_body> message{static_cast<http::status>(response.status), version};
    set_fields(message, response);
    message.keep_alive(keep);
    const std::size_t size = response.body.size();
    if (!head) message.body() = std::move(response.body);
    message.content_length(size);
    http::response_serializer<http::string_body> serializer{message};
    const auto [error, sent] = head ? co_await http::async_write_header(connection->stream, serializer, answered)
                                    : co_await http::async_write(connection->stream, serializer, answered);
    co_return !error && keep;
  }

  static asio::awaitable<bool> send_pieces(std::shared_ptr<Core> core, ConnectionPtr connection, HttpResponse response,
                                           unsigned version, bool keep) {
    http::response<http::empty_body> message{static_cast<http::status>(response.status), version};
    set_fields(message, response);
    message.keep_alive(keep);
    message.chunked(true);
    http::response_serializer<http::empty_body> serializer{message};
    auto [error, sent] = co_await http::async_write_header(connection->stream, serializer, answered);
    while (!error) {
      const Result<std::string> piece = co_await response.source();
      // A broken source must not look like a complete answer: end without the last chunk.
      if (!piece) co_return false;
      connection->stream.expires_after(core->options_.write_time);
      if (piece->empty()) {
        std::tie(error, sent) = co_await asio::async_write(connection->stream, http::make_chunk_last(), answered);
        co_return !error && keep;
      }
      std::tie(error, sent) =
          co_await asio::async_write(connection->stream, http::make_chunk(asio::buffer(*piece)), answered);
    }
    co_return false;
  }

  /// Answers and ends the connection so that the peer can still read the answer.
  static asio::awaitable<void> refuse(std::shared_ptr<Core> core, ConnectionPtr connection, Error error) {
    connection->stream.expires_after(core->options_.write_time);
    co_await send(connection, error_response(error), 11, false, false);
    error_code ignored;
    std::ignore = connection->stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    connection->stream.expires_after(2s);
    std::array<char, 4096> rest{};
    for (std::size_t total = 0; total < most_read_after_refusal;) {
      const auto [failed, size] = co_await connection->stream.async_read_some(asio::buffer(rest), answered);
      if (failed) co_return;
      total += size;
    }
  }

  using EventStream = websocket::stream<Stream&>;

  static asio::awaitable<void> serve_events(std::shared_ptr<Core> core, ConnectionPtr connection,
                                            http::request<http::string_body> request) {
    connection->stream.expires_never();
    const auto events = std::make_shared<EventStream>(connection->stream);
    events->set_option(
        websocket::stream_base::timeout{.handshake_timeout = 10s, .idle_timeout = 20s, .keep_alive_pings = true});
    events->read_message_max(4096);
    events->auto_fragment(false);
    auto [error] = co_await events->async_accept(request, answered);
    if (error) co_return;
    const auto listener = core->hub_.listen();
    asio::co_spawn(core->executor_, read_events(connection, events, listener), asio::detached);
    const std::string snapshot = co_await core->hooks_.snapshot(*listener);
    std::size_t sent = 0;
    std::tie(error, sent) = co_await events->async_write(asio::buffer(snapshot), answered);
    while (!error) {
      const auto event = co_await listener->next();
      if (!event) break;
      std::tie(error, sent) = co_await events->async_write(asio::buffer(event->text), answered);
    }
    const auto code = core->stopping_ ? websocket::close_code::going_away : websocket::close_code::try_again_later;
    if (!error) co_await events->async_close(code, answered);
  }

  /// Clients have nothing to say here; reading serves pings and notices that they went away.
  static asio::awaitable<void> read_events(ConnectionPtr connection, std::shared_ptr<EventStream> events,
                                           std::shared_ptr<EventHub::Listener> listener) {
    beast::flat_buffer buffer;
    while (true) {
      const auto [error, size] = co_await events->async_read(buffer, answered);
      if (error) break;
      buffer.clear();
    }
    listener->close();
  }

  asio::any_io_executor executor_;
  HttpServerOptions options_;
  HttpServerHooks hooks_;
  EventHub& hub_;
  asio::ip::tcp::acceptor tcp_;
  asio::local::stream_protocol::acceptor local_;
  asio::steady_timer last_call_;
  std::list<ConnectionPtr> connections_;
  std::uint16_t port_ = 0;
  bool stopping_ = false;
};

HttpServer::HttpServer(std::shared_ptr<Core> core) : core_{std::move(core)} {}
HttpServer::~HttpServer() { core_->stop(); }
std::uint16_t HttpServer::port() const { return core_->port(); }
void HttpServer::stop() { core_->stop(); }

Result<std::unique_ptr<HttpServer>> HttpServer::create(asio::any_io_executor executor, HttpServerOptions options,
                                                       HttpServerHooks hooks, EventHub& hub) {
  const auto core = std::make_shared<Core>(std::move(executor), std::move(options), std::move(hooks), hub);
  FL_CHECK(core->bind());
  return std::unique_ptr<HttpServer>{new HttpServer{core}};
}

// ---- the client

namespace {

constexpr auto connect_time = 5s;
constexpr auto answer_time = 600s;  // an image is opened and its signature checked before a batch is there

std::unexpected<Error> unreachable(const std::string& name, const error_code& error) {
  return fail(errc::station_unreachable, fmt::format("{}: {}", name, error.message()));
}

std::unexpected<Error> odd_answer(const std::string& name, const error_code& error) {
  return fail(errc::station_answer, fmt::format("{}: {}", name, error.message()));
}

struct Peer {
  std::string name;
  std::string host;
  Protocol::endpoint endpoint;
};

http::request<http::string_body> request_for(const Peer& peer, std::string_view method, std::string_view target,
                                             std::string_view body) {
  http::request<http::string_body> request{
      http::string_to_verb({method.data(), method.size()}), {target.data(), target.size()}, 11};
  request.set(http::field::host, peer.host);
  request.keep_alive(false);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  return request;
}

asio::awaitable<void> exchange(Peer peer, http::request<http::string_body> request,
                               std::function<Status(std::string_view)> piece, Result<HttpAnswer>& result) {
  Stream stream{co_await asio::this_coro::executor};
  stream.expires_after(connect_time);
  auto [error] = co_await stream.async_connect(peer.endpoint, answered);
  if (error) {
    result = unreachable(peer.name, error);
    co_return;
  }
  stream.expires_after(answer_time);
  std::size_t size = 0;
  std::tie(error, size) = co_await http::async_write(stream, request, answered);
  beast::flat_buffer buffer;
  http::response_parser<http::buffer_body> parser;
  parser.body_limit(boost::none);
  if (!error) std::tie(error, size) = co_await http::async_read_header(stream, buffer, parser, answered);
  if (error) {
    result = odd_answer(peer.name, error);
    co_return;
  }
  result = HttpAnswer{.status = parser.get().result_int(), .body = {}};
  std::array<char, 16384> space{};
  while (!parser.is_done()) {
    parser.get().body().data = space.data();
    parser.get().body().size = space.size();
    stream.expires_after(answer_time);
    std::tie(error, size) = co_await http::async_read(stream, buffer, parser, answered);
    if (error && error != http::error::need_buffer) {
      result = odd_answer(peer.name, error);
      co_return;
    }
    const std::string_view text{space.data(), space.size() - parser.get().body().size};
    if (result->status != 200 || !piece) {
      result->body.append(text);
    } else if (const Status taken = piece(text); !taken) {
      result = std::unexpected{taken.error()};
      co_return;
    }
  }
}

asio::awaitable<void> follow(Peer peer, std::string target, std::function<bool(std::string_view)> message,
                             Status& result) {
  websocket::stream<Stream> events{co_await asio::this_coro::executor};
  events.next_layer().expires_after(connect_time);
  auto [error] = co_await events.next_layer().async_connect(peer.endpoint, answered);
  if (error) {
    result = unreachable(peer.name, error);
    co_return;
  }
  events.next_layer().expires_never();
  events.set_option(
      websocket::stream_base::timeout{.handshake_timeout = 10s, .idle_timeout = 60s, .keep_alive_pings = true});
  std::tie(error) = co_await events.async_handshake(peer.host, target, answered);
  if (error) {
    result = odd_answer(peer.name, error);
    co_return;
  }
  beast::flat_buffer buffer;
  while (true) {
    std::size_t size = 0;
    std::tie(error, size) = co_await events.async_read(buffer, answered);
    if (error) {
      result = unreachable(peer.name, error);
      co_return;
    }
    if (!message(std::string_view{static_cast<const char*>(buffer.data().data()), buffer.size()})) co_return;
    buffer.clear();
  }
}

Peer peer_of(const std::string& name, const std::string& socket, std::uint16_t port) {
  if (!socket.empty()) return {name, "localhost", asio::local::stream_protocol::endpoint{socket}};
  return {name, fmt::format("127.0.0.1:{}", port), asio::ip::tcp::endpoint{asio::ip::address_v4::loopback(), port}};
}

}  // namespace

Result<HttpClient> HttpClient::parse(std::string_view station) {
  constexpr std::string_view unix_scheme = "unix:";
  HttpClient client;
  client.name_ = station;
  if (station.starts_with(unix_scheme) && station.size() > unix_scheme.size() &&
      station.size() - unix_scheme.size() <= 107) {
    client.socket_ = station.substr(unix_scheme.size());
    return client;
  }
  for (const std::string_view scheme : {"http://127.0.0.1:", "http://localhost:"}) {
    if (!station.starts_with(scheme)) continue;
    std::string_view digits = station.substr(scheme.size());
    if (digits.ends_with('/')) digits.remove_suffix(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), client.port_);
    if (error == std::errc{} && end == digits.data() + digits.size() && client.port_ != 0) return client;
  }
  return fail(errc::usage, fmt::format("'{}' is neither unix:PATH nor http://127.0.0.1:PORT", station));
}

Result<HttpAnswer> HttpClient::call(std::string_view method, std::string_view target, std::string_view body) const {
  const Peer peer = peer_of(name_, socket_, port_);
  Result<HttpAnswer> result = fail(errc::station_answer, name_);
  asio::io_context context{1};
  asio::co_spawn(context, exchange(peer, request_for(peer, method, target, body), {}, result), asio::detached);
  context.run();
  return result;
}

Result<HttpAnswer> HttpClient::stream(std::string_view target,
                                      const std::function<Status(std::string_view)>& piece) const {
  const Peer peer = peer_of(name_, socket_, port_);
  Result<HttpAnswer> result = fail(errc::station_answer, name_);
  asio::io_context context{1};
  asio::co_spawn(context, exchange(peer, request_for(peer, "GET", target, {}), piece, result), asio::detached);
  context.run();
  return result;
}

Status HttpClient::listen(std::string_view target, const std::function<bool(std::string_view)>& message) const {
  Status result;
  asio::io_context context{1};
  asio::co_spawn(context, follow(peer_of(name_, socket_, port_), std::string{target}, message, result), asio::detached);
  context.run();
  return result;
}

}  // namespace flashline::line
