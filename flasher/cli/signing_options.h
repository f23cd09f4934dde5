#pragma once
// The options of commands that sign an image.

#include <ctime>
#include <optional>
#include <string_view>
#include <vector>

#include "flasher/cli/arguments.h"
#include "flasher/cli/command.h"
#include "imaging/catalog/build_catalog.h"
#include "imaging/ffu/write_ffu.h"
#include "imaging/trust/package_signer.h"
#include "imaging/trust/signer.h"

namespace flashline::line {

/// --key, --cert, --passphrase-file, --token-driver, --member.
const std::vector<Option>& signing_option_table();

/// The signer that --key and --cert name; nullopt when neither is given. Errors: usage when only one is, and those of
/// Signer::load. A passphrase or PIN that no file gives is taken from FLASHLINE_PIN.
Result<std::optional<imaging::Signer>> signer_of(const Arguments& arguments);

/// Those of them that packages know, and --time-stamp.
std::vector<Option> package_signing_options();
/// The same with --time-stamp, for packages of `time`; warns when its certificates end soon.
Result<std::optional<imaging::PackageSigner>> package_signer_of(const Arguments& arguments, std::time_t time,
                                                                Console& console);

/// --member. Errors: usage.
Result<imaging::MemberDigest> member_of(const Arguments& arguments);

/// What makes the image's catalog: of build_time(), signed when `signer` is there (it outlives the result).
/// Errors: usage.
Result<imaging::MakeCatalog> catalog_maker(const Arguments& arguments, const imaging::Signer* signer,
                                           imaging::TimeStamper stamper = {});

/// A warning when a certificate in use ends within 60 days from now on. `whose` names it.
void warn_of_expiry(std::string_view whose, std::time_t not_after, Console& console);

}  // namespace flashline::line
