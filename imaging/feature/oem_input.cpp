#include "imaging/feature/oem_input.h"

#include <algorithm>
#include <map>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

/// Reads the texts of one document, names replaced.
class Reader {
 public:
  Reader(const XmlDocument& document, const Variables& percents) : document_{document}, percents_{percents} {}

  Result<PlacedWord> word(const XmlElement& element) const {
    FL_CHECK(check_known(document_, element, {}, {}));
    auto text = percents_.expand(trimmed(element.text));
    const std::string where = document_.where(element.offset);
    if (!text) return std::unexpected{in_context(where, text.error())};
    return PlacedWord{*std::move(text), where};
  }
  /// Empty when the element is not there.
  Result<PlacedWord> optional(std::string_view name) const {
    const XmlElement* element = find_child(document_.root, name);
    if (element == nullptr) return PlacedWord{};
    return word(*element);
  }
  Result<PlacedWord> required(std::string_view name) const {
    FL_TRY(PlacedWord found, optional(name));
    if (!found.word.empty()) return found;
    return document_.error(errc::xml_missing, document_.root.offset, fmt::format("<{}> is missing or empty", name));
  }
  /// The items of the list at the end of `path`; empty when it is not there.
  Result<std::vector<PlacedWord>> list(std::initializer_list<std::string_view> path, std::string_view item) const {
    const XmlElement* at = &document_.root;
    for (const std::string_view name : path) {
      at = find_child(*at, name);
      if (at == nullptr) return std::vector<PlacedWord>{};
    }
    FL_CHECK(check_known(document_, *at, {}, {item}));
    std::vector<PlacedWord> words;
    for (const XmlElement& child : at->children) {
      FL_TRY(PlacedWord one, word(child));
      if (one.word.empty()) return fail(errc::xml_value, fmt::format("{}: <{}> is empty", one.where, item));
      words.push_back(std::move(one));
    }
    return words;
  }
  Result<bool> flag(std::string_view name) const {
    const XmlElement* element = find_child(document_.root, name);
    if (element == nullptr) return false;
    return parse_bool(document_, element->offset, element->text);
  }

 private:
  const XmlDocument& document_;
  const Variables& percents_;
};

/// Each element stands once at most: of two, one would silently lose.
Status check_once(const XmlDocument& document, const XmlElement& element) {
  std::map<std::string, std::size_t> seen;
  for (const XmlElement& child : element.children) {
    const auto [first, fresh] = seen.emplace(folded(local_name(child.name)), child.offset);
    if (fresh) continue;
    return document.error(errc::feature_repeated, child.offset,
                          fmt::format("<{}> stands at {} already", child.name, document.where(first->second)));
  }
  return {};
}

Status check_elements(const XmlDocument& document) {
  FL_CHECK(check_known(document, document.root, {},
                       {"Description", "SOC", "SV", "Device", "ReleaseType", "BuildType", "SupportedLanguages",
                        "BootUILanguage", "BootLocale", "Resolutions", "AdditionalFMs", "Features", "PackageFiles",
                        "Product", "FormatDPP", "ExcludePrereleaseFeatures", "OEMDevicePlatform", "UserStoreMapData"}));
  FL_CHECK(check_once(document, document.root));
  if (const XmlElement* languages = find_child(document.root, "SupportedLanguages")) {
    FL_CHECK(check_known(document, *languages, {}, {"UserInterface", "Keyboard", "Speech"}));
    FL_CHECK(check_once(document, *languages));
  }
  if (const XmlElement* features = find_child(document.root, "Features")) {
    FL_CHECK(check_known(document, *features, {}, {"Microsoft", "OEM"}));
    FL_CHECK(check_once(document, *features));
  }
  return {};
}

bool is_culture(std::string_view text) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
  return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

bool is_resolution(std::string_view text) {
  constexpr std::string_view digits = "0123456789";
  const std::size_t times = text.find_first_not_of(digits);
  if (times == 0 || times == std::string_view::npos || (text[times] != 'x' && text[times] != 'X')) return false;
  const std::string_view height = text.substr(times + 1);
  return !height.empty() && height.find_first_not_of(digits) == std::string_view::npos;
}

/// Words that become parts of file names, each of which `is_good`.
Result<std::vector<std::string>> checked(const Result<std::vector<PlacedWord>>& words,
                                         bool (*is_good)(std::string_view), std::string_view what) {
  if (!words) return std::unexpected{words.error()};
  std::vector<std::string> texts;
  for (const PlacedWord& word : *words) {
    if (!is_good(word.word))
      return fail(errc::xml_value, fmt::format("{}: '{}' is no {}", word.where, word.word, what));
    texts.push_back(word.word);
  }
  return texts;
}

