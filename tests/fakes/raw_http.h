#pragma once
// HTTP by hand over plain sockets: an independent peer that may also send what no library would.

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "imaging/source/content.h"

namespace flashline::fakes {

struct RawAnswer {
  unsigned status = 0;  ///< 0: the peer closed without an answer
  std::string head;
  std::string body;
};

class RawHttp {
 public:
  static RawHttp tcp(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return {AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof(address)};
  }
  static RawHttp local(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    return {AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address)};
  }

  bool connected() const { return connected_; }
  bool send(std::string_view bytes) { return ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0; }
  int descriptor() const { return socket_.get(); }

  /// At least one more byte, or an empty text: the peer closed, or nothing came in time.
  std::string receive(std::chrono::milliseconds patience = std::chrono::seconds{20}) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    std::array<char, 65536> piece;
    if (::poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return {};
    const ssize_t count = ::recv(socket_.get(), piece.data(), piece.size(), 0);
    return count <= 0 ? std::string{} : std::string(piece.data(), static_cast<std::size_t>(count));
  }

  /// Reads one answer; chunks are joined.
  RawAnswer answer(bool head_only = false) {
    RawAnswer got;
    while (kept_.find("\r\n\r\n") == std::string::npos) {
      const std::string more = receive();
      if (more.empty()) return got;
      kept_ += more;
    }
    got.head = take(kept_.find("\r\n\r\n") + 4);
    if (got.head.starts_with("HTTP/1.1 ")) got.status = static_cast<unsigned>(std::stoul(got.head.substr(9, 3)));
    if (head_only) return got;
    if (const auto length = field(got.head, "Content-Length")) {
      got.body = exactly(std::stoul(*length));
    } else if (field(got.head, "Transfer-Encoding") == "chunked") {
      while (const std::size_t size = std::stoul(line(), nullptr, 16)) {
        got.body += exactly(size);
        line();
      }
      line();
    }
    return got;
  }

  RawAnswer exchange(std::string_view bytes) {
    send(bytes);
    return answer();
  }

  /// One WebSocket message, unmasked text; empty: closed. Only what a server sends.
  std::string message() {
    while (true) {
      const std::string head = exactly(2);
      if (head.size() < 2) return {};
      std::size_t size = static_cast<unsigned char>(head[1]) & 0x7F;
      const int extra = size == 126 ? 2 : size == 127 ? 8 : 0;
      if (extra != 0) {
        size = 0;
        for (const char byte : exactly(static_cast<std::size_t>(extra)))
          size = size << 8 | static_cast<unsigned char>(byte);
      }
      std::string text = exactly(size);
      const int kind = head[0] & 0x0F;
      if (kind == 1) return text;
      if (kind == 8) return {};
      // A client's frames are masked; a mask of zeros leaves the text as it is.
      if (kind == 9) send("\x8A" + std::string(1, static_cast<char>(0x80U | size)) + std::string(4, '\0') + text);
    }
  }

  static std::optional<std::string> field(const std::string& head, const std::string& name) {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return std::nullopt;
    const std::size_t start = at + name.size() + 4;
    return head.substr(start, head.find("\r\n", start) - start);
  }

 private:
  RawHttp(int family, const sockaddr* address, socklen_t size)
      : socket_{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
    connected_ = ::connect(socket_.get(), address, size) == 0;
  }
  std::string take(std::size_t count) {
    std::string taken = kept_.substr(0, count);
    kept_.erase(0, count);
    return taken;
  }
  std::string exactly(std::size_t count) {
    while (kept_.size() < count) {
      const std::string more = receive();
      if (more.empty()) return {};
      kept_ += more;
    }
    return take(count);
  }
  std::string line() {
    while (kept_.find("\r\n") == std::string::npos) {
      const std::string more = receive();
      if (more.empty()) return "0";
      kept_ += more;
    }
    return take(kept_.find("\r\n") + 2);
  }

  imaging::FileHandle socket_;
  bool connected_ = false;
  std::string kept_;
};

}  // namespace flashline::fakes
