#pragma once
// SHA-256 and SHA-1 by OpenSSL, so that every CPU's own instructions are used.

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace flashline {

using Sha256 = std::array<std::byte, 32>;
using Sha1 = std::array<std::byte, 20>;

/// SHA-256 of `bytes`.
Sha256 sha256(std::span<const std::byte> bytes);
/// SHA-1 of `bytes`. Only for FFU catalogs, whose member digest is SHA-1 by format.
Sha1 sha1(std::span<const std::byte> bytes);

/// SHA-256 of a stream, piece by piece.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;

  void update(std::span<const std::byte> bytes);
  /// Ends the stream; nothing may be added after it.
  Sha256 finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// Lower-case hex digits of `bytes`.
std::string to_hex(std::span<const std::byte> bytes);

}  // namespace flashline
