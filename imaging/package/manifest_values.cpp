#include "imaging/package/manifest_values.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

struct Word {
  std::uint32_t bit;
  std::string_view word;
};
/// Names of Windows' file attributes, as .NET writes them.
constexpr std::array<Word, 13> words{{{0x1, "ReadOnly"},
                                      {0x2, "Hidden"},
                                      {0x4, "System"},
                                      {0x10, "Directory"},
                                      {0x20, "Archive"},
                                      {0x40, "Device"},
                                      {0x80, "Normal"},
                                      {0x100, "Temporary"},
                                      {0x200, "SparseFile"},
                                      {0x800, "Compressed"},
                                      {0x1000, "Offline"},
                                      {0x2000, "NotContentIndexed"},
                                      {0x4000, "Encrypted"}}};

template <class T, std::size_t n>
std::optional<T> one_of(std::string_view text, const std::array<T, n>& values) {
  const auto found = std::ranges::find_if(values, [&](T value) { return same_word(name_of(value), text); });
  return found == values.end() ? std::nullopt : std::optional{*found};
}

}  // namespace

std::string attribute_words(std::uint32_t attributes) {
  std::string text;
  for (const Word& word : words) {
    if ((attributes & word.bit) != 0) text.append(text.empty() ? "" : " ").append(word.word);
  }
  return text;
}

std::optional<std::uint32_t> attributes_of(std::string_view text) {
  std::uint32_t attributes = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" ,\t\r\n"), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    const auto found = std::ranges::find_if(words, [&](const Word& known) { return same_word(known.word, word); });
    if (found == words.end()) return std::nullopt;
    attributes |= found->bit;
  }
  return attributes;
}

std::optional<ReleaseType> release_type_of(std::string_view text) {
  return one_of(text, std::array{ReleaseType::production, ReleaseType::test});
}

std::optional<OwnerType> owner_type_of(std::string_view text) {
  return one_of(
      text, std::array{OwnerType::microsoft, OwnerType::silicon_vendor, OwnerType::oem, OwnerType::mobile_operator});
}

std::optional<Sha256> digest_of_hex(std::string_view text) {
  Sha256 digest{};
  if (text.size() != digest.size() * 2) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t value = std::string_view{"0123456789abcdef"}.find(folded(text.substr(i, 1)));
    if (value == std::string_view::npos) return std::nullopt;
    digest[i / 2] = digest[i / 2] << 4 | static_cast<std::byte>(value);
  }
  return digest;
}

std::string name_from_parts(const PackageIdentity& identity) {
  std::string name;
  for (const std::string* part : {&identity.owner, &identity.component, &identity.sub_component}) {
    if (!part->empty()) name.append(name.empty() ? "" : ".").append(*part);
  }
  if (!identity.culture.empty()) name += "_Lang_" + identity.culture;
  if (!identity.resolution.empty()) name += "_Res_" + identity.resolution;
  return name;
}

bool is_file_name(std::string_view name) {
  if (name.empty() || name.find_first_of("\\/") != std::string_view::npos || name.size() > 200) return false;
  const auto path = device_path(name);
  return path && *path == fmt::format("\\{}", name);
}

Result<std::string> checked_path(const XmlDocument& document, std::size_t offset, std::string_view text) {
  auto path = device_path(text);
  if (!path) return document.error(errc::cab_manifest, offset, path.error().detail);
  if (*path == "\\") return document.error(errc::cab_manifest, offset, "a path on the device is missing");
  return path;
}

}  // namespace flashline::imaging
