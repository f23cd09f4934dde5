#pragma once
// The options that every command has which reads an image.

#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "flasher/cli/arguments.h"
#include "flasher/cli/command.h"
#include "imaging/core/error.h"
#include "imaging/source/image.h"

namespace flashline::line {

/// --trust, --allow-unsigned, --trust-stamp, --pin, --clock, --sha256, --bmap, --experimental.
const std::vector<Option>& open_option_table();

/// Those of them that packages know, too: all about trust but --sha256.
std::vector<Option> package_trust_options();

/// What those options say. Errors: usage, anchor_file.
Result<imaging::OpenOptions> open_options_of(const Arguments& arguments);

/// --trust-stamp. Errors: anchor_file.
Result<std::vector<imaging::TrustAnchor>> stamp_anchors_of(const Arguments& arguments);

/// `text`, the value of `option`, as a digest. Errors: usage.
Result<Sha256> digest_of(std::string_view option, const std::string& text);

/// The moment that a made image carries: SOURCE_DATE_EPOCH where it is set, so that the same inputs give the same
/// image, else now. Errors: usage.
Result<std::time_t> build_time();

}  // namespace flashline::line
