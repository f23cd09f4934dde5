#pragma once
// The operator page, embedded at build time (cmake/embed.cmake).

#include <span>
#include <string_view>

#include "flasher/api/http_message.h"

namespace flashline::line {

struct WebFile {
  std::string_view path;  ///< as served
  std::string_view content_type;
  std::string_view bytes;
};

std::span<const WebFile> web_files();

/// The file served at `path`, or nothing. It loads only its own scripts and styles and talks only to its own station.
std::optional<HttpResponse> web_response(std::string_view path);

}  // namespace flashline::line
