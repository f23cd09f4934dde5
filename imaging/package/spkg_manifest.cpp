#include <algorithm>
#include <array>
#include <pugixml.hpp>
#include <spdlog/fmt/fmt.h>
#include <sstream>

#include "imaging/core/errors/package.h"
#include "imaging/package/manifest_values.h"
#include "imaging/package/package_manifest.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr const char* package_namespace = "http://schemas.microsoft.com/embedded/2004/10/ImageUpdate";
/// For what the format has no words for.
constexpr const char* own_namespace = "urn:flashline:package:1";
/// Where servicing looks for a package's own files on a device.
constexpr std::string_view manifest_folder = R"(\Windows\Packages\DsmFiles\)";
constexpr std::string_view catalog_folder = R"(\Windows\System32\catroot\{F750E6C3-38EE-11D1-85E5-00C04FC295EE}\)";

void put(pugi::xml_node parent, const char* name, std::string_view text) {
  parent.append_child(name).text().set(std::string{text}.c_str());
}

void put_identity(pugi::xml_node package, const PackageIdentity& identity) {
  pugi::xml_node node = package.append_child("Identity");
  put(node, "Owner", identity.owner);
  put(node, "Component", identity.component);
  put(node, "SubComponent", identity.sub_component);
  pugi::xml_node version = node.append_child("Version");
  version.append_attribute("Major") = identity.version.major;
  version.append_attribute("Minor") = identity.version.minor;
  version.append_attribute("QFE") = identity.version.qfe;
  version.append_attribute("Build") = identity.version.build;
  put(package, "fl:Name", identity.name);
  put(package, "ReleaseType", name_of(identity.release_type));
  put(package, "OwnerType", name_of(identity.owner_type));
  put(package, "BuildType", "fre");
  put(package, "CpuType", name_of(identity.cpu));
  put(package, "Culture", identity.culture);
  put(package, "Resolution", identity.resolution);
  put(package, "Partition", identity.partition);
  put(package, "Platform", "");
  put(package, "GroupingKey", "");
  put(package, "IsRemoval", "false");
  put(package, "BuildString", "");
}

void put_file(pugi::xml_node files, const char* type, const PackageFile& file) {
  pugi::xml_node node = files.append_child("FileEntry");
  put(node, "FileType", type);
  put(node, "DevicePath", file.device_path);
  put(node, "CabPath", std::get<std::filesystem::path>(file.source).string());
  put(node, "Attributes", attribute_words(file.attributes));
  put(node, "SourcePackage", "");
  // Files lie on the device as they are, so that all three are one.
  for (const char* size : {"FileSize", "CompressedFileSize", "StagedFileSize"})
    put(node, size, fmt::format("{}", file.size));
  put(node, "Hash", to_hex(file.digest));
}

/// The members that cannot tell their own sizes and digests: the manifest is one of them, the catalog holds its digest.
void put_own_file(pugi::xml_node files, const char* type, const std::string& device_path, std::string_view member) {
  pugi::xml_node node = files.append_child("FileEntry");
  put(node, "FileType", type);
  put(node, "DevicePath", device_path);
  put(node, "CabPath", member);
  put(node, "Attributes", attribute_words(file_attribute::archive));
}

void put_files(pugi::xml_node package, const PackageManifest& manifest) {
  pugi::xml_node files = package.append_child("Files");
  const std::string& name = manifest.package.identity.name;
  put_own_file(files, "Manifest", fmt::format("{}{}.dsm.xml", manifest_folder, name), spkg_manifest_name);
  put_own_file(files, "Catalog", fmt::format("{}{}.cat", catalog_folder, name), spkg_catalog_name);
  for (const PackageFile& part : manifest.registry_parts) put_file(files, "Registry", part);
  for (const PackageFile& file : manifest.package.files) put_file(files, "Regular", file);
  if (manifest.package.raw_image) put_file(files, "BinaryPartition", *manifest.package.raw_image);
  if (manifest.package.bcd) put_file(files, "BCDStore", *manifest.package.bcd);
}

void put_directories(pugi::xml_node package, const std::vector<PackageDirectory>& directories) {
  if (directories.empty()) return;
  pugi::xml_node parent = package.append_child("fl:Directories");
  for (const PackageDirectory& directory : directories) {
    pugi::xml_node node = parent.append_child("fl:Directory");
    put(node, "fl:DevicePath", directory.device_path);
    put(node, "fl:Attributes", attribute_words(directory.attributes));
  }
}

