#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/definition.h"
#include "imaging/package/macro_scope.h"
#include "imaging/package/manifest_values.h"
#include "imaging/package/package_manifest.h"
#include "imaging/package/registry_path.h"
#include "imaging/package/registry_value.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr const char* assembly_namespace = "urn:schemas-microsoft-com:asm.v3";

/// One document of the servicing stack: an <assembly>.
class Assembly {
 public:
  explicit Assembly(const XmlDocument& document) : document_{document} {}

  Status check_root() const {
    if (local_name(document_.root.name) == "assembly" && root_namespace(document_) == assembly_namespace) return {};
    return error(document_.root, "the root is not assembly of the namespace asm.v3");
  }

  std::unexpected<Error> error(const XmlElement& at, std::string_view what) const {
    return document_.error(errc::cab_manifest, at.offset, what);
  }

  Result<const XmlElement*> child(const XmlElement& parent, std::string_view name) const {
    const XmlElement* found = find_child(parent, name);
    if (found == nullptr) return error(parent, fmt::format("{} is missing", name));
    return found;
  }

  Result<std::string> attribute(const XmlElement& element, std::string_view name) const {
    return as_manifest_error(required_attribute(document_, element, name));
  }

  /// The result of reading a value of `at`, its error one of this manifest at that place.
  template <class T>
  Result<T> placed(const XmlElement& at, Result<T> result) const {
    if (!result) return error(at, result.error().detail);
    return result;
  }

 protected:
  const XmlDocument& document_;
};

class PackageReader : public Assembly {
 public:
  using Assembly::Assembly;

  Result<PackageManifest> read() {
    FL_CHECK(check_root());
    FL_TRY(const XmlElement* package, child(document_.root, "package"));
    FL_TRY(const XmlElement* custom, child(*package, "customInformation"));
    FL_CHECK(read_identity(*package, *custom));
    const bool raw = same_word(attribute_of(*package, "binaryPartition").value_or(""), "true");
    for (const XmlElement& element : custom->children) {
      if (local_name(element.name) != "file") continue;
      FL_TRY(PackageFile file, file_of(element));
      manifest_.package.files.push_back(std::move(file));
    }
    if (raw) FL_CHECK(make_raw(*package));
    return std::move(manifest_);
  }

 private:
  Status read_identity(const XmlElement& package, const XmlElement& custom) {
    PackageIdentity& identity = manifest_.package.identity;
    FL_TRY(const XmlElement* assembly, child(document_.root, "assemblyIdentity"));
    FL_TRY(identity.name, attribute(*assembly, "name"));
    FL_TRY(const std::string version, attribute(*assembly, "version"));
    FL_TRY(identity.version, placed(*assembly, parse_version(version)));
    FL_TRY(const std::string cpu, attribute(*assembly, "processorArchitecture"));
    const auto cpu_type = cpu_of(cpu);
    if (!cpu_type) return error(*assembly, fmt::format("'{}' is no type of CPU", cpu));
    identity.cpu = *cpu_type;
    const std::string language = attribute_of(*assembly, "language").value_or("neutral");
    if (!same_word(language, "neutral") && language != "*") identity.culture = language;
    if (auto partition = attribute_of(package, "targetPartition")) identity.partition = *partition;
    if (!is_file_name(identity.name))
      return error(*assembly, fmt::format("'{}' is no name of a package", identity.name));
    return read_phone_information(custom);
  }

  Status read_phone_information(const XmlElement& custom) {
    PackageIdentity& identity = manifest_.package.identity;
    FL_TRY(const XmlElement* phone, child(custom, "phoneInformation"));
    FL_TRY(const std::string release, attribute(*phone, "phoneRelease"));
    const auto release_type = release_type_of(release);
    if (!release_type) return error(*phone, fmt::format("'{}' is not Production or Test", release));
    identity.release_type = *release_type;
    const std::string owner_type = attribute_of(*phone, "phoneOwnerType").value_or("OEM");
    const auto known = owner_type_of(owner_type);
    if (!known) return error(*phone, fmt::format("'{}' is no type of owner", owner_type));
    identity.owner_type = *known;
    identity.owner = attribute_of(*phone, "phoneOwner").value_or("");
    identity.component = attribute_of(*phone, "phoneComponent").value_or("");
    identity.sub_component = attribute_of(*phone, "phoneSubComponent").value_or("");
    return {};
  }

  Result<PackageFile> file_of(const XmlElement& element) const {
    PackageFile file;
    FL_TRY(const std::string name, attribute(element, "name"));
    // With a macro at its front, or from the root of the partition.
    FL_TRY(file.device_path, name.starts_with("$(") ? placed(element, scope_.device_place(name))
                                                    : checked_path(document_, element.offset, name));
    FL_TRY(const std::string member, attribute(element, "cabpath"));
    file.source = std::filesystem::path{member};
    FL_TRY(const std::string size, attribute(element, "size"));
    FL_TRY(file.size, placed(element, parse_number(document_, element.offset, size)));
    return file;
  }

  Status make_raw(const XmlElement& package) {
    if (manifest_.package.files.size() != 1) return error(package, "a binary partition does not have one file");
    manifest_.package.raw_image = std::move(manifest_.package.files.front());
    manifest_.package.files.clear();
    return {};
  }

  PackageManifest manifest_;
  MacroScope scope_{DefinitionInputs{}};
};

class ComponentReader : public Assembly {
 public:
  using Assembly::Assembly;

  Result<std::vector<RegistryKey>> read() const {
    FL_CHECK(check_root());
    std::vector<RegistryKey> keys;
    const XmlElement* list = find_child(document_.root, "registryKeys");
    if (list == nullptr) return keys;
    for (const XmlElement& element : list->children) {
      if (local_name(element.name) != "registryKey") continue;
      FL_TRY(const std::string name, attribute(element, "keyName"));
      RegistryKey key;
      FL_TRY(key.path, placed(element, registry_path(name)));
      for (const XmlElement& value : element.children) {
        if (local_name(value.name) != "registryValue") continue;
        FL_TRY(RegistryValue read, value_of(value));
        key.values.push_back(std::move(read));
      }
      keys.push_back(std::move(key));
    }
    return keys;
  }

 private:
  Result<RegistryValue> value_of(const XmlElement& element) const {
    FL_TRY(const std::string type, attribute(element, "valueType"));
    return placed(element, parse_registry_value(attribute_of(element, "name").value_or(""), type,
                                                attribute_of(element, "value").value_or(""), ValueDialect::wm));
  }
};

}  // namespace

Result<PackageManifest> parse_servicing_manifest(std::span<const std::byte> bytes, const std::string& file) {
  FL_TRY(const XmlDocument document, parse_input_xml(bytes, file));
  return PackageReader{document}.read();
}

Result<std::vector<RegistryKey>> parse_component_registry(std::span<const std::byte> bytes, const std::string& file) {
  FL_TRY(const XmlDocument document, parse_input_xml(bytes, file));
  return ComponentReader{document}.read();
}

}  // namespace flashline::imaging
