#include "imaging/package/wm_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/element_reader.h"
#include "imaging/package/located.h"
#include "imaging/package/macro_scope.h"
#include "imaging/package/package_content.h"
#include "imaging/package/part_names.h"
#include "imaging/package/service_keys.h"
#include "imaging/package/wm_driver.h"
#include "imaging/package/wm_identity.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// Elements that the schema knows and this program does not do.
constexpr std::array<std::string_view, 13> not_done{"COM",
                                                    "accounts",
                                                    "trustInfo",
                                                    "bootCritical",
                                                    "bootRecovery",
                                                    "configuration",
                                                    "tasks",
                                                    "migration",
                                                    "instrumentation",
                                                    "firewallRule",
                                                    "genericCommands",
                                                    "appxRegistration",
                                                    "provisioningSettings"};

/// Where an element's content goes, and the macros that it is read with.
struct Target {
  PackageContent& content;
  const MacroScope& scope;
};

class WmReader {
 public:
  WmReader(const XmlDocument& document, const fs::path& folder, const DefinitionInputs& in, ValueDialect dialect)
      : document_{document},
        elements_{document, folder, {.cpu = in.cpu, .build_type = in.build_type}},
        in_{in},
        dialect_{dialect},
        scope_{in},
        neutral_{document} {}

  Result<std::vector<Package>> run() {
    const XmlElement& root = document_.root;
    FL_CHECK(refuse_not_done(root));
    const bool is_pkg = dialect_ == ValueDialect::pkg;
    FL_CHECK(check_known(document_, root, {"name", "owner", "namespace", "legacyName", "buildWow", "buildFilter"},
                         {"onecorePackageInfo", "macros", "bcdStore", "files", "directories", "regKeys", "drivers",
                          "service", "serviceGroup", "language", is_pkg ? "resolution" : "language"}));
    for (const std::string_view once : {"onecorePackageInfo", "macros", "bcdStore"}) {
      FL_CHECK(elements_.check_once(root, once));
    }
    if (!is_pkg) FL_CHECK(elements_.check_once(root, "language"));
    FL_CHECK(define_macros());
    FL_TRY(const bool wanted, elements_.included(root, scope_));
    if (!wanted) return std::vector<Package>{};
    FL_TRY(neutral_.package.identity, read_identity(document_, scope_, in_, dialect_));
    FL_CHECK(read_raw_image());
    FL_CHECK(read_services());
    // Its own keys last: they have the last word over those of an INF or a service.
    FL_CHECK(read_content(root, {neutral_, scope_}));
    FL_CHECK(check_alone());
    FL_CHECK(read_parts());
    std::vector<Package> packages{std::move(neutral_.package)};
    for (PackageContent& part : parts_) packages.push_back(std::move(part.package));
    return packages;
  }

 private:
  Status refuse_not_done(const XmlElement& root) const {
    for (const XmlElement& child : root.children) {
      const auto is_it = [&](std::string_view name) { return same_word(name, local_name(child.name)); };
      if (std::ranges::none_of(not_done, is_it)) continue;
      return document_.error(errc::definition_unsupported, child.offset, fmt::format("<{}>", child.name));
    }
    return {};
  }

  /// Macros of the file first, whatever their order: each may use the others.
  Status define_macros() {
    const XmlElement* const macros = find_child(document_.root, "macros");
    if (macros == nullptr) return {};
    FL_CHECK(check_known(document_, *macros, {}, {"macro"}));
    for (const XmlElement& macro : macros->children) {
      FL_CHECK(check_known(document_, macro, {"id", "value"}, {}));
      FL_TRY(const std::string id, required_attribute(document_, macro, "id"));
      FL_TRY(const std::string value, required_attribute(document_, macro, "value"));
      FL_CHECK(located(document_, find_attribute(macro, "id")->offset, scope_.define(id, value)));
    }
    for (const XmlElement& macro : macros->children) {
      const XmlAttribute& value = *find_attribute(macro, "value");
      FL_CHECK(located(document_, value.offset, scope_.expandable(value.value)));
    }
    return {};
  }

