#include "flasher/cli/signing_options.h"

#include <cstdlib>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/open_options.h"
#include "flasher/cli/time_stamper.h"
#include "imaging/core/errors/usage.h"
#include "imaging/trust/expiry.h"

namespace flashline::line {

const std::vector<Option>& signing_option_table() {
  static const std::vector<Option> table{
      {"--key", "K.pem", "private key that signs (RSA, 2048 bits or more): a file, or pkcs11:token=T;object=O"},
      {"--cert", "C.pem", "its certificate first, then those above it"},
      {"--passphrase-file", "FILE", "its first line opens an encrypted key, or is the token's PIN (or FLASHLINE_PIN)"},
      {"--token-driver", "FILE", "PKCS#11 module of the token that holds the key"},
      {"--member", "KIND", "digest in the catalog: sha1 (default, for every reader) or sha256"},
  };
  return table;
}

Result<std::optional<imaging::Signer>> signer_of(const Arguments& arguments) {
  const auto key = arguments.value("--key");
  const auto certificate = arguments.value("--cert");
  if (!key && !certificate) return std::nullopt;
  if (!key || !certificate) return fail(errc::usage, "--key and --cert belong together: give both");
  imaging::SignerFiles files{.key = *key, .certificate = *certificate};
  if (const auto file = arguments.value("--passphrase-file"))
    files.passphrase = *file;
  else if (const char* pin = std::getenv("FLASHLINE_PIN"))
    files.pin = imaging::Secret{pin};
  files.token_driver = arguments.value("--token-driver").value_or("");
  return imaging::Signer::load(files);
}

std::vector<Option> package_signing_options() {
  std::vector<Option> options = joined(signing_option_table(), time_stamp_option_table());
  std::erase_if(options, [](const Option& option) { return option.name == "--member"; });
  return options;
}

Result<std::optional<imaging::PackageSigner>> package_signer_of(const Arguments& arguments, std::time_t time,
                                                                Console& console) {
  FL_TRY(std::optional<imaging::Signer> signer, signer_of(arguments));
  if (!signer) return std::nullopt;
  warn_of_expiry(signer->name(), signer->not_after(), console);
  return imaging::PackageSigner{*std::move(signer), time, time_stamper_of(arguments)};
}

Result<imaging::MemberDigest> member_of(const Arguments& arguments) {
  const std::string member = arguments.value("--member").value_or("sha1");
  if (member == "sha1") return imaging::MemberDigest::sha1;
  if (member == "sha256") return imaging::MemberDigest::sha256;
  return fail(errc::usage, fmt::format("--member {}: not sha1 or sha256", member));
}

Result<imaging::MakeCatalog> catalog_maker(const Arguments& arguments, const imaging::Signer* signer,
                                           imaging::TimeStamper stamper) {
  FL_TRY(const imaging::MemberDigest member, member_of(arguments));
  FL_TRY(const std::time_t time, build_time());
  const imaging::CatalogOptions options{.member = member, .this_update = time};
  return imaging::MakeCatalog{[options, signer, stamper = std::move(stamper)](
                                  std::span<const std::byte> hash_table) -> Result<std::vector<std::byte>> {
    const std::vector<std::byte> catalog = imaging::build_catalog(hash_table, options);
    if (signer == nullptr) return catalog;
    return signer->sign(catalog, options.this_update, stamper);
  }};
}

void warn_of_expiry(std::string_view whose, std::time_t not_after, Console& console) {
  if (const auto sentence = imaging::expiry_sentence(whose, not_after, std::time(nullptr))) console.warn(*sentence);
}

}  // namespace flashline::line
