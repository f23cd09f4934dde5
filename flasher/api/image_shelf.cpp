#include "flasher/api/image_shelf.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/config.h"
#include "imaging/trust/verify_catalog.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;

constexpr std::array image_endings{".ffu", ".img", ".raw", ".wic", ".simg", ".gz", ".xz", ".zst", ".bz2", ".zip"};
constexpr std::size_t max_listed = 200;

imaging::ClockPolicy clock_policy(const config::Clock& clock) {
  using enum imaging::ClockPolicy::Kind;
  switch (clock.kind) {
    case config::Clock::Kind::now:
      return {.kind = now};
    case config::Clock::Kind::fixed:
      return {.kind = fixed, .at = clock.at};
    case config::Clock::Kind::unchecked:
      return {.kind = unchecked};
  }
  return {};
}

bool has_image_ending(const fs::path& path) {
  return std::ranges::find(image_endings, path.extension().string()) != image_endings.end();
}

ShelfImage shelf_image(const fs::path& path, const imaging::OpenedImage& image) {
  ShelfImage shown{.path = path,
                   .format = image.facts.format,
                   .size = image.facts.file_size.value,
                   .signer = image.facts.trust.signer,
                   .platform_ids = {},
                   .digest = image.facts.digest ? to_hex(*image.facts.digest) : std::string{},
                   .warnings = image.facts.warnings};
  for (const imaging::StorePlan& store : image.stores) {
    for (const std::string& id : store.plan.needs.platform_ids) {
      if (std::ranges::find(shown.platform_ids, id) == shown.platform_ids.end()) shown.platform_ids.push_back(id);
    }
  }
  return shown;
}

}  // namespace

Result<imaging::TrustPolicy> load_trust(const config::Station& station) {
  imaging::TrustPolicy policy;
  const bool production = station.mode == config::Mode::production;
  policy.mode = production ? imaging::TrustMode::production : imaging::TrustMode::test;
  policy.pins = station.trust.pins;
  policy.allow_unsigned = station.trust.allow_unsigned;
  policy.clock = clock_policy(station.trust.clock);
  for (const config::Anchor& anchor : station.trust.anchors) {
    auto loaded = imaging::load_anchor(anchor.file, anchor.test);
    // The configuration is what is wrong: exit code 6, with the place in station.xml.
    if (!loaded) return fail(errc::config_anchor, fmt::format("{}: {}", anchor.where, loaded.error().detail));
    policy.anchors.push_back(std::move(*loaded));
  }
  return policy;
}

fs::path ImageShelf::resolve(const std::string& path) const {
  return (station_.paths.images / path).lexically_normal();
}

Result<imaging::OpenedImage> ImageShelf::open(const fs::path& path) const {
  imaging::OpenOptions options;
  options.trust = trust_;
  if (options.trust.clock.kind == imaging::ClockPolicy::Kind::now) options.trust.clock.at = now_();
  return imaging::open_image(path, options);
}

Result<ShelfImage> ImageShelf::look(const fs::path& path) {
  std::error_code ignored;
  const auto size = fs::file_size(path, ignored);
  const auto changed = fs::last_write_time(path, ignored);
  {
    const std::lock_guard lock{mutex_};
    const auto known = seen_.find(path);
    const bool fresh = known != seen_.end() && known->second.size == size && known->second.changed == changed;
    if (fresh) return known->second.image;
  }
  FL_TRY(const imaging::OpenedImage image, open(path));
  ShelfImage shown = shelf_image(path, image);
  const std::lock_guard lock{mutex_};
  seen_.insert_or_assign(path, Seen{size, changed, shown});
  return shown;
}

ShelfListing ImageShelf::list() {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator it{station_.paths.images, error}, end; !error && it != end; it.increment(error)) {
    const fs::path path = it->path().lexically_normal();
    std::error_code ignored;
    const bool target =
        std::ranges::any_of(station_.slots, [&](const config::Slot& slot) { return slot.target.path == path; });
    if (it->is_regular_file(ignored) && has_image_ending(path) && !target) paths.push_back(path);
  }
  std::ranges::sort(paths);
  if (paths.size() > max_listed) paths.resize(max_listed);
  ShelfListing listing;
  for (const fs::path& path : paths) {
    auto image = look(path);
    if (image) {
      listing.images.push_back(std::move(*image));
    } else {
      listing.refused.push_back({path, std::move(image).error()});
    }
  }
  return listing;
}

}  // namespace flashline::line
