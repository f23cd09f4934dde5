#pragma once
// HTTP/1.1 and WebSocket on 127.0.0.1 and a Unix socket. The only part that sees the network.

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "flasher/api/event_hub.h"
#include "flasher/api/http_message.h"
#include "imaging/core/error.h"

namespace flashline::line {

struct HttpServerOptions {
  std::uint16_t port = 0;         ///< on 127.0.0.1; 0: any free one
  std::filesystem::path socket;   ///< made with mode 0660
  std::size_t max_header = 8192;  ///< bytes of request line and headers
  std::size_t max_body = 65536;
  std::size_t max_connections = 64;             ///< on each of the two ways in
  std::chrono::milliseconds read_time{15'000};  ///< for a whole request to arrive, however it is dripped in
  std::chrono::milliseconds write_time{30'000};
};

/// What the server asks for. Called on its executor.
struct HttpServerHooks {
  std::function<asio::awaitable<HttpResponse>(HttpRequest)> handle;
  /// Path of the WebSocket, and the first message for a listener that just began.
  std::string events_path;
  std::function<asio::awaitable<std::string>(EventHub::Listener&)> snapshot;
};

/// Everything runs on `executor`, which is one thread or a strand.
class HttpServer {
 public:
  /// Binds both addresses; connections are taken from then on. `hub` outlives the server.
  /// Errors: listen_in_use (by a live station or something else), listen_failed.
  static Result<std::unique_ptr<HttpServer>> create(asio::any_io_executor executor, HttpServerOptions options,
                                                    HttpServerHooks hooks, EventHub& hub);
  ~HttpServer();

  /// The actual port.
  std::uint16_t port() const;
  /// Takes no more connections, ends the present ones and removes the socket. On the executor.
  void stop();

 private:
  class Core;
  explicit HttpServer(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace flashline::line
