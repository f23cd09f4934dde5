#include "imaging/source/import.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/source/disk_plan.h"
#include "imaging/source/plan_view.h"
#include "imaging/source/spool.h"

namespace flashline::imaging {
namespace {

constexpr std::uint64_t block_size = 128_KiB;

/// A disk cut into blocks. `from_end`: the last block is counted from the disk's end and overlaps the one before it.
struct Blocks {
  std::uint64_t disk = 0;   ///< bytes, as they are on the target
  std::uint64_t count = 0;  ///< whole blocks counted from the beginning
  bool from_end = false;

  FfuBlock first() const { return {.anchor = Place::Anchor::begin, .index = 0}; }
  FfuBlock last() const {
    if (from_end) return {.anchor = Place::Anchor::end, .index = 0};
    return {.anchor = Place::Anchor::begin, .index = static_cast<std::uint32_t>(count - 1)};
  }
  /// Blocks between the first and the last.
  std::uint64_t data_end() const { return from_end ? count : count - 1; }
  std::uint64_t offset_of(const FfuBlock& block) const {
    if (block.anchor == Place::Anchor::end) return disk - (std::uint64_t{block.index} + 1) * block_size;
    return block.index * block_size;
  }
};

Result<Blocks> blocks_of(const TargetNeeds& needs) {
  const std::uint64_t size = needs.min_size.value;
  const auto padded = align_up(size, block_size);
  if (!padded || *padded / block_size > 0xFFFFFFFFULL) {
    return fail(errc::import_refused, fmt::format("an image of {} bytes: FFU counts blocks with 32 bits", size));
  }
  const bool exact = needs.gpt_size && *needs.gpt_size == needs.min_size && size > block_size;
  if (exact && size % block_size != 0) return Blocks{size, size / block_size, true};
  return Blocks{*padded, *padded / block_size, false};
}

/// The image as blocks, with those of zeros known.
class DiskBlocks {
 public:
  DiskBlocks(const BlockPlan& plan, PlanContent content, Blocks blocks)
      : blocks_{blocks},
        size_{plan.needs.min_size.value},
        runs_{surviving_runs(plan)},
        view_{plan, std::move(content), plan.needs.min_size} {}

  /// Looks at a block a page at a time: of blocks with data the first page tells, as a rule.
  Result<bool> is_zero(const FfuBlock& block) {
    const std::uint64_t start = blocks_.offset_of(block);
    const std::uint64_t end = std::min(size_, start + block_size);
    auto run = std::ranges::partition_point(
        runs_, [&](const Run& one) { return one.place.distance + one.length.value <= start; });
    for (; run != runs_.end() && run->place.distance < end; ++run) {
      if (run->source == Run::Source::zeros) continue;
      const std::uint64_t from = std::max(start, run->place.distance);
      FL_TRY(const bool zeros, reads_zero(from, std::min(end, run->place.distance + run->length.value)));
      if (!zeros) return false;
    }
    return true;
  }

  Status fill(const FfuBlock& block, std::span<std::byte> out) {
    const std::uint64_t start = blocks_.offset_of(block);
    const auto inside = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - std::min(size_, start)));
    std::ranges::fill(out.subspan(inside), std::byte{});  // padding
    return view_.read(ByteOffset{start}, out.first(inside));
  }

 private:
  Result<bool> reads_zero(std::uint64_t from, std::uint64_t to) {
    std::array<std::byte, 4096> page;
    while (from < to) {
      const auto part =
          std::span{page}.first(static_cast<std::size_t>(std::min<std::uint64_t>(page.size(), to - from)));
      FL_CHECK(view_.read(ByteOffset{from}, part));
      if (!all_zeros(part)) return false;
      from += part.size();
    }
    return true;
  }

  Blocks blocks_;
  std::uint64_t size_;
  std::vector<Run> runs_;
  PlanView view_;
};

FfuPhase zeroed_tables(const Blocks& blocks, bool has_table) {
  FfuPhase phase{.kind = Phase::Kind::initial_table, .blocks = {}};
  if (has_table) phase.blocks.push_back({.anchor = Place::Anchor::end, .index = 0, .zeros = true});
  if (!blocks.from_end && blocks.count > 1) {
    phase.blocks.push_back(blocks.last());
    phase.blocks.back().zeros = true;
  }
  phase.blocks.push_back({.anchor = Place::Anchor::begin, .index = 0, .zeros = true});
  return phase;
}

