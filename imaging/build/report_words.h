#pragma once
// Words that both forms of an image's report use.

#include <ctime>
#include <string>
#include <string_view>

#include "imaging/feature/release_rules.h"

namespace flashline::imaging {

/// "nobody", "test", "retail", "untrusted", "broken".
std::string_view word_of(SignedBy signed_by);
/// "2026-01-02T03:04:05Z".
std::string utc_text(std::time_t time);

}  // namespace flashline::imaging