void put_members(pugi::xml_node package, const std::vector<std::string>& members) {
  if (members.empty()) return;
  pugi::xml_node parent = package.append_child("fl:Members");
  for (const std::string& member : members) put(parent, "fl:Member", member);
}

/// Reads the elements of one document.
class Reader {
 public:
  explicit Reader(const XmlDocument& document) : document_{document} {}

  Result<PackageManifest> read() {
    const XmlElement& root = document_.root;
    if (local_name(root.name) != "Package" || root_namespace(document_) != package_namespace) {
      return error(root, "the root is not Package of the namespace ImageUpdate");
    }
    FL_CHECK(read_identity(root));
    FL_CHECK(each(root, "Files", "FileEntry", [this](const XmlElement& entry) { return read_file(entry); }));
    FL_CHECK(each(root, "Directories", "Directory", [this](const XmlElement& entry) { return read_directory(entry); }));
    FL_CHECK(each(root, "Members", "Member", [this](const XmlElement& entry) -> Status {
      manifest_.package.members.emplace_back(trimmed(entry.text));
      return {};
    }));
    if (manifest_.package.raw_image && !manifest_.package.files.empty()) {
      return error(root, "a binary partition has other files besides it");
    }
    return std::move(manifest_);
  }

 private:
  std::unexpected<Error> error(const XmlElement& at, std::string_view what) const {
    return document_.error(errc::cab_manifest, at.offset, what);
  }

  Result<const XmlElement*> child(const XmlElement& parent, std::string_view name) const {
    const XmlElement* found = find_child(parent, name);
    if (found == nullptr) return error(parent, fmt::format("{} is missing", name));
    return found;
  }

  static std::string text_of(const XmlElement& parent, std::string_view name) {
    return child_text(parent, name).value_or("");
  }

  template <class Read>
  Status each(const XmlElement& root, std::string_view list, std::string_view item, const Read& read) {
    const XmlElement* parent = find_child(root, list);
    if (parent == nullptr) return {};
    for (const XmlElement& entry : parent->children) {
      if (!same_word(local_name(entry.name), item)) return error(entry, fmt::format("'{}' is no {}", entry.name, item));
      FL_CHECK(read(entry));
    }
    return {};
  }

  Result<std::uint16_t> version_part(const XmlElement& version, const char* name) const {
    FL_TRY(const std::uint64_t number,
           as_manifest_error(parse_number(document_, version.offset, attribute_of(version, name).value_or(""))));
    if (number > 0xFFFF) return error(version, fmt::format("{} is over 65535", name));
    return static_cast<std::uint16_t>(number);
  }

  Status read_identity(const XmlElement& root) {
    PackageIdentity& identity = manifest_.package.identity;
    FL_TRY(const XmlElement* node, child(root, "Identity"));
    identity.owner = text_of(*node, "Owner");
    identity.component = text_of(*node, "Component");
    identity.sub_component = text_of(*node, "SubComponent");
    FL_TRY(const XmlElement* version, child(*node, "Version"));
    FL_TRY(identity.version.major, version_part(*version, "Major"));
    FL_TRY(identity.version.minor, version_part(*version, "Minor"));
    FL_TRY(identity.version.qfe, version_part(*version, "QFE"));
    FL_TRY(identity.version.build, version_part(*version, "Build"));
    FL_CHECK(read_kind(root));
    identity.culture = text_of(root, "Culture");
    identity.resolution = text_of(root, "Resolution");
    if (auto partition = text_of(root, "Partition"); !partition.empty()) identity.partition = std::move(partition);
    identity.name = text_of(root, "Name");
    if (identity.name.empty()) identity.name = name_from_parts(identity);
    if (!is_file_name(identity.name)) return error(root, fmt::format("'{}' is no name of a package", identity.name));
    return {};
  }

