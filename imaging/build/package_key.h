#pragma once
// What a package's cab was made of, as one digest: the same digest, the same cab, and nothing needs to be built.

#include <ctime>
#include <filesystem>
#include <optional>
#include <string>

#include "imaging/core/digest.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// What besides its content decides what a cab is.
struct BuildStamp {
  std::time_t time = 0;
  bool fixed_time = false;  ///< somebody asked for that time: a cab of another time will not do
  std::string signer;       ///< which certificate signs; empty: nobody
};

/// Over everything that ends up in the cab. Payload counts by its digests.
Sha256 package_key(const Package& package, const BuildStamp& stamp);

/// The key that lies beside `made` says `key`, and `made` is there.
bool is_up_to_date(const std::filesystem::path& made, const Sha256& key);
/// Only the former.
bool has_key(const std::filesystem::path& made, const Sha256& key);
/// Errors: image_write.
Status remember_key(const std::filesystem::path& made, const Sha256& key);
/// Where that is: "X.cab.key".
std::filesystem::path key_file(const std::filesystem::path& made);

/// SHA-256 over labelled pieces: no two different lists of pieces look alike.
class KeyHash {
 public:
  void add(std::string_view text);
  void add(std::uint64_t number);
  void add(const Sha256& digest);
  Sha256 finish() { return stream_.finish(); }

 private:
  Sha256Stream stream_;
};

/// Of a file's bytes. Errors: input_open.
Result<Sha256> digest_of_file(const std::filesystem::path& path);

}  // namespace flashline::imaging