Result<std::vector<FfuPhase>> phases_of(DiskBlocks& disk, const Blocks& blocks, bool has_table, bool dense,
                                        ImportReport& report) {
  FfuPhase data{.kind = Phase::Kind::data, .blocks = {}};
  FfuPhase tables{.kind = Phase::Kind::final_table, .blocks = {}};
  const auto add = [&](FfuPhase& phase, FfuBlock block) -> Status {
    FL_TRY(block.zeros, disk.is_zero(block));
    if (block.zeros) ++report.zero_blocks;
    if (!block.zeros || dense) phase.blocks.push_back(block);
    return {};
  };
  for (std::uint64_t i = 1; i < blocks.data_end(); ++i) {
    FL_CHECK(add(data, {.anchor = Place::Anchor::begin, .index = static_cast<std::uint32_t>(i)}));
  }
  FL_CHECK(add(tables, blocks.first()));
  if (blocks.count > 1 || blocks.from_end) FL_CHECK(add(tables, blocks.last()));
  std::vector<FfuPhase> phases{zeroed_tables(blocks, has_table), std::move(data), std::move(tables)};
  for (const auto& phase : phases) report.blocks += phase.blocks.size();
  return phases;
}

/// The manifest is ASCII and its values are lines.
std::string manifest_text(std::string_view text) {
  std::string plain;
  for (const char c : text) plain += c >= ' ' && c <= '~' ? c : '?';
  return plain;
}

ManifestStore describe(const ImageFacts& facts, const TargetNeeds& needs, const Blocks& blocks,
                       const ImportOptions& options) {
  ManifestStore store{.sector_size = needs.sector_size,
                      .min_sector_count = blocks.disk / needs.sector_size,
                      .store_id = {},
                      .device_path = options.device_path,
                      .store_type = {},
                      .partitions = options.partitions};
  if (!options.partitions.empty()) return store;
  for (const auto& fact : facts.partitions) {
    ManifestPartition partition;
    partition.name = manifest_text(fact.name);
    partition.type = facts.table == "gpt" ? "{" + fact.type + "}" : "0x" + fact.type;
    partition.total_sectors = fact.length.value / needs.sector_size;
    partition.used_sectors = partition.total_sectors;
    store.partitions.push_back(std::move(partition));
  }
  return store;
}

/// What of a file changes when somebody writes to it.
struct FileState {
  off_t size = 0;
  timespec changed{};
  bool operator==(const FileState& other) const {
    return size == other.size && changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
  }
};

FileState state_of(int fd) {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return {};
  return {facts.st_size, facts.st_mtim};
}

/// Asked for the last time when all blocks were read and nothing stands at the output's path yet: the moment to see
/// that `file` is still as it was.
MakeCatalog catalog_maker(const ImportOptions& options, int file) {
  return [&options, file, before = state_of(file)](std::span<const std::byte> table) -> Result<std::vector<std::byte>> {
    if (!(state_of(file) == before)) return fail(errc::image_changed, "somebody wrote to it while it was imported");
    auto catalog = build_catalog(table, {.member = options.member, .this_update = options.time});
    if (options.signer == nullptr) return catalog;
    return options.signer->sign(catalog, options.time);
  };
}

}  // namespace

Result<ImportReport> import_image(OpenedImage in, const ImportOptions& options, const std::filesystem::path& path,
                                  const std::function<void(const ImportProgress&)>& progress) {
  if (in.facts.format.starts_with("ffu")) {
    return fail(errc::import_refused, "it is a full flash update image already: sign it or copy it");
  }
  const auto tell = [&](ImportProgress::Step step) {
    return [&progress, step](ByteCount done, ByteCount total) {
      if (progress) progress({step, done, total});
    };
  };
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  FL_CHECK(spool(in, folder, tell(ImportProgress::Step::unpacking)));
  const MakeCatalog catalog = catalog_maker(options, in.content.file.get());
  const TargetNeeds needs = in.stores.front().plan.needs;
  FL_TRY(const auto blocks, blocks_of(needs));
  FL_TRY(const auto plan, resolved(in.stores.front().plan, needs.min_size));
  DiskBlocks disk{plan, content_of(in.content.file.get(), in.content.size), blocks};

  ImportReport report{.file_size = {}, .disk_size = ByteCount{blocks.disk}, .warnings = in.facts.warnings};
  FfuStore store{.description = describe(in.facts, needs, blocks, options),
                 .phases = {},
                 .fill = [&disk](const FfuBlock& block, std::span<std::byte> out) { return disk.fill(block, out); }};
  FL_TRY(store.phases, phases_of(disk, blocks, in.facts.table != "none", options.dense, report));
  if (blocks.disk != needs.min_size.value) {
    report.warnings.push_back(
        fmt::format("padded from {} to {} bytes, whole blocks", needs.min_size.value, blocks.disk));
  }
  FfuContent content{.version = options.version, .manifest = {}, .stores = {}};
  content.manifest.description = options.description;
  content.manifest.platform_ids = options.platform_ids;
  content.stores.push_back(std::move(store));
  FL_TRY(const auto written, write_ffu(path, content, catalog, tell(ImportProgress::Step::writing)));
  report.file_size = written.file_size;
  report.table_digest = written.table_digest;
  if (options.signer != nullptr) report.signer = options.signer->name();
  return report;
}

}  // namespace flashline::imaging
