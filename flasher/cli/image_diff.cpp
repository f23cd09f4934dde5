// `image diff`: which partitions and block ranges of two images differ, whatever formats they come in.

#include <boost/json.hpp>
#include <filesystem>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/compare_disks.h"
#include "flasher/cli/image_access.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/progress.h"
#include "imaging/source/extract.h"
#include "imaging/source/plan_view.h"
#include "imaging/source/spool.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

constexpr std::size_t ranges_for_people = 20;
constexpr int exit_differ = 1;

struct Side {
  std::string path;
  imaging::OpenedImage image;
  ByteCount size;
  imaging::BlockPlan plan;
};

Result<Side> open_side(const std::string& path, const Arguments& arguments, Console& console) {
  FL_TRY(const imaging::OpenOptions options, open_options_of(arguments));
  FL_TRY(const auto number, arguments.number("--store"));
  FL_TRY(imaging::OpenedImage image, imaging::open_image(path, options));
  FL_TRY(const std::size_t store, pick_store(image, number));
  std::error_code unknown;
  Progress progress{console, "unpack"};
  FL_CHECK(imaging::spool(image, std::filesystem::temp_directory_path(unknown),
                          [&](ByteCount done, ByteCount total) { progress.update(done, total); }));
  const ByteCount size = imaging::built_size(image.stores[store].plan);
  FL_TRY(imaging::BlockPlan plan, imaging::resolved(image.stores[store].plan, size));
  return Side{path, std::move(image), size, std::move(plan)};
}

imaging::PlanView view_of(const Side& side) {
  return {side.plan, imaging::content_of(side.image.content.file.get(), side.image.content.size), side.size};
}

/// What the images say of themselves and do not agree on, as "name: a, b".
std::vector<std::string> differing_facts(const Side& a, const Side& b) {
  std::vector<std::string> lines;
  const auto compare = [&](std::string_view name, const auto& one, const auto& other) {
    if (one != other) lines.push_back(fmt::format("{}: {} and {}", name, one, other));
  };
  const imaging::ImageFacts& left = a.image.facts;
  const imaging::ImageFacts& right = b.image.facts;
  compare("disk size", a.size.value, b.size.value);
  compare("sector size", a.plan.needs.sector_size, b.plan.needs.sector_size);
  compare("table", left.table, right.table);
  compare("partitions", left.partitions.size(), right.partitions.size());
  compare("stores", a.image.stores.size(), b.image.stores.size());
  return lines;
}

Result<std::vector<AreaDifference>> compare(const Side& a, const Side& b, Console& console) {
  const ByteCount size = std::min(a.size, b.size);
  const std::vector<imaging::Extent> stretches = written_stretches(a.plan, b.plan, size);
  ByteCount total;
  for (const imaging::Extent& one : stretches) total.value += one.length.value;
  imaging::PlanView left = view_of(a);
  imaging::PlanView right = view_of(b);
  Progress progress{console, "compare"};
  return compare_disks(left, right, stretches, a.image.facts.partitions,
                       [&](ByteCount done) { progress.update(done, total); });
}

void say_area(const AreaDifference& area, std::uint32_t sector_size, Console& console) {
  const std::string name =
      area.partition == 0 ? "outside of partitions" : fmt::format("partition {} {}", area.partition, area.name);
  console.say(fmt::format("{}: {} in {} range{}", name, size_text(ByteCount{area.bytes}), area.count,
                          area.count == 1 ? "" : "s"));
  for (std::size_t i = 0; i < std::min(area.ranges.size(), ranges_for_people); ++i) {
    const imaging::Extent& range = area.ranges[i];
    console.say(fmt::format("  sector {} +{}", range.at.value / sector_size, range.length.value / sector_size));
  }
  if (area.count > ranges_for_people) console.say(fmt::format("  and {} more", area.count - ranges_for_people));
}

json::array areas_json(const std::vector<AreaDifference>& areas) {
  json::array out;
  for (const AreaDifference& area : areas) {
    json::array ranges;
    for (const imaging::Extent& range : area.ranges) {
      ranges.push_back({{"start", range.at.value}, {"length", range.length.value}});
    }
    out.push_back({{"partition", area.partition == 0 ? json::value(nullptr) : json::value(area.partition)},
                   {"name", area.name},
                   {"bytes", area.bytes},
                   {"ranges_total", area.count},
                   {"ranges", std::move(ranges)}});
  }
  return out;
}

Result<int> run(const Arguments& arguments, Console& console) {
  FL_TRY(const Side a, open_side(arguments.operands()[0], arguments, console));
  FL_TRY(const Side b, open_side(arguments.operands()[1], arguments, console));
  const std::vector<std::string> facts = differing_facts(a, b);
  FL_TRY(const std::vector<AreaDifference> areas, compare(a, b, console));
  for (const std::string& line : facts) console.say(line);
  for (const AreaDifference& area : areas) say_area(area, a.plan.needs.sector_size, console);
  const bool same = facts.empty() && areas.empty();
  if (same) console.say("the disks are equal");
  console.record(json::serialize(json::object{
      {"type", "result"}, {"equal", same}, {"facts", json::value_from(facts)}, {"areas", areas_json(areas)}}));
  return same ? 0 : exit_differ;
}

}  // namespace

Command image_diff_command() {
  return {.name = "image diff",
          .operands = "A B",
          .min_operands = 2,
          .max_operands = 2,
          .summary = "Says which partitions and block ranges of two images differ; exit code 1 when any does",
          .options = joined({{"--store", "N", "which store of images that have several, from 1"}}, open_option_table()),
          .examples = {"flashline image diff line-6.ffu line-7.ffu --trust line-ca.pem",
                       "flashline image diff disk.img.xz disk.ffu --allow-unsigned --trust line-ca.pem --json"},
          .run = run};
}

}  // namespace flashline::line
