#include "imaging/provisioning/answer_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::array all_owners{
    ProvisioningOwner::microsoft,         ProvisioningOwner::silicon_vendor,  ProvisioningOwner::oem,
    ProvisioningOwner::system_integrator, ProvisioningOwner::mobile_operator, ProvisioningOwner::it_admin};

/// Microsoft's product root, which an image must not trust for everything.
constexpr std::string_view forbidden_root = "FE8BD26C71E9340CA518C963E340B7380859EE70";

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f'); }

/// "{...}" in capitals, or nothing.
std::optional<std::string> guid_of(std::string_view text) {
  if (text.starts_with('{') != text.ends_with('}')) return std::nullopt;
  if (text.starts_with('{')) text = text.substr(1, text.size() - 2);
  if (text.size() != 36) return std::nullopt;
  std::string guid{"{"};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return std::nullopt;
    guid += text[i] >= 'a' && text[i] <= 'f' ? static_cast<char>(text[i] - 'a' + 'A') : text[i];
  }
  return guid + "}";
}

/// "1.0.0.0", or two or three parts as older files have them.
Result<Version> version_of(std::string_view text) {
  std::string whole{text};
  for (auto dots = std::ranges::count(text, '.'); dots > 0 && dots < 3; ++dots) whole += ".0";
  return parse_version(whole);
}

/// Walks the settings and gathers what of them a build has to know.
class SettingsReader {
 public:
  SettingsReader(const XmlDocument& document, AnswerFile& answers) : document_{document}, answers_{answers} {}

  Status read(const XmlElement& settings, const std::string& variant) {
    variant_ = variant;
    for (const XmlElement& child : settings.children) FL_CHECK(walk(child, {}));
    return {};
  }

 private:
  Status walk(const XmlElement& element, const std::string& above) {
    const std::string path =
        above.empty() ? std::string{local_name(element.name)} : fmt::format("{}/{}", above, local_name(element.name));
    FL_CHECK(note(element, path));
    if (element.children.empty()) {
      answers_.settings.push_back({path, std::string{trimmed(element.text)}, variant_, place(element)});
      return {};
    }
    for (const XmlElement& child : element.children) FL_CHECK(walk(child, path));
    return {};
  }

  Status note(const XmlElement& element, const std::string& path) {
    const std::string key = folded(path);
    if (key == "certificates/rootcertificates/rootcertificate") return check_root(element);
    if (key == "startupapp/default") return add_app(answers_.foreground, element, std::string{trimmed(element.text)});
    if (key == "startupbackgroundtasks/toadd/add") {
      FL_TRY(const std::string id, required_attribute(document_, element, "PackageName"));
      return add_app(answers_.background, element, id);
    }
    if (const auto kind = asset_kind(key)) return add_asset(*kind, element);
    return {};
  }

  static std::optional<ProvisioningAsset::Kind> asset_kind(const std::string& key) {
    using Kind = ProvisioningAsset::Kind;
    if (key == "certificates/rootcertificates/rootcertificate/certificatepath") return Kind::root_certificate;
    if (key == "certificates/trustedprovisioners/certificate/trustedprovisioner") return Kind::trusted_provisioner;
    if (key.starts_with("certificates/") && key.ends_with("/certificatepath")) return Kind::certificate;
    if (!key.starts_with("universalappinstall/")) return std::nullopt;
    if (key.ends_with("/application/applicationfile")) return Kind::app;
    if (key.ends_with("/dependencyappxfiles/dependency")) return Kind::app_dependency;
    if (key.ends_with("/licenseinstall")) return Kind::license;
    return std::nullopt;
  }

  Status add_asset(ProvisioningAsset::Kind kind, const XmlElement& element) {
    const std::string path{trimmed(element.text)};
    // A trusted provisioner is a file or the certificate itself, in base64 and then long.
    if (kind == ProvisioningAsset::Kind::trusted_provisioner && !folded(path).ends_with(".cer")) return {};
    if (path.empty())
      return document_.error(errc::xml_missing, element.offset, fmt::format("<{}> names no file", element.name));
    answers_.assets.push_back({kind, path, place(element)});
    return {};
  }

  Status add_app(std::vector<StartupApp>& apps, const XmlElement& element, const std::string& id) {
    if (id.empty())
      return document_.error(errc::xml_missing, element.offset, fmt::format("<{}> names no app", element.name));
    apps.push_back({id, place(element)});
    return {};
  }

  Status check_root(const XmlElement& element) {
    const XmlAttribute* name = find_attribute(element, "CertificateName");
    if (name == nullptr || !same_word(name->value, forbidden_root)) return {};
    return document_.error(errc::ppkg_certificate, name->offset, "Microsoft's product root");
  }

  std::string place(const XmlElement& element) const { return document_.where(element.offset); }

  const XmlDocument& document_;
  AnswerFile& answers_;
  std::string variant_;
};

/// The required child's text and place.
struct Field {
  std::string text;
  std::size_t offset;
};

