#include "imaging/package/pkg_reader.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/package_content.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::array<std::string_view, 5> not_done{"CustomMetadata", "Capabilities", "Authorization", "SettingsGroup",
                                                   "ComServer"};

struct Rename {
  std::string_view from;
  std::string_view to;
};

/// What stands for something only inside its component.
struct Local {
  std::string default_folder = "$(runtime.system32)";
  std::string service_key{};
};

std::string with_replaced(std::string text, std::string_view name, std::string_view by) {
  for (std::size_t at = folded(text).find(name); at != std::string::npos && !by.empty();
       at = folded(text).find(name, at + by.size())) {
    text.replace(at, name.size(), by);
  }
  return text;
}

std::string localized(const std::string& text, const Local& local) {
  return with_replaced(with_replaced(text, "$(runtime.default)", local.default_folder), "$(hklm.service)",
                       local.service_key);
}

class PkgConverter {
 public:
  explicit PkgConverter(const XmlDocument& document) : document_{document} {}

  Result<XmlElement> run() {
    const XmlElement& package = document_.root;
    FL_CHECK(refuse_not_done(package));
    FL_CHECK(check_known(document_, package,
                         {"Owner", "Component", "SubComponent", "Partition", "Platform", "OwnerType", "ReleaseType",
                          "BinaryPartition", "GroupingKey", "Description"},
                         {"Macros", "Components"}));
    root_.name = "identity";
    root_.offset = package.offset;
    FL_CHECK(convert_names(package));
    if (const XmlElement* const macros = find_child(package, "Macros")) {
      root_.children.push_back(renamed(*macros, "macros", {}));
    }
    XmlElement info = renamed(package, "onecorePackageInfo", {});
    info.children.clear();
    std::erase_if(info.attributes, [](const XmlAttribute& attribute) {
      return !same_word(attribute.name, "Partition") && !same_word(attribute.name, "OwnerType") &&
             !same_word(attribute.name, "ReleaseType") && !same_word(attribute.name, "BinaryPartition");
    });
    for (XmlAttribute& attribute : info.attributes) {
      if (same_word(attribute.name, "Partition")) attribute.name = "targetPartition";
    }
    info_ = std::move(info);
    for (const XmlElement& child : package.children) {
      if (same_word(local_name(child.name), "Components")) FL_CHECK(convert_components(child));
    }
    root_.children.push_back(std::move(info_));
    return std::move(root_);
  }

 private:
  static XmlElement element(std::string_view name, std::size_t offset) {
    return XmlElement{.name = std::string{name}, .offset = offset, .attributes = {}, .children = {}, .text = {}};
  }

  /// A copy with another name, some attributes renamed; children are copied as they are.
  static XmlElement renamed(const XmlElement& from, std::string_view name, std::initializer_list<Rename> attributes) {
    XmlElement copy = from;
    copy.name = name;
    for (XmlAttribute& attribute : copy.attributes) {
      for (const Rename& rename : attributes) {
        if (same_word(attribute.name, rename.from)) attribute.name = rename.to;
      }
    }
    return copy;
  }

  static void localize(XmlElement& element, const Local& local) {
    for (XmlAttribute& attribute : element.attributes) attribute.value = localized(attribute.value, local);
    for (XmlElement& child : element.children) localize(child, local);
  }

  Status refuse_not_done(const XmlElement& parent) const {
    for (const XmlElement& child : parent.children) {
      const auto is_it = [&](std::string_view name) { return same_word(name, local_name(child.name)); };
      if (std::ranges::none_of(not_done, is_it)) continue;
      return document_.error(errc::definition_unsupported, child.offset, fmt::format("<{}>", child.name));
    }
    return {};
  }

  Status convert_names(const XmlElement& package) {
    FL_TRY(const std::string owner, required_attribute(document_, package, "Owner"));
    FL_TRY(const std::string component, required_attribute(document_, package, "Component"));
    const XmlAttribute& owner_place = *find_attribute(package, "Owner");
    const XmlAttribute& component_place = *find_attribute(package, "Component");
    const XmlAttribute* const sub = find_attribute(package, "SubComponent");
    const bool has_sub = sub != nullptr && !sub->value.empty();
    root_.attributes.push_back({"owner", owner, owner_place.offset});
    if (has_sub) root_.attributes.push_back({"namespace", component, component_place.offset});
    root_.attributes.push_back(
        {"name", has_sub ? sub->value : component, has_sub ? sub->offset : component_place.offset});
    root_.attributes.push_back(
        {"legacyName", owner + "." + component + (has_sub ? "." + sub->value : ""), owner_place.offset});
    return {};
  }

