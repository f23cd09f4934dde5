#pragma once
// What an image says of itself, for people and for scripts.

#include <string>
#include <vector>

#include "imaging/source/image.h"

namespace flashline::line {

/// Lines "name        value". `path` is the image's. `asked`: somebody was named whom to trust.
std::vector<std::string> facts_lines(const std::string& path, const imaging::OpenedImage& image, bool asked);

/// One JSON object; `type` is its "type" member ("image", "result").
std::string facts_json(const std::string& path, const imaging::OpenedImage& image, std::string_view type);

/// One sentence: "signed by CN=..., trusted by ca.pem", "not signed", "signed by ..., not checked", "NOT TRUSTED: ...".
std::string trust_sentence(const imaging::TrustVerdict& verdict, bool asked);

/// "2026-01-31T12:00:00Z"
std::string utc_text(std::time_t when);

}  // namespace flashline::line
