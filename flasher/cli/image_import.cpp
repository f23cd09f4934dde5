// `image import`: any disk image becomes a signed full flash update image.

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/image_access.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/progress.h"
#include "flasher/cli/signing_options.h"
#include "imaging/core/errors/usage.h"
#include "imaging/source/import.h"

namespace flashline::line {
namespace {

Result<imaging::FfuVersion> version_of(const Arguments& arguments) {
  const std::string format = arguments.value("--format").value_or("v1");
  if (format == "v1") return imaging::FfuVersion::v1;
  if (format == "v2") return imaging::FfuVersion::v2;
  return fail(errc::usage, fmt::format("--format {}: not v1 or v2", format));
}

Result<imaging::ImportOptions> import_options_of(const Arguments& arguments, const imaging::Signer* signer) {
  imaging::ImportOptions options{.signer = signer};
  options.platform_ids = arguments.values("--platform");
  options.description = arguments.value("--description").value_or("");
  options.device_path = arguments.value("--device-path").value_or("");
  options.dense = arguments.has("--dense");
  FL_TRY(options.version, version_of(arguments));
  FL_TRY(options.time, build_time());
  FL_TRY(options.member, member_of(arguments));
  if (options.version == imaging::FfuVersion::v2 && options.device_path.empty()) {
    return fail(errc::usage, "--format v2 needs --device-path, the name of the store");
  }
  return options;
}

/// Raw images carry no signature by nature: whoever imports one vouches for it.
Result<imaging::OpenedImage> open_input(const Arguments& arguments) {
  imaging::OpenOptions options;
  options.trust.allow_unsigned = true;
  options.bmap = arguments.value("--bmap");
  if (const auto text = arguments.value("--sha256")) {
    FL_TRY(options.trust.file_digest, digest_of("--sha256", *text));
  }
  return imaging::open_image(arguments.operands()[0], options);
}

Result<std::optional<imaging::Signer>> required_signer(const Arguments& arguments) {
  FL_TRY(std::optional<imaging::Signer> signer, signer_of(arguments));
  if (signer || arguments.has("--allow-unsigned")) return signer;
  return fail(errc::usage, "flashline image import: name --key and --cert, or say --allow-unsigned");
}

void show(const std::string& out, const imaging::ImportReport& report, Console& console) {
  for (const std::string& warning : report.warnings) console.warn(warning);
  const std::string signer = report.signer.empty() ? "not signed" : "signed by " + report.signer;
  console.say(fmt::format("{}: {}, for disks of {} bytes or more, {}", out, size_text(report.file_size),
                          report.disk_size.value, signer));
  console.record(boost::json::serialize(boost::json::object{
      {"type", "result"},
      {"path", out},
      {"file_size", report.file_size.value},
      {"disk_size", report.disk_size.value},
      {"blocks", report.blocks},
      {"zero_blocks", report.zero_blocks},
      {"digest", to_hex(report.table_digest)},
      {"signer", report.signer.empty() ? boost::json::value(nullptr) : boost::json::value(report.signer)},
      {"warnings", boost::json::value_from(report.warnings)}}));
}

Result<int> run(const Arguments& arguments, Console& console) {
  const std::string& out = arguments.operands()[1];
  FL_CHECK(refuse_same_file(arguments.operands()[0], out));
  FL_TRY(const std::optional<imaging::Signer> signer, required_signer(arguments));
  if (signer) warn_of_expiry(signer->name(), signer->not_after(), console);
  FL_TRY(const imaging::ImportOptions options, import_options_of(arguments, signer ? &*signer : nullptr));
  FL_TRY(imaging::OpenedImage image, open_input(arguments));
  Progress unpacking{console, "unpack"};
  Progress writing{console, "import"};
  FL_TRY(const imaging::ImportReport report,
         imaging::import_image(std::move(image), options, out, [&](const imaging::ImportProgress& at) {
           const bool unpacks = at.step == imaging::ImportProgress::Step::unpacking;
           (unpacks ? unpacking : writing).update(at.done, at.total);
         }));
  show(out, report, console);
  return 0;
}

}  // namespace

Command image_import_command() {
  return {.name = "image import",
          .operands = "IN OUT.ffu",
          .min_operands = 2,
          .max_operands = 2,
          .summary = "Makes a signed full flash update image of a disk image (raw, gz, xz, zst, bz2, zip, sparse)",
          .options = joined({{"--platform", "ID", "board the image is for, Maker.Family.Product[.Version]", true},
                             {"--format", "v1|v2", "version of the image format (default v1)"},
                             {"--device-path", "PATH", "v2: the store's device path, such as VenHw(GUID)"},
                             {"--description", "T", "free text in the manifest"},
                             {"--bmap", "FILE", "block map of the disk image"},
                             {"--sha256", "DIGEST", "SHA-256 that the file IN must have"},
                             {"--dense", "", "keep blocks of zeros, for boards that cannot discard"},
                             {"--allow-unsigned", "", "make an image without a signature"}},
                            signing_option_table()),
          .examples = {"flashline image import disk.img.xz panel.ffu --key line.key --cert line.pem --platform "
                       "Contoso.Panel.P100",
                       "SOURCE_DATE_EPOCH=1767225600 flashline image import disk.img panel.ffu --allow-unsigned"},
          .run = run};
}

}  // namespace flashline::line