  Status convert_components(const XmlElement& components) {
    FL_CHECK(refuse_not_done(components));
    FL_CHECK(
        check_known(document_, components, {}, {"OSComponent", "Driver", "Service", "BinaryPartition", "BCDStore"}));
    for (const XmlElement& component : components.children) {
      const std::string_view name = local_name(component.name);
      if (same_word(name, "OSComponent")) {
        FL_CHECK(check_known(document_, component, {}, {"Files", "RegKeys"}));
        FL_CHECK(convert_content(component, {}));
      } else if (same_word(name, "Driver")) {
        FL_CHECK(convert_driver(component));
      } else if (same_word(name, "Service")) {
        FL_CHECK(convert_service(component));
      } else if (same_word(name, "BinaryPartition")) {
        info_.children.push_back(renamed(component, "binaryPartition", {}));
      } else {
        root_.children.push_back(renamed(component, "bcdStore", {}));
      }
    }
    return {};
  }

  /// The <Files> and <RegKeys> of a component, each with the part and CPU that it is for.
  Status convert_content(const XmlElement& component, const Local& local) {
    for (const XmlElement& child : component.children) {
      const bool files = same_word(local_name(child.name), "Files");
      if (!files && !same_word(local_name(child.name), "RegKeys")) continue;
      FL_CHECK(check_known(document_, child, {"Language", "Resolution", "CpuFilter"}, {files ? "File" : "RegKey"}));
      XmlElement content = element(files ? "files" : "regKeys", child.offset);
      content.children = child.children;
      localize(content, local);
      if (files) default_folders(content, local);
      if (const XmlAttribute* const cpu = find_attribute(child, "CpuFilter")) {
        content.attributes.push_back({"buildFilter", "build.arch = " + cpu->value, cpu->offset});
      }
      FL_CHECK(place_content(child, std::move(content)));
    }
    return {};
  }

  static void default_folders(XmlElement& files, const Local& local) {
    for (XmlElement& file : files.children) {
      if (find_attribute(file, "DestinationDir") != nullptr) continue;
      file.attributes.push_back({"DestinationDir", local.default_folder, file.offset});
    }
  }

  Status place_content(const XmlElement& from, XmlElement content) {
    const XmlAttribute* const language = find_attribute(from, "Language");
    const XmlAttribute* const resolution = find_attribute(from, "Resolution");
    if (language != nullptr && resolution != nullptr) {
      return document_.error(errc::definition_unsupported, resolution->offset, "Language and Resolution at once");
    }
    if (language == nullptr && resolution == nullptr) {
      root_.children.push_back(std::move(content));
      return {};
    }
    const XmlAttribute& of = language != nullptr ? *language : *resolution;
    XmlElement part = element(language != nullptr ? "language" : "resolution", from.offset);
    part.attributes.push_back({language != nullptr ? "culture" : "resolution", of.value, of.offset});
    part.children.push_back(std::move(content));
    root_.children.push_back(std::move(part));
    return {};
  }

  Status convert_driver(const XmlElement& component) {
    FL_CHECK(check_known(document_, component, {"InfSource"}, {"Reference", "Files", "RegKeys", "Security"}));
    FL_TRY(const std::string source, required_attribute(document_, component, "InfSource"));
    XmlElement driver = element("driver", component.offset);
    XmlElement inf = element("inf", component.offset);
    inf.attributes.push_back({"source", source, find_attribute(component, "InfSource")->offset});
    driver.children.push_back(std::move(inf));
    XmlElement references = element("files", component.offset);
    for (const XmlElement& child : component.children) {
      const std::string_view name = local_name(child.name);
      if (same_word(name, "Security")) driver.children.push_back(renamed(child, "security", {}));
      if (same_word(name, "Reference")) {
        FL_CHECK(check_known(document_, child, {"Source", "StagingSubDir"}, {}));
        // The INF itself says where below its folder each file lies.
        XmlElement file = renamed(child, "file", {});
        std::erase_if(file.attributes, [](const XmlAttribute& one) { return same_word(one.name, "StagingSubDir"); });
        references.children.push_back(std::move(file));
      }
    }
    if (!references.children.empty()) driver.children.push_back(std::move(references));
    XmlElement drivers = element("drivers", component.offset);
    drivers.children.push_back(std::move(driver));
    root_.children.push_back(std::move(drivers));
    return convert_content(component, {.default_folder = "$(runtime.drivers)"});
  }

