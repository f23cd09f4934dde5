#pragma once
// How many records there are and the hash of the last one, kept and synced beside the database. Without it, cutting the
// last records off would leave a shorter but flawless chain.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "imaging/core/error.h"
#include "imaging/source/content.h"

namespace flashline::line::detail {

/// End of a chain.
struct Tip {
  std::uint64_t count = 0;
  std::string hash;  ///< 64 hex digits
  bool operator==(const Tip&) const = default;
};

/// `settled`: the last known end. `intended`: the end after the transaction that was being committed when this was
/// written; equal to `settled` otherwise. After a crash the database ends at one of the two, never elsewhere.
struct AnchorState {
  Tip settled;
  Tip intended;
  bool operator==(const AnchorState&) const = default;
};

/// Reads the anchor without changing it. nullopt: the file is missing or empty. Errors: record_tip (unreadable).
Result<std::optional<AnchorState>> read_anchor(const std::filesystem::path& file);

/// The anchor file: two copies, written alternately, so that a torn write leaves the older one.
class Anchor {
 public:
  static Result<Anchor> open(const std::filesystem::path& file);

  const std::optional<AnchorState>& state() const { return state_; }
  /// Durable when it returns. Errors: record_store, record_store_full.
  Status write(const AnchorState& state);

 private:
  explicit Anchor(imaging::FileHandle file) : file_{std::move(file)} {}
  imaging::FileHandle file_;
  std::uint64_t generation_ = 0;
  std::optional<AnchorState> state_;
};

}  // namespace flashline::line::detail