  /// What the neutral package and its parts can both hold.
  Status read_content(const XmlElement& parent, Target to) {
    FL_CHECK(elements_.each(parent, "files", to.scope, [&](const XmlElement& files) -> Status {
      FL_CHECK(check_known(document_, files, {"buildFilter"}, {"file"}));
      return elements_.each(files, "file", to.scope, [&](const XmlElement& file) { return read_file(file, to); });
    }));
    FL_CHECK(elements_.each(parent, "directories", to.scope, [&](const XmlElement& directories) -> Status {
      FL_CHECK(check_known(document_, directories, {"buildFilter"}, {"directory"}));
      return elements_.each(directories, "directory", to.scope,
                            [&](const XmlElement& one) { return read_directory(one, to); });
    }));
    return elements_.each(parent, "regKeys", to.scope, [&](const XmlElement& keys) -> Status {
      FL_CHECK(check_known(document_, keys, {"buildFilter"}, {"regKey"}));
      return elements_.each(keys, "regKey", to.scope, [&](const XmlElement& key) { return read_key(key, to); });
    });
  }

  Result<std::uint32_t> attributes_of(const XmlElement& element, std::uint32_t otherwise) const {
    const XmlAttribute* const found = find_attribute(element, "attributes");
    if (found == nullptr) return otherwise;
    return located(document_, found->offset, parse_attributes(found->value));
  }

  /// The place of a <file> on the device: its folder and its leaf.
  Result<std::string> destination(const XmlElement& file, const std::string& source, const MacroScope& scope) const {
    const XmlAttribute* const folder = find_attribute(file, "destinationDir");
    const std::size_t at = folder != nullptr ? folder->offset : file.offset;
    FL_TRY(const std::string place,
           located(document_, at, scope.device_place(folder != nullptr ? folder->value : "$(runtime.system32)")));
    const XmlAttribute* const name = find_attribute(file, "name");
    std::string leaf = leaf_of(source);
    if (name != nullptr) {
      FL_TRY(leaf, located(document_, name->offset, scope.text(name->value)));
      if (leaf.find_first_of("\\/") != std::string::npos || leaf.empty()) {
        return document_.error(errc::destination_folder, name->offset, fmt::format("'{}' is no file name", leaf));
      }
    }
    return located(document_, name != nullptr ? name->offset : at, device_path(place + "\\" + leaf));
  }

  Status read_file(const XmlElement& element, Target to) {
    FL_CHECK(check_known(document_, element, {"source", "destinationDir", "name", "attributes", "buildFilter"}, {}));
    FL_TRY(const std::string source, elements_.text_of(element, "source", to.scope));
    FL_TRY(std::string place, destination(element, source, to.scope));
    FL_TRY(PackageFile file, elements_.payload(element, "source", source, std::move(place)));
    FL_TRY(file.attributes, attributes_of(element, file_attribute::archive));
    return to.content.add_file(std::move(file), element.offset);
  }

  Status read_directory(const XmlElement& element, Target to) {
    FL_CHECK(check_known(document_, element, {"path", "owner", "attributes", "securityDescriptor", "buildFilter"}, {}));
    FL_CHECK(elements_.refuse(element, {"owner", "securityDescriptor"}));
    FL_TRY(const std::string raw, required_attribute(document_, element, "path"));
    FL_TRY(std::string place, located(document_, find_attribute(element, "path")->offset, to.scope.device_place(raw)));
    FL_TRY(const std::uint32_t attributes, attributes_of(element, 0));
    return to.content.add_directory({std::move(place), attributes}, element.offset);
  }

  Status read_key(const XmlElement& element, Target to) {
    FL_CHECK(check_known(document_, element, {"keyName", "buildFilter"}, {"regValue"}));
    FL_TRY(const std::string raw, required_attribute(document_, element, "keyName"));
    RegistryKey key;
    FL_TRY(key.path, located(document_, find_attribute(element, "keyName")->offset, to.scope.key(raw)));
    FL_CHECK(elements_.each(element, "regValue", to.scope, [&](const XmlElement& value) -> Status {
      FL_TRY(RegistryValue read, read_value(value, to.scope));
      key.values.push_back(std::move(read));
      return {};
    }));
    to.content.add_keys({std::move(key)});
    return {};
  }

  Result<RegistryValue> read_value(const XmlElement& element, const MacroScope& scope) const {
    FL_CHECK(check_known(document_, element, {"name", "type", "value", "buildFilter"}, {}));
    FL_TRY(const std::string type, elements_.text_of(element, "type", scope));
    FL_TRY(const std::string raw, required_attribute(document_, element, "value"));
    const std::size_t at = find_attribute(element, "value")->offset;
    const bool expands = same_word(type, "REG_EXPAND_SZ");
    FL_TRY(const std::string text, located(document_, at, expands ? scope.expandable(raw) : scope.text(raw)));
    std::string name;
    if (const XmlAttribute* const found = find_attribute(element, "name")) {
      FL_TRY(name, located(document_, found->offset, scope.text(found->value)));
    }
    return located(document_, at, parse_registry_value(name, type, text, dialect_));
  }

