#include "flasher/slot/render_unit.h"

#include <vector>

#include "imaging/core/errors/image.h"
#include "imaging/provisioning/render_overlay.h"
#include "imaging/source/plan_view.h"

namespace flashline::line {
namespace {

std::vector<imaging::OverlayFile> overlay_files(const config::Recipe& recipe) {
  std::vector<imaging::OverlayFile> files;
  for (const auto& file : recipe.overlay) {
    const bool inside = file.template_file.empty();
    files.push_back({file.partition, file.path, file.text, inside ? file.where : file.template_file.string()});
  }
  return files;
}

}  // namespace

Result<imaging::UnitOverlay> render_unit(const LoadedImage& image, ByteCount capacity, const config::Recipe& recipe,
                                         const imaging::UnitFields& fields, std::chrono::sys_seconds time) {
  if (image.stores().empty()) return fail(errc::image_read, "the image has no store");
  FL_TRY(const auto plan, imaging::resolved(image.stores().front().plan, capacity));
  imaging::PlanView disk{plan, image.content(), capacity};
  return imaging::render_overlay(disk, overlay_files(recipe), fields, time);
}

}  // namespace flashline::line