Result<Field> required_child(const XmlDocument& document, const XmlElement& element, std::string_view name) {
  const XmlElement* child = find_child(element, name);
  if (child == nullptr) {
    return document.error(errc::xml_missing, element.offset, fmt::format("<{}> needs <{}>", element.name, name));
  }
  const bool empty = trimmed(child->text).empty();
  return Field{std::string{trimmed(child->text)}, empty ? child->offset : child->text_offset};
}

Status read_rank(const XmlDocument& document, const Field& field, unsigned& rank) {
  const char* const end = field.text.data() + field.text.size();
  const auto [read, code] = std::from_chars(field.text.data(), end, rank);
  if (code == std::errc{} && read == end && rank <= 99) return {};
  return document.error(errc::ppkg_rank, field.offset, fmt::format("'{}'", field.text));
}

Status read_owner(const XmlDocument& document, const Field& field, ProvisioningOwner& owner) {
  const auto found =
      std::ranges::find_if(all_owners, [&](ProvisioningOwner one) { return same_word(name_of(one), field.text); });
  if (found == all_owners.end()) return document.error(errc::ppkg_owner, field.offset, fmt::format("'{}'", field.text));
  owner = *found;
  return {};
}

Status read_config(const XmlDocument& document, const XmlElement& config, AnswerFile& answers) {
  FL_CHECK(check_known(document, config, {}, {"ID", "Name", "Version", "OwnerType", "Rank", "Notes"}));
  FL_TRY(const Field id, required_child(document, config, "ID"));
  const auto guid = guid_of(id.text);
  if (!guid) return document.error(errc::ppkg_id, id.offset, fmt::format("'{}'", id.text));
  answers.id = *guid;
  FL_TRY(const Field name, required_child(document, config, "Name"));
  if (name.text.empty() || name.text.size() > 255) return document.error(errc::ppkg_name, name.offset, "Name");
  answers.name = name.text;
  FL_TRY(const Field version, required_child(document, config, "Version"));
  const auto parsed = version_of(version.text);
  if (!parsed) return document.error(errc::ppkg_version, version.offset, fmt::format("'{}'", version.text));
  answers.version = *parsed;
  answers.version_text = version.text;
  FL_TRY(const Field owner, required_child(document, config, "OwnerType"));
  FL_CHECK(read_owner(document, owner, answers.owner));
  FL_TRY(const Field rank, required_child(document, config, "Rank"));
  FL_CHECK(read_rank(document, rank, answers.rank));
  answers.notes = child_text(config, "Notes").value_or("");
  return {};
}

Status read_variant(const XmlDocument& document, const XmlElement& variant, SettingsReader& reader) {
  FL_CHECK(check_known(document, variant, {"Name"}, {"TargetRefs", "Settings"}));
  FL_TRY(const std::string name, required_attribute(document, variant, "Name"));
  const XmlElement* settings = find_child(variant, "Settings");
  return settings != nullptr ? reader.read(*settings, name) : Status{};
}

Status read_settings(const XmlDocument& document, const XmlElement& settings, AnswerFile& answers) {
  FL_CHECK(check_known(document, settings, {}, {"Customizations"}));
  const XmlElement* customizations = find_child(settings, "Customizations");
  if (customizations == nullptr) return {};
  FL_CHECK(check_known(document, *customizations, {}, {"Targets", "Common", "Variant"}));
  SettingsReader reader{document, answers};
  for (const XmlElement& child : customizations->children) {
    if (same_word(local_name(child.name), "Common")) FL_CHECK(reader.read(child, {}));
    if (same_word(local_name(child.name), "Variant")) FL_CHECK(read_variant(document, child, reader));
  }
  return {};
}

}  // namespace

std::string_view name_of(ProvisioningOwner owner) {
  constexpr std::array<std::string_view, all_owners.size()> names{"Microsoft",        "SiliconVendor",  "OEM",
                                                                  "SystemIntegrator", "MobileOperator", "ITAdmin"};
  return names[static_cast<std::size_t>(owner)];
}

Result<AnswerFile> read_answer_file(const XmlDocument& document) {
  if (!same_word(local_name(document.root.name), "WindowsCustomizations")) {
    return document.error(errc::ppkg_document, document.root.offset,
                          fmt::format("<{}> is not <WindowsCustomizations>", document.root.name));
  }
  FL_CHECK(check_known(document, document.root, {}, {"PackageConfig", "Settings"}));
  AnswerFile answers{.file = document.file};
  const XmlElement* config = find_child(document.root, "PackageConfig");
  if (config == nullptr) {
    return document.error(errc::xml_missing, document.root.offset, "<WindowsCustomizations> needs <PackageConfig>");
  }
  FL_CHECK(read_config(document, *config, answers));
  if (const XmlElement* settings = find_child(document.root, "Settings")) {
    FL_CHECK(read_settings(document, *settings, answers));
  }
  return answers;
}

}  // namespace flashline::imaging