  Status read_services() {
    const XmlElement& root = document_.root;
    FL_CHECK(elements_.each(root, "drivers", scope_, [&](const XmlElement& drivers) -> Status {
      FL_CHECK(check_known(document_, drivers, {"buildFilter"}, {"driver"}));
      return elements_.each(drivers, "driver", scope_, [&](const XmlElement& driver) -> Status {
        FL_TRY(DriverContent content, driver_content(elements_, driver, scope_));
        for (PackageFile& file : content.files) FL_CHECK(neutral_.add_file(std::move(file), driver.offset));
        neutral_.add_keys(std::move(content.registry));
        return {};
      });
    }));
    FL_CHECK(elements_.each(root, "service", scope_, [&](const XmlElement& service) -> Status {
      FL_TRY(auto keys, service_keys(document_, service, scope_));
      neutral_.add_keys(std::move(keys));
      return {};
    }));
    std::vector<const XmlElement*> groups;
    FL_CHECK(elements_.each(root, "serviceGroup", scope_, [&](const XmlElement& group) -> Status {
      groups.push_back(&group);
      return {};
    }));
    FL_TRY(auto keys, service_group_keys(document_, groups, scope_));
    neutral_.add_keys(std::move(keys));
    return elements_.each(root, "bcdStore", scope_, [&](const XmlElement& store) { return read_bcd(store); });
  }

  Status read_bcd(const XmlElement& element) {
    FL_CHECK(check_known(document_, element, {"source", "buildFilter"}, {}));
    FL_TRY(const std::string source, elements_.text_of(element, "source", scope_));
    FL_TRY(PackageFile file, elements_.payload(element, "source", source, "\\" + leaf_of(source)));
    neutral_.package.bcd = std::move(file);
    return {};
  }

  Status read_raw_image() {
    const XmlElement* const info = find_child(document_.root, "onecorePackageInfo");
    const XmlElement* const image = info != nullptr ? find_child(*info, "binaryPartition") : nullptr;
    if (image == nullptr) return {};
    FL_CHECK(check_known(document_, *image, {"imageSource"}, {}));
    FL_TRY(const std::string source, elements_.text_of(*image, "imageSource", scope_));
    FL_TRY(PackageFile file, elements_.payload(*image, "imageSource", source, "\\" + leaf_of(source)));
    neutral_.package.raw_image = std::move(file);
    return {};
  }

  Status check_alone() const {
    if (!neutral_.package.raw_image) return {};
    for (const XmlElement& child : document_.root.children) {
      const auto name = local_name(child.name);
      if (same_word(name, "onecorePackageInfo") || same_word(name, "macros")) continue;
      FL_TRY(const bool wanted, elements_.included(child, scope_));
      if (!wanted) continue;
      return document_.error(errc::binary_partition, child.offset, fmt::format("<{}> beside a raw image", child.name));
    }
    return {};
  }

  /// Language and resolution parts: a package for each culture or resolution, in the order of the file.
  Status read_parts() {
    std::map<std::string, std::size_t> index_of;
    for (const PartKind kind : {PartKind::language, PartKind::resolution}) {
      FL_CHECK(elements_.each(document_.root, element_of(kind), scope_, [&](const XmlElement& element) -> Status {
        FL_TRY(const auto names, part_names(document_, element, kind, scope_, in_));
        for (const std::string& name : names) {
          PackageIdentity identity = part_identity(neutral_.package.identity, kind, name);
          const auto [entry, is_new] = index_of.try_emplace(folded(identity.name), parts_.size());
          if (is_new) parts_.emplace_back(document_).package.identity = std::move(identity);
          MacroScope scope = scope_;
          scope.set(kind == PartKind::language ? "langid" : "resid", name);
          FL_CHECK(read_content(element, {parts_[entry->second], scope}));
        }
        return {};
      }));
    }
    return {};
  }

  const XmlDocument& document_;
  ElementReader elements_;
  const DefinitionInputs& in_;
  ValueDialect dialect_;
  MacroScope scope_;
  PackageContent neutral_;
  std::vector<PackageContent> parts_;
};

}  // namespace

Result<std::vector<Package>> read_wm(const XmlDocument& document, const fs::path& folder, const DefinitionInputs& in,
                                     ValueDialect dialect) {
  return WmReader{document, folder, in, dialect}.run();
}

}  // namespace flashline::imaging
