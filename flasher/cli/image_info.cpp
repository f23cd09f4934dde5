// `image info`: shows any image, trusted or not.

#include "flasher/cli/command.h"
#include "flasher/cli/image_facts.h"
#include "flasher/cli/open_options.h"

namespace flashline::line {
namespace {

Result<int> run(const Arguments& arguments, Console& console) {
  const std::string& path = arguments.operands().front();
  FL_TRY(imaging::OpenOptions options, open_options_of(arguments));
  const bool asked = !options.trust.anchors.empty();
  options.trust.inspect_only = true;
  options.trust.allow_unsigned = true;
  options.experimental = true;
  FL_TRY(const imaging::OpenedImage image, imaging::open_image(path, options));
  for (const std::string& line : facts_lines(path, image, asked)) console.say(line);
  for (const std::string& warning : image.facts.warnings) console.warn(warning);
  console.record(facts_json(path, image, "image"));
  return 0;
}

}  // namespace

Command image_info_command() {
  return {.name = "image info",
          .operands = "F",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Shows what an image is, also one that is not trusted (it says so)",
          .options = open_option_table(),
          .examples = {"flashline image info panel.ffu --trust line-ca.pem", "flashline image info disk.img.xz --json"},
          .run = run};
}

}  // namespace flashline::line
