#include "imaging/build/product.h"

#include <algorithm>
#include <fstream>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "imaging/core/errors/build.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

Status check_name(const XmlDocument& document, std::string_view element, const std::string& expected) {
  const XmlElement* found = find_child(document.root, element);
  if (found == nullptr || trimmed(found->text).empty() || same_word(trimmed(found->text), expected)) return {};
  return document.error(errc::product_settings, found->text_offset,
                        fmt::format("{} is '{}', but the folder says '{}'", element, trimmed(found->text), expected));
}

Status read_build_config(const XmlDocument& document, const XmlElement& element, Product& product) {
  FL_CHECK(check_known(document, element, {"Name"}, {"BSPPkgDir"}));
  FL_TRY(const std::string name, required_attribute(document, element, "Name"));
  const auto config = build_config_of(name);
  if (!config) {
    return document.error(errc::xml_value, element.offset, fmt::format("'{}' is neither Test nor Retail", name));
  }
  if (auto packages = child_text(element, "BSPPkgDir"); packages && !packages->empty()) {
    product.bsp_packages[*config] = *std::move(packages);
  }
  return {};
}

Status read_smbios(const XmlDocument& document, const XmlElement& element, Product& product) {
  FL_CHECK(
      check_known(document, element, {},
                  {"Manufacturer", "Family", "ProductName", "SKUNumber", "BaseboardManufacturer", "BaseboardProduct"}));
  for (const XmlElement& child : element.children) {
    product.smbios.emplace_back(local_name(child.name), trimmed(child.text));
  }
  return {};
}

Status read_settings(const fs::path& file, Product& product) {
  FL_TRY(const XmlDocument document, read_input_xml(file));
  if (!same_word(local_name(document.root.name), "IoTProductSettings")) {
    return document.error(errc::product_settings, document.root.offset,
                          fmt::format("<{}> is not <IoTProductSettings>", document.root.name));
  }
  FL_CHECK(check_known(document, document.root, {}, {"Name", "Arch", "BSP", "SMBIOS", "BuildConfig"}));
  FL_CHECK(check_name(document, "Name", product.name));
  FL_CHECK(check_name(document, "Arch", product.arch));
  product.bsp = child_text(document.root, "BSP").value_or("");
  for (const XmlElement& child : document.root.children) {
    if (same_word(local_name(child.name), "BuildConfig")) FL_CHECK(read_build_config(document, child, product));
    if (same_word(local_name(child.name), "SMBIOS")) FL_CHECK(read_smbios(document, child, product));
  }
  if (!product.bsp.empty()) return {};
  return document.error(errc::product_settings, document.root.offset, "no <BSP> says which board it is for");
}

/// The older kit: lines "BSP=RPi2", "SBIOS..=..".
Status read_prodconfig(const fs::path& file, Product& product) {
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) {
    const std::size_t sign = line.find('=');
    if (sign == std::string::npos) continue;
    const std::string key{trimmed(std::string_view{line}.substr(0, sign))};
    const std::string value{trimmed(std::string_view{line}.substr(sign + 1))};
    if (same_word(key, "BSP")) {
      product.bsp = value;
    } else {
      product.smbios.emplace_back(key, value);
    }
  }
  if (!product.bsp.empty()) return {};
  return fail(errc::product_settings, fmt::format("{}: no line 'BSP=...' says which board it is for", file.string()));
}

Result<std::optional<Product>> product_in(const Workspace& workspace, std::string_view name, std::string_view arch) {
  FL_TRY(const auto products, workspace_folder(workspace, source_folder(arch) + R"(\Products)"));
  if (!products || path_parts(name).size() != 1 || path_parts(name).front() == "..") return std::nullopt;
  const auto folder = find_input(*products, name);
  if (!folder) {
    if (folder.error().code == errc::input_missing) return std::nullopt;
    return std::unexpected{folder.error()};
  }
  Product product{.name = folder->filename().string(), .arch = std::string{arch}, .folder = *folder, .bsp = {}};
  const auto settings = find_input(*folder, product.name + "Settings.xml");
  if (settings) {
    FL_CHECK(read_settings(*settings, product));
    return product;
  }
  if (settings.error().code != errc::input_missing) return std::unexpected{settings.error()};
  const auto older = find_input(*folder, "prodconfig.txt");
  if (!older) return std::unexpected{settings.error()};
  FL_CHECK(read_prodconfig(*older, product));
  return product;
}

Result<Product> not_there(const Workspace& workspace, std::string_view name) {
  std::vector<std::string> there;
  for (const WorkspaceArch& arch : workspace_archs()) {
    FL_TRY(const auto names, product_names(workspace, arch.name));
    for (const std::string& one : names) there.push_back(fmt::format("{} ({})", one, arch.name));
  }
  return fail(errc::product_missing,
              fmt::format("'{}'; there are: {}", name,
                          there.empty() ? std::string{"none"} : fmt::format("{}", fmt::join(there, ", "))));
}

}  // namespace

std::string_view name_of(BuildConfig config) { return config == BuildConfig::test ? "Test" : "Retail"; }

std::optional<BuildConfig> build_config_of(std::string_view text) {
  for (const BuildConfig config : {BuildConfig::test, BuildConfig::retail}) {
    if (same_word(name_of(config), text)) return config;
  }
  return std::nullopt;
}

Result<fs::path> Product::oem_input(BuildConfig config) const {
  return find_input(folder, fmt::format("{}OEMInput.xml", name_of(config)));
}

Result<std::vector<std::string>> product_names(const Workspace& workspace, std::string_view arch) {
  FL_TRY(const auto products, workspace_folder(workspace, source_folder(arch) + R"(\Products)"));
  std::vector<std::string> names;
  if (!products) return names;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{*products, code}) {
    if (entry.is_directory(code)) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

Result<Product> find_product(const Workspace& workspace, std::string_view name, std::optional<std::string_view> arch) {
  std::string only;
  if (arch) {
    FL_TRY(const WorkspaceArch known, workspace_arch(*arch));
    only = known.name;
  }
  FL_TRY(auto here, product_in(workspace, name, arch ? std::string_view{only} : workspace.current_arch));
  if (here) return *std::move(here);
  if (arch) return not_there(workspace, name);
  std::optional<Product> found;
  for (const WorkspaceArch& other : workspace_archs()) {
    FL_TRY(auto product, product_in(workspace, name, other.name));
    if (product && found) {
      return fail(errc::product_ambiguous,
                  fmt::format("'{}' is there for {} and for {}", name, found->arch, other.name));
    }
    if (product) found = std::move(product);
  }
  if (found) return *std::move(found);
  return not_there(workspace, name);
}

}  // namespace flashline::imaging
