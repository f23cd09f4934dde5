#include "flasher/api/web_files.h"

#include <algorithm>

namespace flashline::line {
namespace {

constexpr std::string_view content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action "
    "'self'; "
    "base-uri 'none'; frame-ancestors 'none'";

}  // namespace

std::optional<HttpResponse> web_response(std::string_view path) {
  const auto files = web_files();
  const auto found = std::ranges::find(files, path, &WebFile::path);
  if (found == files.end()) return std::nullopt;
  const bool text = found->content_type.starts_with("text/");
  return HttpResponse{.content_type = std::string{found->content_type}.append(text ? "; charset=utf-8" : ""),
                      .body = std::string{found->bytes},
                      .source = {},
                      .headers = {{"Content-Security-Policy", std::string{content_policy}},
                                  {"Referrer-Policy", "no-referrer"},
                                  {"X-Frame-Options", "DENY"}}};
}

}  // namespace flashline::line
