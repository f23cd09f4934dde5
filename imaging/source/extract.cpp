#include "imaging/source/extract.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/usage.h"
#include "imaging/source/fit_gpt.h"
#include "imaging/source/output_file.h"
#include "imaging/source/plan_view.h"
#include "imaging/source/spool.h"

namespace flashline::imaging {
namespace {

constexpr std::uint64_t piece_size = 1_MiB;
constexpr std::uint64_t hole_unit = 4096;

/// Length of the pages at the start of `bytes`, which lie at `at`, that are all zeros or all not.
std::size_t alike(std::uint64_t at, std::span<const std::byte> bytes, bool& zeros) {
  std::size_t length = 0;
  while (length < bytes.size()) {
    const auto count = std::min<std::size_t>(bytes.size() - length, hole_unit - (at + length) % hole_unit);
    const bool page_zeros = all_zeros(bytes.subspan(length, count));
    if (length == 0) zeros = page_zeros;
    if (page_zeros != zeros) break;
    length += count;
  }
  return length;
}

/// Copies [from, to) of `disk`, leaving out pages of zeros.
Status copy_stretch(PlanView& disk, std::uint64_t from, std::uint64_t to, OutputFile& out, ExtractReport& report) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min(piece_size, to - from)));
  while (from < to) {
    auto part = std::span{piece}.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), to - from)));
    FL_CHECK(disk.read(ByteOffset{from}, part));
    while (!part.empty()) {
      bool zeros = false;
      const std::size_t length = alike(from, part, zeros);
      if (!zeros) {
        FL_CHECK(out.write(ByteOffset{from}, part.first(length)));
        report.written.value += length;
      }
      part = part.subspan(length);
      from += length;
    }
  }
  return {};
}

}  // namespace

ByteCount built_size(const BlockPlan& plan) {
  if (!plan.needs.gpt_size) return plan.needs.min_size;
  for (const auto& phase : plan.phases) {
    for (const auto& run : phase.runs) {
      if (run.place.anchor == Place::Anchor::end && phase.kind != Phase::Kind::initial_table) {
        return std::max(*plan.needs.gpt_size, plan.needs.min_size);
      }
    }
  }
  return plan.needs.min_size;
}

Result<ExtractReport> extract_image(OpenedImage in, const ExtractOptions& options, const std::filesystem::path& path,
                                    const std::function<void(ByteCount done, ByteCount total)>& progress) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  FL_CHECK(spool(in, folder));
  if (options.store >= in.stores.size()) {
    return fail(errc::usage,
                fmt::format("there is no store {}, the image has {}", options.store + 1, in.stores.size()));
  }
  const BlockPlan& plan = in.stores[options.store].plan;
  const PlanContent content = content_of(in.content.file.get(), in.content.size);
  const ByteCount size = options.size.value_or(built_size(plan));
  FL_TRY(const auto placed, options.fit_gpt ? fit_gpt(plan, content, size) : resolved(plan, size));
  PlanView disk{placed, content, size};
  ExtractReport report{.size = size, .written = {}};
  FL_TRY(auto out, OutputFile::create(path));
  FL_CHECK(out.resize(size));
  for (const auto& run : surviving_runs(placed)) {
    const std::uint64_t end = run.place.distance + run.length.value;
    if (run.source != Run::Source::zeros) FL_CHECK(copy_stretch(disk, run.place.distance, end, out, report));
    if (progress) progress(ByteCount{end}, size);
  }
  FL_CHECK(out.commit());
  return report;
}

}  // namespace flashline::imaging
