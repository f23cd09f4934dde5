// `image sign`: another signature for an image whose content stays the same.

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/progress.h"
#include "flasher/cli/signing_options.h"
#include "flasher/cli/time_stamper.h"
#include "imaging/core/errors/usage.h"

namespace flashline::line {
namespace {

Result<int> run(const Arguments& arguments, Console& console) {
  const std::string& path = arguments.operands().front();
  const std::string out = arguments.value("--out").value_or(path);
  FL_TRY(const std::optional<imaging::Signer> signer, signer_of(arguments));
  if (!signer) return fail(errc::usage, "flashline image sign: needs --key and --cert");
  warn_of_expiry(signer->name(), signer->not_after(), console);
  FL_TRY(const imaging::MakeCatalog catalog, catalog_maker(arguments, &*signer, time_stamper_of(arguments)));
  imaging::WrittenFfu written;
  {
    Progress progress{console, "sign"};
    FL_TRY(written, imaging::replace_catalog(path, out, catalog,
                                             [&](ByteCount done, ByteCount total) { progress.update(done, total); }));
  }
  console.say(fmt::format("{}: signed by {}", out, signer->name()));
  console.record(boost::json::serialize(boost::json::object{{"type", "result"},
                                                            {"path", out},
                                                            {"file_size", written.file_size.value},
                                                            {"digest", to_hex(written.table_digest)},
                                                            {"signer", signer->name()},
                                                            {"signer_sha256", to_hex(signer->certificate_digest())}}));
  return 0;
}

}  // namespace

Command image_sign_command() {
  return {.name = "image sign",
          .operands = "F",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Signs a full flash update image, in place or to another file",
          .options = joined(joined({{"--out", "F2", "write here and leave F as it is"}}, signing_option_table()),
                            time_stamp_option_table()),
          .examples = {"flashline image sign panel.ffu --key line.key --cert line.pem",
                       "flashline image sign vendor.ffu --out ours.ffu --key line.key --cert line.pem"},
          .run = run};
}

}  // namespace flashline::line
