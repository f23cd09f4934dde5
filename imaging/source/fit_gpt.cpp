#include "imaging/source/fit_gpt.h"

#include <algorithm>
#include <array>
#include <limits>
#include <spdlog/fmt/fmt.h>
#include <utility>
#include <vector>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/target.h"
#include "imaging/provisioning/unit_overlay.h"
#include "imaging/source/gpt.h"

namespace flashline::imaging {
namespace {

/// Where tables are on a disk of `size` bytes.
struct Geometry {
  std::uint64_t sector;
  std::uint64_t size;
  std::uint64_t array_sectors;

  std::uint64_t last_lba() const { return size / sector - 1; }
  std::uint64_t backup_entries() const { return last_lba() - array_sectors; }
  ByteOffset backup_at() const { return ByteOffset{backup_entries() * sector}; }
};

/// The plan resolved for the disk that its GPT describes, with the zeros that go to the old tables at the real end of a
/// target of `size` bytes besides.
Result<BlockPlan> built_for(const BlockPlan& plan, std::uint64_t gpt_size, ByteCount size) {
  FL_TRY(auto built, resolved(plan, ByteCount{gpt_size}));
  for (std::size_t i = 0; i < plan.phases.size(); ++i) {
    if (plan.phases[i].kind != Phase::Kind::initial_table) continue;
    auto& runs = built.phases[i].runs;
    for (Run run : plan.phases[i].runs) {
      if (run.place.anchor != Place::Anchor::end) continue;
      FL_TRY(const auto at, resolve(run.place, run.length, size));
      run.place = {Place::Anchor::begin, at.value};
      runs.insert(runs.begin(), run);  // before the primary is gone
    }
  }
  return built;
}

/// Nothing but tables may lie where tables go or come from.
Status check_room(const TargetNeeds& needs, const GptHeader& header, const Geometry& from, const Geometry& to) {
  const auto refuse = [](const char* why) { return fail(errc::gpt_fit, why); };
  if (from.size < (from.array_sectors + 2) * from.sector || header.last_usable >= from.backup_entries()) {
    return refuse("the image's usable sectors reach into the place of its backup GPT");
  }
  if (header.entries_lba + from.array_sectors > header.first_usable) {
    return refuse("the image's usable sectors begin inside of its primary GPT");
  }
  // Bytes behind the disk that the GPT describes.
  const bool has_more = needs.min_size > *needs.gpt_size;
  if (has_more && needs.min_size.value > to.backup_at().value) {
    return refuse("the image leaves no room for a backup GPT at the end of the target");
  }
  return {};
}

Status write_zeros(CowView& disk, ByteOffset at, std::uint64_t count) {
  const std::vector<std::byte> zeros(static_cast<std::size_t>(count));
  return disk.write(at, zeros);
}

/// The one partition of a protective MBR covers the disk, as far as 32 bits go.
Status fit_protective_mbr(CowView& disk, std::uint64_t sectors) {
  std::array<std::byte, 512> mbr{};
  FL_CHECK(disk.read(ByteOffset{0}, mbr));
  constexpr std::size_t first_row = 446;
  const bool covers_disk = mbr[first_row + 4] == std::byte{0xEE} && mbr[first_row + 16 + 4] == std::byte{0};
  if (!covers_disk) return {};  // hybrid tables are somebody's own arrangement
  const std::uint64_t length = std::min<std::uint64_t>(sectors - 1, std::numeric_limits<std::uint32_t>::max());
  for (std::size_t i = 0; i < 4; ++i) mbr[first_row + 12 + i] = static_cast<std::byte>(length >> (8 * i));
  return disk.write(ByteOffset{0}, mbr);
}

Status fit_primary(CowView& disk, const GptTable& primary, const Geometry& to) {
  GptHeader header = primary.header;
  header.alternate_lba = to.last_lba();
  header.last_usable = to.backup_entries() - 1;
  return disk.write(ByteOffset{to.sector}, gpt_header_sector(primary.header_sector, header));
}

/// Entries, then the header in the last sector.
std::vector<std::byte> backup_bytes(const GptTable& primary, const Geometry& to) {
  GptHeader header = primary.header;
  header.my_lba = to.last_lba();
  header.alternate_lba = primary.header.my_lba;
  header.last_usable = to.backup_entries() - 1;
  header.entries_lba = to.backup_entries();
  std::vector<std::byte> bytes = primary.entry_bytes;
  bytes.resize(static_cast<std::size_t>(to.array_sectors * to.sector));
  const auto sector = gpt_header_sector(primary.header_sector, header);
  bytes.insert(bytes.end(), sector.begin(), sector.end());
  return bytes;
}

void write_backup_last(BlockPlan& plan, ByteOffset at, std::vector<std::byte> bytes) {
  if (plan.phases.empty() || plan.phases.back().kind != Phase::Kind::final_table) {
    plan.phases.push_back({Phase::Kind::final_table, {}});
  }
  plan.phases.back().runs.push_back({.place = {Place::Anchor::begin, at.value},
                                     .length = ByteCount{bytes.size()},
                                     .source = Run::Source::blob,
                                     .from = plan.blobs.size()});
  plan.blobs.push_back(std::move(bytes));
}

}  // namespace

Result<BlockPlan> fit_gpt(const BlockPlan& plan, const PlanContent& content, ByteCount size) {
  if (!plan.needs.gpt_size) return fail(errc::gpt_fit, "the image has no GPT");
  const std::uint64_t sector = plan.needs.sector_size;
  const std::uint64_t gpt_size = plan.needs.gpt_size->value;
  if (size == *plan.needs.gpt_size) return resolved(plan, size);
  if (size.value < std::max(gpt_size, plan.needs.min_size.value)) {
    return fail(errc::target_too_small, fmt::format("the image's GPT needs {} bytes, the target has {}",
                                                    std::max(gpt_size, plan.needs.min_size.value), size.value));
  }
  if (size.value % sector != 0) return fail(errc::gpt_fit, fmt::format("{} bytes are no whole sectors", size.value));

  FL_TRY(const auto built, built_for(plan, std::max(gpt_size, plan.needs.min_size.value), size));
  PlanView view{built, content, size};
  FL_TRY(const auto primary, read_gpt(view, 1, plan.needs.sector_size));
  const std::uint64_t array_sectors = *align_up(primary.entry_bytes.size(), sector) / sector;
  const Geometry from{sector, gpt_size, array_sectors};
  const Geometry to{sector, size.value, array_sectors};
  FL_CHECK(check_room(plan.needs, primary.header, from, to));
  CowView disk{view};
  FL_CHECK(write_zeros(disk, from.backup_at(), from.size - from.backup_at().value));
  FL_CHECK(fit_protective_mbr(disk, size.value / sector));
  FL_CHECK(fit_primary(disk, primary, to));
  FL_TRY(auto fitted, with_overlay(built, overlay_of(disk), size));
  write_backup_last(fitted, to.backup_at(), backup_bytes(primary, to));
  fitted.needs.gpt_size = size;
  return fitted;
}

}  // namespace flashline::imaging