  Status convert_service(const XmlElement& component) {
    FL_TRY(const std::string name, required_attribute(document_, component, "Name"));
    const Local local{.service_key = "$(hklm.services)\\" + name};
    XmlElement service = renamed(component, "service", {});
    service.children.clear();
    for (const XmlElement& child : component.children) {
      const std::string_view kind = local_name(child.name);
      if (same_word(kind, "Executable")) {
        FL_CHECK(convert_executable(child, local, service));
      } else if (same_word(kind, "ServiceDll")) {
        FL_CHECK(convert_dll(child, local, service));
      } else if (same_word(kind, "FailureActions")) {
        service.children.push_back(failure_actions(child));
      } else if (!same_word(kind, "Files") && !same_word(kind, "RegKeys")) {
        return document_.error(errc::definition_unsupported, child.offset, fmt::format("<{}> of a service", kind));
      }
    }
    std::erase_if(service.attributes, [](const XmlAttribute& one) { return same_word(one.name, "SvcHostGroupName"); });
    root_.children.push_back(std::move(service));
    return convert_content(component, local);
  }

  static XmlElement failure_actions(const XmlElement& from) {
    XmlElement actions = element("actions", from.offset);
    for (const XmlElement& action : from.children) actions.children.push_back(renamed(action, "action", {}));
    XmlElement converted = renamed(from, "failureActions", {{"RebootMsg", "rebootMessage"}});
    converted.children = {std::move(actions)};
    return converted;
  }

  /// The <file> of a service's program; `path` becomes where the service controller finds it.
  Result<XmlElement> program(const XmlElement& from, const Local& local, std::string& path) const {
    FL_TRY(const std::string source, required_attribute(document_, from, "Source"));
    XmlElement file = renamed(from, "file", {});
    std::erase_if(file.attributes, [](const XmlAttribute& attribute) {
      return same_word(attribute.name, "ImagePath") || same_word(attribute.name, "ServiceMain") ||
             same_word(attribute.name, "UnloadOnStop") || same_word(attribute.name, "HostExe");
    });
    XmlElement files = element("files", from.offset);
    files.children.push_back(std::move(file));
    localize(files, local);
    default_folders(files, local);
    const std::string folder = attribute_of(files.children[0], "DestinationDir").value_or("");
    path = with_replaced(folder, "$(runtime.", "$(env.") + "\\" + attribute_of(from, "Name").value_or(leaf_of(source));
    return files;
  }

  Status convert_executable(const XmlElement& from, const Local& local, XmlElement& service) {
    std::string path;
    FL_TRY(XmlElement files, program(from, local, path));
    root_.children.push_back(std::move(files));
    const XmlAttribute* const given = find_attribute(from, "ImagePath");
    service.attributes.push_back(
        {"imagePath", given != nullptr ? given->value : path, given != nullptr ? given->offset : from.offset});
    return {};
  }

  /// A service in a library: svchost runs it as a member of a group.
  Status convert_dll(const XmlElement& from, const Local& local, XmlElement& service) {
    FL_TRY(const std::string group, required_attribute(document_, service, "SvcHostGroupName"));
    FL_TRY(const std::string name, required_attribute(document_, service, "Name"));
    const std::size_t at = find_attribute(service, "SvcHostGroupName")->offset;
    std::string path;
    FL_TRY(XmlElement files, program(from, local, path));
    root_.children.push_back(std::move(files));
    service.attributes.push_back({"imagePath", "$(env.system32)\\svchost.exe -k " + group, at});
    XmlElement member = element("serviceGroup", from.offset);
    member.attributes = {{"groupName", group, at}, {"serviceName", name, at}};
    root_.children.push_back(std::move(member));
    XmlElement key = element("regKey", from.offset);
    key.attributes.push_back({"keyName", local.service_key + "\\Parameters", from.offset});
    key.children.push_back(value("ServiceDll", "REG_EXPAND_SZ", path, from.offset));
    if (const XmlAttribute* const entry = find_attribute(from, "ServiceMain")) {
      key.children.push_back(value("ServiceMain", "REG_SZ", entry->value, entry->offset));
    }
    if (const XmlAttribute* const unload = find_attribute(from, "UnloadOnStop")) {
      FL_TRY(const bool on, parse_bool(document_, unload->offset, unload->value));
      key.children.push_back(value("ServiceDllUnloadOnStop", "REG_DWORD", on ? "1" : "0", unload->offset));
    }
    XmlElement keys = element("regKeys", from.offset);
    keys.children.push_back(std::move(key));
    root_.children.push_back(std::move(keys));
    return {};
  }

  static XmlElement value(std::string_view name, std::string_view type, std::string text, std::size_t offset) {
    XmlElement made = element("regValue", offset);
    made.attributes = {
        {"name", std::string{name}, offset}, {"type", std::string{type}, offset}, {"value", std::move(text), offset}};
    return made;
  }

  const XmlDocument& document_;
  XmlElement root_;
  XmlElement info_;
};

}  // namespace

Result<XmlDocument> wm_of_pkg(const XmlDocument& document) {
  FL_TRY(XmlElement root, PkgConverter{document}.run());
  return XmlDocument{
      .file = document.file, .source = document.source, .places = document.places, .root = std::move(root)};
}

}  // namespace flashline::imaging