  Status read_kind(const XmlElement& root) {
    PackageIdentity& identity = manifest_.package.identity;
    FL_TRY(const XmlElement* release, child(root, "ReleaseType"));
    const auto release_type = release_type_of(trimmed(release->text));
    if (!release_type) return error(*release, fmt::format("'{}' is not Production or Test", trimmed(release->text)));
    identity.release_type = *release_type;
    FL_TRY(const XmlElement* owner, child(root, "OwnerType"));
    const auto owner_type = owner_type_of(trimmed(owner->text));
    if (!owner_type) return error(*owner, fmt::format("'{}' is no type of owner", trimmed(owner->text)));
    identity.owner_type = *owner_type;
    FL_TRY(const XmlElement* cpu, child(root, "CpuType"));
    const auto cpu_type = cpu_of(trimmed(cpu->text));
    if (!cpu_type) return error(*cpu, fmt::format("'{}' is no type of CPU", trimmed(cpu->text)));
    identity.cpu = *cpu_type;
    if (same_word(text_of(root, "IsRemoval"), "true")) return error(root, "it removes a package, which no image needs");
    return {};
  }

  Result<PackageFile> file_of(const XmlElement& entry, std::string_view type) const {
    PackageFile file;
    file.source = std::filesystem::path{text_of(entry, "CabPath")};
    if (text_of(entry, "CabPath").empty()) return error(entry, "CabPath is missing");
    const std::string path = text_of(entry, "DevicePath");
    if (path.empty() && type != "BinaryPartition" && type != "BCDStore") return error(entry, "DevicePath is missing");
    if (!path.empty()) {
      FL_TRY(file.device_path, checked_path(document_, entry.offset, path));
    }
    const auto attributes = attributes_of(text_of(entry, "Attributes"));
    if (!attributes) return error(entry, fmt::format("Attributes are '{}'", text_of(entry, "Attributes")));
    file.attributes = *attributes;
    FL_TRY(const XmlElement* size, child(entry, "FileSize"));
    FL_TRY(file.size, as_manifest_error(parse_number(document_, size->offset, trimmed(size->text))));
    if (const std::string hash = text_of(entry, "Hash"); !hash.empty()) {
      const auto digest = digest_of_hex(hash);
      if (!digest) return error(entry, fmt::format("Hash '{}' is not 64 hex digits", hash));
      file.digest = *digest;
    }
    return file;
  }

  Status read_file(const XmlElement& entry) {
    const std::string type = text_of(entry, "FileType");
    if (type == "Manifest" || type == "Catalog") return {};
    Package& package = manifest_.package;
    FL_TRY(PackageFile file, file_of(entry, type));
    if (type == "Regular" || type == "SecurityPolicy") {
      package.files.push_back(std::move(file));
    } else if (type == "Registry") {
      manifest_.registry_parts.push_back(std::move(file));
    } else if (type == "BinaryPartition" || type == "BCDStore") {
      auto& slot = type == "BCDStore" ? package.bcd : package.raw_image;
      if (slot) return error(entry, fmt::format("there is a second {}", type));
      slot = std::move(file);
    } else {
      return error(entry, fmt::format("FileType '{}' is not known", type));
    }
    return {};
  }

  Status read_directory(const XmlElement& entry) {
    PackageDirectory directory;
    FL_TRY(directory.device_path, checked_path(document_, entry.offset, text_of(entry, "DevicePath")));
    const auto attributes = attributes_of(text_of(entry, "Attributes"));
    if (!attributes) return error(entry, fmt::format("Attributes are '{}'", text_of(entry, "Attributes")));
    directory.attributes = *attributes;
    manifest_.package.directories.push_back(std::move(directory));
    return {};
  }

  const XmlDocument& document_;
  PackageManifest manifest_;
};

}  // namespace

std::string build_spkg_manifest(const PackageManifest& manifest) {
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "utf-8";
  pugi::xml_node package = document.append_child("Package");
  package.append_attribute("xmlns") = package_namespace;
  package.append_attribute("xmlns:fl") = own_namespace;
  put_identity(package, manifest.package.identity);
  put_files(package, manifest);
  put_directories(package, manifest.package.directories);
  put_members(package, manifest.package.members);
  std::ostringstream text;
  document.save(text, "  ");
  return text.str();
}

Result<PackageManifest> parse_spkg_manifest(std::span<const std::byte> bytes, const std::string& file) {
  FL_TRY(const XmlDocument document, parse_input_xml(bytes, file));
  return Reader{document}.read();
}

}  // namespace flashline::imaging
