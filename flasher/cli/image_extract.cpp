// `image extract`: the disk that an image makes, as a file.

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/image_access.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/progress.h"
#include "imaging/source/extract.h"

namespace flashline::line {
namespace {

Result<imaging::ExtractOptions> extract_options_of(const Arguments& arguments, const imaging::OpenedImage& image) {
  imaging::ExtractOptions options{.fit_gpt = arguments.has("--fit-gpt")};
  FL_TRY(const auto number, arguments.number("--store"));
  FL_TRY(options.store, pick_store(image, number));
  FL_TRY(const auto size, arguments.size("--size"));
  if (size) options.size = ByteCount{*size};
  return options;
}

Result<int> run(const Arguments& arguments, Console& console) {
  const std::string& in = arguments.operands()[0];
  const std::string& out = arguments.operands()[1];
  FL_CHECK(refuse_same_file(in, out));
  FL_TRY(const imaging::OpenOptions open_options, open_options_of(arguments));
  FL_TRY(imaging::OpenedImage image, imaging::open_image(in, open_options));
  FL_TRY(const imaging::ExtractOptions options, extract_options_of(arguments, image));
  const std::vector<std::string> warnings = image.facts.warnings;
  Progress progress{console, "extract"};
  FL_TRY(const imaging::ExtractReport report,
         imaging::extract_image(std::move(image), options, out,
                                [&](ByteCount done, ByteCount total) { progress.update(done, total); }));
  for (const std::string& warning : warnings) console.warn(warning);
  console.say(fmt::format("{}: a disk of {} bytes, {} of them written", out, report.size.value, report.written.value));
  console.record(boost::json::serialize(boost::json::object{
      {"type", "result"}, {"path", out}, {"size", report.size.value}, {"bytes_written", report.written.value}}));
  return 0;
}

}  // namespace

Command image_extract_command() {
  return {.name = "image extract",
          .operands = "F OUT.img",
          .min_operands = 2,
          .max_operands = 2,
          .summary = "Writes the disk that an image makes into a file, sparse",
          .options = joined({{"--size", "BYTES", "size of the disk (default: the one the image was made for)"},
                             {"--store", "N", "which store of an image that has several, from 1"},
                             {"--fit-gpt", "", "move the backup GPT to the end of a larger disk"}},
                            open_option_table()),
          .examples = {"flashline image extract panel.ffu panel.img --trust line-ca.pem",
                       "flashline image extract panel.ffu panel.img --size 8GB --fit-gpt --trust line-ca.pem"},
          .run = run};
}

}  // namespace flashline::line
