#pragma once
// The options of commands that sign an image.

#include <optional>
#include <vector>

#include "flasher/cli/arguments.h"
#include "flasher/cli/command.h"
#include "imaging/catalog/build_catalog.h"
#include "imaging/ffu/write_ffu.h"
#include "imaging/trust/signer.h"

namespace flashline::line {

/// --key, --cert, --passphrase-file, --member.
const std::vector<Option>& signing_option_table();

/// The signer that --key and --cert name; nullopt when neither is given. Errors: usage when only one is, and those of
/// Signer::load.
Result<std::optional<imaging::Signer>> signer_of(const Arguments& arguments);

/// --member. Errors: usage.
Result<imaging::MemberDigest> member_of(const Arguments& arguments);

/// What makes the image's catalog: of build_time(), signed when `signer` is there (it outlives the result).
/// Errors: usage.
Result<imaging::MakeCatalog> catalog_maker(const Arguments& arguments, const imaging::Signer* signer);

}  // namespace flashline::line
