#include "imaging/package/wm_identity.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/located.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t max_partition_name = 36;  ///< characters of a GPT entry's name
constexpr std::size_t max_file_name = 250;      ///< with ".cab" behind it a file name of 254

/// Partitions whose roles are known: one spelling each, whatever a file says.
constexpr std::array<std::string_view, 6> known_partitions{"MainOS", "Data", "EFIESP", "PLAT", "MMOS", "UpdateOS"};

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool consists_of(std::string_view text, std::string_view others) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) { return is_alphanumeric(c) || others.contains(c); });
}

class IdentityReader {
 public:
  /// Parts of a name hold letters, digits and `others`.
  IdentityReader(const XmlDocument& document, const MacroScope& scope, std::string_view others)
      : document_{document}, scope_{scope}, others_{others} {}

  Status read_names(PackageIdentity& identity) const {
    const XmlElement& root = document_.root;
    FL_TRY(identity.sub_component, name_part(root, "name", true));
    FL_TRY(identity.owner, name_part(root, "owner", true));
    FL_TRY(identity.component, name_part(root, "namespace", false));
    const XmlAttribute* const legacy = find_attribute(root, "legacyName");
    if (legacy == nullptr) {
      identity.name =
          identity.owner + (identity.component.empty() ? "" : "-" + identity.component) + "-" + identity.sub_component;
      return {};
    }
    FL_TRY(identity.name, located(document_, legacy->offset, scope_.text(legacy->value)));
    const bool is_file_name = consists_of(identity.name, ".-_") && identity.name.front() != '.' &&
                              identity.name.back() != '.' && identity.name.size() <= max_file_name;
    if (is_file_name) return {};
    return document_.error(errc::package_name, legacy->offset, fmt::format("'{}' is no file name", identity.name));
  }

  Status read_info(PackageIdentity& identity) const {
    const XmlElement* const info = find_child(document_.root, "onecorePackageInfo");
    if (info == nullptr) return {};
    FL_CHECK(check_known(document_, *info, {"targetPartition", "releaseType", "ownerType", "binaryPartition"},
                         {"binaryPartition"}));
    if (const XmlAttribute* const found = find_attribute(*info, "targetPartition")) {
      FL_TRY(identity.partition, partition(*found));
    }
    if (const XmlAttribute* const found = find_attribute(*info, "releaseType")) {
      FL_TRY(identity.release_type, word(*found, {ReleaseType::production, ReleaseType::test}));
    }
    if (const XmlAttribute* const found = find_attribute(*info, "ownerType")) {
      FL_TRY(identity.owner_type, word(*found, {OwnerType::oem, OwnerType::microsoft, OwnerType::silicon_vendor,
                                                OwnerType::mobile_operator}));
    }
    return check_binary(*info);
  }

 private:
  Result<std::string> name_part(const XmlElement& root, std::string_view name, bool required) const {
    const XmlAttribute* const found = find_attribute(root, name);
    if (found == nullptr && !required) return std::string{};
    FL_CHECK(required_attribute(document_, root, name));
    FL_TRY(std::string text, located(document_, found->offset, scope_.text(found->value)));
    if (consists_of(text, others_)) return text;
    return document_.error(errc::package_name, found->offset, fmt::format("{} is '{}'", name, text));
  }

  Result<std::string> partition(const XmlAttribute& attribute) const {
    FL_TRY(std::string name, located(document_, attribute.offset, scope_.text(attribute.value)));
    for (const std::string_view known : known_partitions) {
      if (same_word(known, name)) return std::string{known};
    }
    if (consists_of(name, "_-") && name.size() <= max_partition_name) return name;
    return document_.error(errc::partition_name, attribute.offset, fmt::format("'{}' is no partition", name));
  }

  template <class Enum>
  Result<Enum> word(const XmlAttribute& attribute, std::initializer_list<Enum> values) const {
    FL_TRY(const std::string text, located(document_, attribute.offset, scope_.text(attribute.value)));
    std::string known;
    for (const Enum value : values) {
      if (same_word(name_of(value), text)) return value;
      known += fmt::format("{}{}", known.empty() ? "" : ", ", name_of(value));
    }
    return document_.error(errc::xml_value, attribute.offset, fmt::format("'{}' is not one of {}", text, known));
  }

  Status check_binary(const XmlElement& info) const {
    const XmlAttribute* const flag = find_attribute(info, "binaryPartition");
    const XmlElement* const image = find_child(info, "binaryPartition");
    bool is_binary = false;
    if (flag != nullptr) {
      FL_TRY(const std::string text, located(document_, flag->offset, scope_.text(flag->value)));
      FL_TRY(is_binary, parse_bool(document_, flag->offset, text));
    }
    if (is_binary == (image != nullptr) && info.children.size() <= 1) return {};
    if (image == nullptr) return document_.error(errc::binary_partition, flag->offset, "no <binaryPartition> names it");
    return document_.error(errc::binary_partition, image->offset,
                           info.children.size() > 1 ? "a second image" : "binaryPartition=\"true\" is missing");
  }

  const XmlDocument& document_;
  const MacroScope& scope_;
  std::string_view others_;
};

}  // namespace

Result<PackageIdentity> read_identity(const XmlDocument& document, const MacroScope& scope, const DefinitionInputs& in,
                                      ValueDialect dialect) {
  const XmlElement& root = document.root;
  if (const XmlAttribute* const wow = find_attribute(root, "buildWow")) {
    FL_TRY(const bool wanted, parse_bool(document, wow->offset, wow->value));
    const bool has_wow = in.cpu == CpuType::amd64 || in.cpu == CpuType::arm64;
    if (wanted && has_wow) return document.error(errc::definition_unsupported, wow->offset, "buildWow on a 64-bit CPU");
  }
  PackageIdentity identity;
  identity.version = in.version;
  identity.cpu = in.cpu;
  // The older form allowed more; its cabs are named with dots all the same.
  const IdentityReader reader{document, scope, dialect == ValueDialect::pkg ? "-_" : "-"};
  FL_CHECK(reader.read_names(identity));
  FL_CHECK(reader.read_info(identity));
  return identity;
}

}  // namespace flashline::imaging
