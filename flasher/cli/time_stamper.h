#pragma once
// How a request for a time stamp reaches an authority.

#include <vector>

#include "flasher/cli/arguments.h"
#include "flasher/cli/command.h"
#include "imaging/core/error.h"
#include "imaging/trust/time_stamp.h"

namespace flashline::line {

/// --time-stamp.
const std::vector<Option>& time_stamp_option_table();

/// Who --time-stamp names: an authority on the network, asked through curl, or one on this machine, asked through
/// `openssl ts`. Empty when nobody is named. Errors of asking: program_missing, program_failed, program_timeout,
/// image_read, image_write.
imaging::TimeStamper time_stamper_of(const Arguments& arguments);

}  // namespace flashline::line
