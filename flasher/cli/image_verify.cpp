// `image verify`: everything about an image that can be checked without a board.

#include <vector>

#include "flasher/cli/command.h"
#include "flasher/cli/image_facts.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/progress.h"
#include "flasher/cli/signing_options.h"
#include "imaging/ffu/read_ffu.h"

namespace flashline::line {
namespace {

/// A compressed image that carries no digests: its own container's checks are what there is.
Status drain(imaging::ByteStream& stream, ByteCount expected, Progress& progress) {
  std::vector<std::byte> piece(1_MiB);
  std::uint64_t done = 0;
  for (;;) {
    FL_TRY(const std::size_t count, stream.read(piece));
    if (count == 0) return {};
    done += count;
    progress.update(ByteCount{done}, expected);
  }
}

Status check_payload(imaging::OpenedImage& image, Console& console) {
  Progress progress{console, "verify"};
  if (image.content.stream != nullptr && !image.facts.format.starts_with("ffu")) {
    return drain(*image.content.stream, image.content.size.value_or(ByteCount{}), progress);
  }
  FL_CHECK(imaging::verify_payload(image, [&](ByteCount done, ByteCount total) { progress.update(done, total); }));
  return {};
}

Result<int> run(const Arguments& arguments, Console& console) {
  const std::string& path = arguments.operands().front();
  FL_TRY(const imaging::OpenOptions options, open_options_of(arguments));
  FL_TRY(imaging::OpenedImage image, imaging::open_image(path, options));
  FL_CHECK(check_payload(image, console));
  for (const std::string& warning : image.facts.warnings) console.warn(warning);
  if (image.facts.trust.is_signed) warn_of_expiry(image.facts.trust.signer, image.facts.trust.not_after, console);
  console.say(path + ": good, " + trust_sentence(image.facts.trust, true));
  console.record(facts_json(path, image, "result"));
  return 0;
}

}  // namespace

Command image_verify_command() {
  return {.name = "image verify",
          .operands = "F",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Checks signature, structure and every byte of an image",
          .options = open_option_table(),
          .examples = {"flashline image verify panel.ffu --trust line-ca.pem",
                       "flashline image verify disk.img.xz --allow-unsigned --bmap disk.bmap"},
          .run = run};
}

}  // namespace flashline::line
