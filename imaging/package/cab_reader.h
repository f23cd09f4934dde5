#pragma once
// The members of a cabinet, unpacked by libmspack.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"

namespace flashline::imaging::cab {

struct Member {
  std::string name;        ///< UTF-8, divided by `\`; one that stays below any folder it is unpacked to
  std::uint64_t size = 0;  ///< in bytes
};

/// MSZIP, LZX and stored folders of a cabinet that is one file.
class Reader {
 public:
  /// Called with the bytes of a member, in order.
  using Sink = std::function<Status(std::span<const std::byte> bytes)>;

  /// Reads the tables; refuses names that would leave a folder, names that Windows takes for one, and members that
  /// overlap (so that a small cabinet cannot unpack to more than its blocks can hold).
  /// Errors: image_open, image_read, cab_damaged, cab_set, cab_member_name, cab_member_twice.
  static Result<Reader> open(const std::filesystem::path& path);
  /// The same for bytes; `name` is how messages call them.
  static Result<Reader> open(std::unique_ptr<BlockView> view, std::string name);
  ~Reader();
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) = delete;

  /// Path of the file, for messages.
  const std::string& name() const;
  /// In the cabinet's order.
  const std::vector<Member>& members() const;
  /// The member of that name, in any case; nullptr: there is none.
  const Member* find(std::string_view name) const;

  /// Unpacks a member of members(). Cheapest in their order. Errors: cab_damaged, those of the sink.
  Status unpack(const Member& member, const Sink& sink);
  /// The bytes of a member that is no larger than `limit`. Errors: as unpack; cab_damaged when it is larger.
  Result<std::vector<std::byte>> bytes_of(const Member& member, std::uint64_t limit);

 private:
  struct Library;
  explicit Reader(std::unique_ptr<Library> library);
  std::unique_ptr<Library> library_;
};

}  // namespace flashline::imaging::cab