Status read_languages(const Reader& reader, const XmlDocument& document, OemInput& input) {
  FL_TRY(input.ui_languages,
         checked(reader.list({"SupportedLanguages", "UserInterface"}, "Language"), is_culture, "language"));
  FL_TRY(input.keyboard_languages,
         checked(reader.list({"SupportedLanguages", "Keyboard"}, "Language"), is_culture, "language"));
  FL_TRY(input.speech_languages,
         checked(reader.list({"SupportedLanguages", "Speech"}, "Language"), is_culture, "language"));
  FL_TRY(input.resolutions, checked(reader.list({"Resolutions"}, "Resolution"), is_resolution, "resolution"));
  if (input.ui_languages.empty()) {
    return document.error(errc::xml_missing, document.root.offset,
                          "<SupportedLanguages> needs a <Language> in <UserInterface>");
  }
  if (input.resolutions.empty()) {
    return document.error(errc::xml_missing, document.root.offset, "<Resolutions> needs a <Resolution>");
  }
  return {};
}

Status read_boot_language(const Reader& reader, OemInput& input) {
  FL_TRY(const PlacedWord language, reader.required("BootUILanguage"));
  FL_TRY(const PlacedWord locale, reader.required("BootLocale"));
  input.boot_ui_language = language.word;
  input.boot_locale = locale.word;
  if (!is_culture(locale.word))
    return fail(errc::xml_value, fmt::format("{}: '{}' is no locale", locale.where, locale.word));
  const auto same = [&](const std::string& one) { return same_word(one, language.word); };
  if (std::ranges::any_of(input.ui_languages, same)) return {};
  return fail(errc::oem_boot_language, fmt::format("{}: '{}' is none of the UI languages {}", language.where,
                                                   language.word, fmt::join(input.ui_languages, ", ")));
}

Status read_types(const Reader& reader, const XmlDocument& document, OemInput& input) {
  FL_TRY(const PlacedWord release, reader.required("ReleaseType"));
  FL_TRY(input.release_type,
         parse_release_type(document, find_child(document.root, "ReleaseType")->offset, release.word));
  FL_TRY(const PlacedWord build, reader.required("BuildType"));
  input.build_type = folded(build.word);
  if (input.build_type != "fre" && input.build_type != "chk") {
    return fail(errc::xml_value, fmt::format("{}: '{}' is neither fre nor chk", build.where, build.word));
  }
  FL_TRY(const PlacedWord product, reader.optional("Product"));
  if (product.word.empty() || same_word(product.word, "Windows 10 IoT Core")) return {};
  input.product = ImageProduct::linux_system;
  if (same_word(product.word, "Linux")) return {};
  return fail(errc::oem_product, fmt::format("{}: '{}' is no product", product.where, product.word));
}

Status read_lists(const Reader& reader, OemInput& input) {
  FL_TRY(input.additional_fms, reader.list({"AdditionalFMs"}, "AdditionalFM"));
  FL_TRY(input.microsoft_features, reader.list({"Features", "Microsoft"}, "Feature"));
  FL_TRY(input.oem_features, reader.list({"Features", "OEM"}, "Feature"));
  FL_TRY(input.package_files, reader.list({"PackageFiles"}, "PackageFile"));
  return {};
}

Status read_board(const Reader& reader, OemInput& input) {
  FL_TRY(const PlacedWord description, reader.optional("Description"));
  input.description = description.word;
  FL_TRY(input.soc, reader.required("SOC"));
  FL_TRY(input.sv, reader.optional("SV"));
  FL_TRY(input.device, reader.required("Device"));
  FL_TRY(input.format_dpp, reader.flag("FormatDPP"));
  FL_TRY(input.exclude_prerelease, reader.flag("ExcludePrereleaseFeatures"));
  FL_TRY(input.device_platform_file, reader.optional("OEMDevicePlatform"));
  FL_TRY(input.user_store_map, reader.optional("UserStoreMapData"));
  return {};
}

}  // namespace

const PlacedWord* OemInput::find_feature(std::string_view id) const {
  for (const std::vector<PlacedWord>* side : {&microsoft_features, &oem_features}) {
    const auto found = std::ranges::find_if(*side, [&](const PlacedWord& one) { return same_word(one.word, id); });
    if (found != side->end()) return &*found;
  }
  return nullptr;
}

Result<OemInput> read_oem_input(const XmlDocument& document, const Variables& percents) {
  FL_CHECK(check_imaging_root(document, "OEMInput"));
  FL_CHECK(check_elements(document));
  const Reader reader{document, percents};
  OemInput input;
  input.file = document.file;
  FL_CHECK(read_board(reader, input));
  FL_CHECK(read_types(reader, document, input));
  FL_CHECK(read_languages(reader, document, input));
  FL_CHECK(read_boot_language(reader, input));
  FL_CHECK(read_lists(reader, input));
  return input;
}

}  // namespace flashline::imaging
