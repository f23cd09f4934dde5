// `package info`, `list`, `verify` and `extract`: what is in a cabinet.

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/image_facts.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/signing_options.h"
#include "imaging/package/cab.h"
#include "imaging/source/file_view.h"
#include "imaging/trust/verify_signature.h"

namespace flashline::line {
namespace {

using imaging::Package;
using imaging::PackageFile;

/// Every file that the package has, with what it is for.
std::vector<std::pair<std::string_view, const PackageFile*>> files_of(const Package& package) {
  std::vector<std::pair<std::string_view, const PackageFile*>> files;
  for (const PackageFile& file : package.files) files.emplace_back("file", &file);
  if (package.raw_image) files.emplace_back("partition", &*package.raw_image);
  if (package.bcd) files.emplace_back("boot store", &*package.bcd);
  return files;
}

boost::json::object json_of(std::string_view kind, const PackageFile& file) {
  const bool known = file.digest != Sha256{};
  return {{"kind", kind},
          {"path", file.device_path},
          {"size", file.size},
          {"sha256", known ? boost::json::value(to_hex(file.digest)) : boost::json::value(nullptr)},
          {"member", std::get<std::filesystem::path>(file.source).string()}};
}

boost::json::object json_of(const std::string& path, const Package& package, std::string_view type) {
  const imaging::PackageIdentity& identity = package.identity;
  return {{"type", type},
          {"path", path},
          {"name", identity.name},
          {"version", to_text(identity.version)},
          {"cpu", name_of(identity.cpu)},
          {"owner", identity.owner},
          {"component", identity.component},
          {"sub_component", identity.sub_component},
          {"culture", identity.culture},
          {"resolution", identity.resolution},
          {"owner_type", name_of(identity.owner_type)},
          {"release_type", name_of(identity.release_type)},
          {"partition", identity.partition},
          {"files", files_of(package).size()},
          {"directories", package.directories.size()},
          {"registry_keys", package.registry.size()}};
}

std::uint64_t payload_size(const Package& package) {
  std::uint64_t size = 0;
  for (const auto& [kind, file] : files_of(package)) size += file->size;
  return size;
}

void say_facts(const Package& package, Console& console) {
  const imaging::PackageIdentity& identity = package.identity;
  const auto line = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) console.say(fmt::format("{:<13} {}", name, value));
  };
  line("name", identity.name);
  line("version", to_text(identity.version));
  line("cpu", name_of(identity.cpu));
  line("owner", fmt::format("{} ({})", identity.owner, name_of(identity.owner_type)));
  line("culture", identity.culture);
  line("resolution", identity.resolution);
  line("release type", name_of(identity.release_type));
  line("partition", identity.partition);
  line("content", fmt::format("{} files of {} bytes, {} folders, {} registry keys", files_of(package).size(),
                              payload_size(package), package.directories.size(), package.registry.size()));
  for (const std::string& member : package.members) line("stands for", member);
}

Result<int> list(const Arguments& arguments, Console& console) {
  FL_TRY(const Package package, imaging::open_cab(arguments.operands().front()));
  for (const auto& [kind, file] : files_of(package)) {
    const std::string where = file->device_path.empty() ? fmt::format("({})", kind) : file->device_path;
    console.say(fmt::format("{:>12}  {}", file->size, where));
    boost::json::object record = json_of(kind, *file);
    record["type"] = "file";
    console.record(boost::json::serialize(record));
  }
  return 0;
}

boost::json::value json_of(const imaging::TrustVerdict& verdict) {
  if (!verdict.is_signed) return nullptr;
  return {{"signer", verdict.signer},
          {"signer_sha256", to_hex(verdict.signer_digest)},
          {"test", verdict.test_signed},
          {"not_after", utc_text(verdict.not_after)}};
}

/// Catalog and cabinet mostly have one signer: one warning then.
void warn_of_signers(const imaging::CabVerdict& verdict, Console& console) {
  const imaging::TrustVerdict& cabinet = verdict.cabinet;
  const imaging::TrustVerdict& catalog = verdict.catalog;
  if (cabinet.is_signed) warn_of_expiry(cabinet.signer, cabinet.not_after, console);
  const bool same = catalog.signer == cabinet.signer && catalog.not_after == cabinet.not_after;
  if (catalog.is_signed && !same) warn_of_expiry(catalog.signer, catalog.not_after, console);
}

