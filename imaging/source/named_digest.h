#pragma once
// A digest whose name comes from a file.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace flashline::imaging {

class NamedDigest {
 public:
  /// `algorithm` as OpenSSL names it: "sha1", "sha256", ...
  explicit NamedDigest(const std::string& algorithm);
  ~NamedDigest();
  NamedDigest(NamedDigest&&) noexcept;

  /// False: nothing else may be called.
  bool is_known() const;
  void update(std::span<const std::byte> bytes);
  /// Ends the digest and begins the next.
  std::vector<std::byte> finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace flashline::imaging
