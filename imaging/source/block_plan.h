#pragma once
// An image as comparable data: what has to lie where on the target, in which order, and how each byte is checked.
// Every kind of image becomes one of these, and every refusal that concerns the image happens while it is made.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"

namespace flashline::imaging {

/// A place on a target whose size is not known yet.
struct Place {
  enum class Anchor : std::uint8_t { begin, end };
  Anchor anchor = Anchor::begin;
  /// begin: bytes from the target's first byte. end: bytes from the target's end back to the place (FFU DISK_END i
  /// with block size B is (i + 1) * B), byte exact whatever the target's size.
  std::uint64_t distance = 0;
  auto operator<=>(const Place&) const = default;
};

/// Consecutive bytes of the target that come from one consecutive piece of source.
struct Run {
  enum class Source : std::uint8_t {
    content,  ///< bytes [from, from + length) of the image's content
    zeros,    ///< zero bytes; `from` is unused
    blob,     ///< bytes [skip, skip + length) of BlockPlan::blobs[from]
  };
  Place place{};
  ByteCount length{};  ///< a multiple of the sector size
  Source source = Source::content;
  std::uint64_t from = 0;
  std::uint64_t skip = 0;  ///< blob only: so that a run of a blob can be cut like any other
  auto operator<=>(const Run&) const = default;
};

/// Bytes [skip, skip + length) of `run` as a run of its own. They lie inside of it; the place counts from the
/// beginning.
Run part_of(const Run& run, std::uint64_t skip, std::uint64_t length);

/// Runs between two barriers. Phases are written in order; inside a phase the order of runs is kept where they overlap
/// (the last writer wins) and in table phases always.
struct Phase {
  enum class Kind : std::uint8_t {
    initial_table,     ///< zeros over the old tables: from here on the board does not boot
    required_data,     ///< partitions marked RequiredToFlash
    flash_only_table,  ///< a table of only those
    data,
    final_table,  ///< what makes the board bootable; nothing follows
  };
  Kind kind = Kind::data;
  std::vector<Run> runs{};
  bool operator==(const Phase&) const = default;
};

/// A flush is due before and after every table phase (ffu-format.md section 5).
constexpr bool is_table(Phase::Kind kind) {
  return kind == Phase::Kind::initial_table || kind == Phase::Kind::flash_only_table ||
         kind == Phase::Kind::final_table;
}

/// SHA-256 of each `unit` of the content from `origin` on; the last unit ends with the content, so it may be shorter.
/// Empty `digests`: nothing vouches for the content beforehand (unsigned raw image); then the first read pins it.
struct HashTable {
  std::uint32_t unit = 0;  ///< bytes per digest, a power of two
  ByteOffset origin{};     ///< content offset that digest 0 covers first
  std::shared_ptr<const std::vector<Sha256>> digests{};
};

/// What the target must be. Checked before it is opened for writing.
struct TargetNeeds {
  ByteCount min_size{};                     ///< every begin-anchored run ends inside
  std::optional<ByteCount> gpt_size{};      ///< disk size that the image's GPT describes, when it has a GPT
  std::uint32_t sector_size = 512;          ///< logical sector size the image was built for
  std::vector<std::string> platform_ids{};  ///< empty: the image names no board
  bool operator==(const TargetNeeds&) const = default;
};

/// One store of an image, ready to be written.
struct BlockPlan {
  std::vector<Phase> phases{};
  std::vector<std::vector<std::byte>> blobs{};
  HashTable hashes{};
  TargetNeeds needs{};
};

/// Where `place` is on a target of `size` bytes; out of the target: an Error (out_of_disk).
Result<ByteOffset> resolve(Place place, ByteCount length, ByteCount size);

/// `plan` with every place counted from the beginning of a target of `size` bytes.
/// Errors: target_too_small, out_of_disk.
Result<BlockPlan> resolved(const BlockPlan& plan, ByteCount size);

/// A stretch of a resolved plan's target and the run whose bytes are there at the end.
struct Survivor {
  ByteOffset at;
  ByteCount length;
  std::size_t phase;  ///< index into BlockPlan::phases
  std::size_t run;    ///< index into that phase's runs
};

/// Who wrote what is on the target at the end, ascending, without overlap. O(n log n) in the number of runs.
std::vector<Survivor> survivors(const BlockPlan& resolved_plan);

/// The runs of a resolved plan as they are on the target at the end: what later runs overwrite is cut away.
/// Ascending, without overlap. This is what read-back verification compares.
std::vector<Run> surviving_runs(const BlockPlan& resolved_plan);

/// A stretch of bytes.
struct Extent {
  ByteOffset at;
  ByteCount length;
  auto operator<=>(const Extent&) const = default;
};

/// The stretches of [0, size) that no run of the resolved plan names, ascending: the holes whose stale bytes a policy
/// handles.
std::vector<Extent> holes(const BlockPlan& resolved_plan, ByteCount size);

/// Bytes that the plan writes, all phases together.
ByteCount bytes_written(const BlockPlan& plan);

}  // namespace flashline::imaging