/// Who says to have signed the cabinet, nothing checked but the bytes.
Result<imaging::TrustVerdict> claimed_signer(const std::string& path) {
  FL_TRY(const imaging::FileHandle file, imaging::open_for_reading(path));
  FL_TRY(const ByteCount size, imaging::size_of(file.get()));
  imaging::FileView view{file.get(), size};
  imaging::TrustPolicy policy;
  policy.inspect_only = true;
  return imaging::verify_cab_signature(view, policy);
}

Result<int> info(const Arguments& arguments, Console& console) {
  const std::string& path = arguments.operands().front();
  FL_TRY(const Package package, imaging::open_cab(path));
  FL_TRY(const imaging::TrustVerdict signer, claimed_signer(path));
  say_facts(package, console);
  console.say(fmt::format("{:<13} {}", "trust", trust_sentence(signer, false)));
  if (signer.is_signed) warn_of_expiry(signer.signer, signer.not_after, console);
  boost::json::object record = json_of(path, package, "package");
  record["cabinet"] = json_of(signer);
  console.record(boost::json::serialize(record));
  return 0;
}

Result<int> verify(const Arguments& arguments, Console& console) {
  const std::string& path = arguments.operands().front();
  FL_TRY(const imaging::OpenOptions options, open_options_of(arguments));
  FL_TRY(const imaging::CabVerdict verdict, imaging::verify_cab(path, options.trust));
  console.say(
      fmt::format("{}: good, {} {}", path, verdict.package.identity.name, to_text(verdict.package.identity.version)));
  console.say(fmt::format("  catalog: {}", trust_sentence(verdict.catalog, true)));
  console.say(fmt::format("  cabinet: {}", trust_sentence(verdict.cabinet, true)));
  warn_of_signers(verdict, console);
  boost::json::object record = json_of(path, verdict.package, "result");
  record["catalog"] = json_of(verdict.catalog);
  record["cabinet"] = json_of(verdict.cabinet);
  console.record(boost::json::serialize(record));
  return 0;
}

Result<int> extract(const Arguments& arguments, Console& console) {
  const std::string& path = arguments.operands()[0];
  const std::string& folder = arguments.operands()[1];
  FL_TRY(const imaging::OpenOptions options, open_options_of(arguments));
  FL_TRY(const imaging::CabVerdict verdict, imaging::extract_cab(path, folder, options.trust));
  const Package& package = verdict.package;
  console.say(fmt::format("{}: {} {}, {} files of {} bytes", folder, package.identity.name,
                          to_text(package.identity.version), files_of(package).size(), payload_size(package)));
  console.say(fmt::format("  cabinet: {}", trust_sentence(verdict.cabinet, true)));
  warn_of_signers(verdict, console);
  boost::json::object record = json_of(path, package, "result");
  record["folder"] = folder;
  record["catalog"] = json_of(verdict.catalog);
  record["cabinet"] = json_of(verdict.cabinet);
  console.record(boost::json::serialize(record));
  return 0;
}

}  // namespace

Command package_info_command() {
  return {.name = "package info",
          .operands = "F.cab",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Shows what a package says of itself, trusted or not",
          .options = {},
          .examples = {"flashline package info Contoso.Drivers.GPIO.cab"},
          .run = info};
}

Command package_list_command() {
  return {.name = "package list",
          .operands = "F.cab",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Lists the files of a package by their place on the device",
          .options = {},
          .examples = {"flashline package list Contoso.Drivers.GPIO.cab --json"},
          .run = list};
}

Command package_verify_command() {
  return {.name = "package verify",
          .operands = "F.cab",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Checks every byte of a package, its catalog and both signatures",
          .options = package_trust_options(),
          .examples = {"flashline package verify Contoso.Drivers.GPIO.cab --trust oem-ca.pem"},
          .run = verify};
}

Command package_extract_command() {
  return {.name = "package extract",
          .operands = "F.cab DIR",
          .min_operands = 2,
          .max_operands = 2,
          .summary = "Unpacks a package that is signed by somebody trusted, each member checked against the catalog",
          .options = package_trust_options(),
          .examples = {"flashline package extract Contoso.Drivers.GPIO.cab out --trust oem-ca.pem",
                       "flashline package extract Contoso.Drivers.GPIO.cab out --allow-unsigned"},
          .run = extract};
}

}  // namespace flashline::line
