// `sign`: another signature for programs, packages, catalogs and images: from test to retail.

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/progress.h"
#include "flasher/cli/signing_options.h"
#include "flasher/cli/time_stamper.h"
#include "imaging/catalog/signed_message.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/errors/usage.h"
#include "imaging/package/program_names.h"
#include "imaging/package/resign.h"
#include "imaging/source/file_view.h"
#include "imaging/source/output_file.h"
#include "imaging/trust/package_signer.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;

/// What the command was told, once for all files.
struct Job {
  const Arguments& arguments;
  const imaging::PackageSigner& signer;
  imaging::TimeStamper stamper;
  std::time_t time;
  Console& console;
};

Status sign_catalog(const fs::path& path, const Job& job) {
  FL_TRY(const imaging::FileHandle file, imaging::open_for_reading(path));
  FL_TRY(const auto catalog, imaging::read_start(file.get(), imaging::max_catalog_size + 1));
  FL_TRY(const auto made, job.signer.sign_catalog(catalog));
  FL_TRY(imaging::OutputFile out, imaging::OutputFile::create(path));
  FL_CHECK(out.write(ByteOffset{0}, made));
  return out.commit();
}

Status sign_image(const fs::path& path, const Job& job) {
  FL_TRY(const imaging::MakeCatalog catalog, catalog_maker(job.arguments, &job.signer.signer(), job.stamper));
  Progress progress{job.console, "sign"};
  FL_CHECK(imaging::replace_catalog(path, path, catalog,
                                    [&](ByteCount done, ByteCount total) { progress.update(done, total); }));
  return {};
}

/// A package with all that is in it; another cabinet by itself.
Status sign_cabinet(const fs::path& path, const Job& job) {
  const auto package = imaging::open_cab(path);
  if (package) return imaging::resign_package(path, {.time = job.time, .signer = &job.signer});
  if (package.error().code == errc::cab_not_package) return job.signer.sign_cab(path);
  return std::unexpected{package.error()};
}

struct Kind {
  std::string_view name;
  std::string_view begins;  ///< the first bytes
  std::size_t at;           ///< where they stand
  Status (*sign)(const fs::path& path, const Job& job);
};

constexpr Kind kinds[]{
    {"program", "MZ", 0, [](const fs::path& path, const Job& job) { return job.signer.sign_pe(path); }},
    {"cabinet", "MSCF", 0, sign_cabinet},
    {"image", "SignedImage ", 4, sign_image},
    {"catalog", "\x30", 0, sign_catalog},
};

Result<const Kind*> kind_of(const fs::path& path) {
  FL_TRY(const imaging::FileHandle file, imaging::open_for_reading(path));
  FL_TRY(const auto bytes, imaging::read_start(file.get(), 16));
  const std::string_view start{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  for (const Kind& kind : kinds) {
    if (start.size() > kind.at && start.substr(kind.at).starts_with(kind.begins)) return &kind;
  }
  return fail(errc::not_signable, fmt::format("{}: neither a program nor a cabinet, catalog or image", path.string()));
}

/// HAL extensions are signed only when they are named.
bool is_signed_in_folders(const fs::path& path) {
  const std::string extension = imaging::folded(path.extension().string());
  constexpr std::string_view known[]{".cab", ".cat", ".ffu"};
  if (imaging::is_program_name(extension)) return !imaging::is_hal_extension(path.string());
  return std::ranges::find(known, extension) != std::end(known);
}

/// The files of a folder and its folders, in the order of their names; a file is itself.
Result<std::vector<fs::path>> files_of(const fs::path& path) {
  std::error_code failed;
  if (!fs::is_directory(path, failed)) return std::vector{path};
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator at{path, failed}, end; !failed && at != end; at.increment(failed)) {
    if (at->is_regular_file(failed) && !at->is_symlink() && is_signed_in_folders(at->path())) {
      files.push_back(at->path());
    }
  }
  if (failed) return fail(errc::image_open, fmt::format("{}: {}", path.string(), failed.message()));
  std::ranges::sort(files);
  return files;
}

Status sign_one(const fs::path& path, const Job& job) {
  FL_TRY(const Kind* const kind, kind_of(path));
  FL_CHECK(kind->sign(path, job));
  const std::string& signer = job.signer.signer().name();
  job.console.say(fmt::format("{}: {}, signed by {}", path.string(), kind->name, signer));
  job.console.record(boost::json::serialize(
      boost::json::object{{"type", "signed"}, {"path", path.string()}, {"kind", kind->name}, {"signer", signer}}));
  return {};
}

Result<int> run(const Arguments& arguments, Console& console) {
  FL_TRY(std::optional<imaging::Signer> signer, signer_of(arguments));
  if (!signer) return fail(errc::usage, "flashline sign: needs --key and --cert");
  warn_of_expiry(signer->name(), signer->not_after(), console);
  FL_TRY(const std::time_t time, build_time());
  const imaging::TimeStamper stamper = time_stamper_of(arguments);
  const imaging::PackageSigner package_signer{std::move(*signer), time, stamper};
  const Job job{arguments, package_signer, stamper, time, console};
  for (const std::string& operand : arguments.operands()) {
    FL_TRY(const std::vector<fs::path> files, files_of(operand));
    for (const fs::path& file : files) FL_CHECK(sign_one(file, job));
  }
  return 0;
}

}  // namespace

Command sign_command() {
  return {.name = "sign",
          .operands = "PATH...",
          .min_operands = 1,
          .max_operands = 1000,
          .summary = "Signs programs, packages, catalogs and images anew, in place; of folders all that is in them",
          .options = joined(signing_option_table(), time_stamp_option_table()),
          .examples = {"flashline sign BSP/drivers --key retail.key --cert retail.pem --time-stamp "
                       "http://time.example.com",
                       "flashline sign Contoso.Panel.cab panel.ffu --key 'pkcs11:token=line;object=retail' --cert "
                       "retail.pem --passphrase-file pin.txt"},
          .run = run};
}

}  // namespace flashline::line
