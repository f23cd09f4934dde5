#pragma once
// A package as text that a person can review.

#include <cctype>
#include <span>
#include <spdlog/fmt/fmt.h>
#include <string>

#include "imaging/core/digest.h"
#include "imaging/core/unicode.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

inline std::string file_text(const char* kind, const PackageFile& file) {
  return fmt::format("{} {} attributes 0x{:x} size {} sha256 {}\n", kind, file.device_path, file.attributes, file.size,
                     to_hex(std::span{file.digest}.first(4)));
}

/// UTF-16LE with zeros, as quoted parts.
inline std::string quoted_parts(const std::vector<std::byte>& data) {
  std::u16string part;
  std::string text;
  for (std::size_t at = 0; at + 1 < data.size(); at += 2) {
    const auto unit =
        static_cast<char16_t>(std::to_integer<unsigned>(data[at]) | std::to_integer<unsigned>(data[at + 1]) << 8U);
    if (unit != 0) {
      part += unit;
      continue;
    }
    text += fmt::format(" '{}'", utf8_of(part));
    part.clear();
  }
  return part.empty() ? text : text + " unterminated";
}

inline std::string value_text(const RegistryValue& value) {
  std::string type;
  const Sha256 digest = sha256(value.data);
  std::string text = " " + (value.data.size() > 64 ? fmt::format("{} bytes, sha256 {}", value.data.size(),
                                                                 to_hex(std::span{digest}.first(4)))
                                                   : to_hex(value.data));
  switch (value.type) {
    case RegistryType::sz:
      type = "sz", text = quoted_parts(value.data);
      break;
    case RegistryType::expand_sz:
      type = "expand_sz", text = quoted_parts(value.data);
      break;
    case RegistryType::multi_sz:
      type = "multi_sz", text = quoted_parts(value.data);
      break;
    case RegistryType::binary:
      type = "binary";
      break;
    case RegistryType::dword:
      type = "dword";
      break;
    case RegistryType::qword:
      type = "qword";
      break;
    default:
      type = fmt::format("type {}", static_cast<std::uint32_t>(value.type));
  }
  return fmt::format("  '{}' {}{}{}\n", value.name, type, value.append ? " append" : "", text);
}

inline std::string package_text(const Package& package) {
  const PackageIdentity& id = package.identity;
  std::string text = fmt::format("package {} {} {} {} {} {} owner '{}' component '{}' sub '{}'", id.name,
                                 to_text(id.version), name_of(id.cpu), id.partition, name_of(id.release_type),
                                 name_of(id.owner_type), id.owner, id.component, id.sub_component);
  if (!id.culture.empty()) text += " culture " + id.culture;
  if (!id.resolution.empty()) text += " resolution " + id.resolution;
  text += "\n";
  for (const PackageFile& file : package.files) text += file_text("file", file);
  for (const PackageDirectory& one : package.directories) {
    text += fmt::format("directory {} attributes 0x{:x}\n", one.device_path, one.attributes);
  }
  for (const RegistryKey& key : package.registry) {
    text += "key " + key.path + "\n";
    for (const RegistryValue& value : key.values) text += value_text(value);
  }
  if (package.raw_image) text += file_text("raw image", *package.raw_image);
  if (package.bcd) text += file_text("bcd", *package.bcd);
  return text;
}

inline std::string packages_text(const std::vector<Package>& packages) {
  std::string text;
  for (const Package& package : packages) text += package_text(package);
  return text;
}

}  // namespace flashline::imaging
