#pragma once
// What is built: a product, in its test or its retail form.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imaging/build/workspace.h"

namespace flashline::imaging {

enum class BuildConfig : std::uint8_t { test, retail };
/// "Test", "Retail".
std::string_view name_of(BuildConfig config);
/// In any case. nullopt: neither.
std::optional<BuildConfig> build_config_of(std::string_view text);

struct Product {
  std::string name;  ///< as its folder is called
  std::string arch;  ///< of the folder that it lies in
  std::filesystem::path folder;
  std::string bsp;
  /// What the device tells of itself: ("Manufacturer", "Contoso") ..., in the order of the file.
  std::vector<std::pair<std::string, std::string>> smbios{};
  std::map<BuildConfig, std::string> bsp_packages{};  ///< text with variables; absent: the environment's

  /// Its <Config>OEMInput.xml. Errors: input_missing, input_ambiguous.
  Result<std::filesystem::path> oem_input(BuildConfig config) const;
};

/// Finds the product `name`, in any case, and reads <Product>Settings.xml, or the older prodconfig.txt.
/// `arch`: where to look; else the workspace's current one, else the only one that has it.
/// Errors: product_missing (with those that are there), product_ambiguous (in several architectures, none of them the
/// current one), product_settings (arch or name differ from the folder; nothing says which BSP), those of reading XML.
Result<Product> find_product(const Workspace& workspace, std::string_view name,
                             std::optional<std::string_view> arch = {});

/// Names of the products of `arch`, sorted. Errors: input_ambiguous.
Result<std::vector<std::string>> product_names(const Workspace& workspace, std::string_view arch);

}  // namespace flashline::imaging
