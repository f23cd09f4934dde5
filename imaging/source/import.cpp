#include "imaging/source/import.h"

#include <deque>
#include <spdlog/fmt/fmt.h>
#include <string_view>
#include <sys/stat.h>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/source/disk_blocks.h"
#include "imaging/source/spool.h"

namespace flashline::imaging {
namespace {

/// The manifest is ASCII and its values are lines.
std::string manifest_text(std::string_view text) {
  std::string plain;
  for (const char c : text) plain += c >= ' ' && c <= '~' ? c : '?';
  return plain;
}

ManifestStore describe(const ImportDisk& from, const DiskBlocks& blocks, bool first) {
  const TargetNeeds& needs = from.image.stores.front().plan.needs;
  ManifestStore store{.sector_size = needs.sector_size,
                      .min_sector_count = blocks.size().value / needs.sector_size,
                      .store_id = from.store_id,
                      .is_main_os_store = first,
                      .device_path = from.device_path,
                      .only_allocate_defined_gpt_entries = from.only_defined_entries,
                      .store_type = from.store_type,
                      .partitions = from.partitions};
  if (!from.partitions.empty()) return store;
  const ImageFacts& facts = from.image.facts;
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
/// that the images' files are still as they were.
MakeCatalog catalog_maker(const ImportOptions& options, const std::vector<ImportDisk>& disks) {
  std::vector<std::pair<int, FileState>> before;
  for (const ImportDisk& disk : disks) {
    const int file = disk.image.content.file.get();
    before.emplace_back(file, state_of(file));
  }
  return [&options, before](std::span<const std::byte> table) -> Result<std::vector<std::byte>> {
    for (const auto& [file, state] : before) {
      if (state_of(file) == state) continue;
      return fail(errc::image_changed, "somebody wrote to it while it was imported");
    }
    auto catalog = build_catalog(table, {.member = options.member, .this_update = options.time});
    if (options.signer == nullptr) return catalog;
    return options.signer->sign(catalog, options.time);
  };
}

/// The store that `disk` becomes; `blocks` outlives it.
Result<FfuStore> store_of(const ImportDisk& disk, DiskBlocks& blocks, bool first, bool dense, ImportReport& report) {
  BlockPhases wanted{.dense = dense};
  for (const ManifestPartition& partition : disk.partitions) {
    if (partition.required_to_flash) wanted.required.insert(partition.name);
  }
  FfuStore store{
      .description = describe(disk, blocks, first),
      .phases = {},
      .fill = [&blocks](const FfuBlock& block, std::span<std::byte> out) { return blocks.fill(block, out); }};
  FL_TRY(store.phases, blocks.phases(wanted, report.zero_blocks));
  for (const FfuPhase& phase : store.phases) report.blocks += phase.blocks.size();
  const ByteCount image = disk.image.stores.front().plan.needs.min_size;
  if (blocks.size() != image) {
    report.warnings.push_back(
        fmt::format("padded from {} to {} bytes, whole blocks", image.value, blocks.size().value));
  }
  return store;
}

}  // namespace

Result<ImportReport> import_disks(std::vector<ImportDisk> disks, const ImportOptions& options,
                                  const std::filesystem::path& path,
                                  const std::function<void(const ImportProgress&)>& progress) {
  const auto tell = [&](ImportProgress::Step step) {
    return [&progress, step](ByteCount done, ByteCount total) {
      if (progress) progress({step, done, total});
    };
  };
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  for (ImportDisk& disk : disks) {
    if (disk.image.facts.format.starts_with("ffu")) {
      return fail(errc::import_refused, "it is a full flash update image already: sign it or copy it");
    }
    FL_CHECK(spool(disk.image, folder, tell(ImportProgress::Step::unpacking)));
  }
  const MakeCatalog catalog = catalog_maker(options, disks);
  FfuContent content{.version = options.version, .manifest = {}, .stores = {}};
  content.manifest.description = options.description;
  content.manifest.platform_ids = options.platform_ids;
  ImportReport report;
  std::deque<DiskBlocks> blocks;  // the stores refer to them
  for (const ImportDisk& disk : disks) {
    FL_TRY(auto cut, DiskBlocks::cut(disk.image));
    blocks.push_back(std::move(cut));
    report.warnings.insert(report.warnings.end(), disk.image.facts.warnings.begin(), disk.image.facts.warnings.end());
    FL_TRY(auto store, store_of(disk, blocks.back(), content.stores.empty(), options.dense, report));
    content.stores.push_back(std::move(store));
  }
  if (!blocks.empty()) report.disk_size = blocks.front().size();
  FL_TRY(const auto written, write_ffu(path, content, catalog, tell(ImportProgress::Step::writing)));
  report.file_size = written.file_size;
  report.table_digest = written.table_digest;
  if (options.signer != nullptr) report.signer = options.signer->name();
  return report;
}

Result<ImportReport> import_image(OpenedImage in, const ImportOptions& options, const std::filesystem::path& path,
                                  const std::function<void(const ImportProgress&)>& progress) {
  std::vector<ImportDisk> disks;
  disks.push_back({.image = std::move(in), .device_path = options.device_path});
  return import_disks(std::move(disks), options, path, progress);
}

}  // namespace flashline::imaging
