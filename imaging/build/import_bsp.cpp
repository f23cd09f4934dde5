#include "imaging/build/import_bsp.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/build/detail/foreign_tree.h"
#include "imaging/build/smbios_config.h"
#include "imaging/core/errors/build.h"
#include "imaging/feature/feature_manifest.h"
#include "imaging/source/scratch_folder.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view list_suffix = "FMFileList.xml";
constexpr std::string_view folder_macro = "$(FMDirectory)";

/// A folder below `parent`.
Result<fs::path> new_folder(const fs::path& parent, std::string_view name) {
  std::error_code code;
  const fs::path made = parent / name;
  if (fs::create_directory(made, code)) return made;
  return fail(errc::bsp_write, fmt::format("{}: {}", made.string(), code.message()));
}

/// Letters that a folder of the workspace and the name of a manifest can have.
bool is_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
  });
}

/// The folder `name` of `parent`, in whatever case it is there; made when it is not.
Result<fs::path> existing_or_new(const fs::path& parent, std::string_view name) {
  if (auto found = find_input(parent, name)) return *found;
  std::error_code code;
  fs::path made = parent / name;
  if (fs::create_directories(made, code)) return made;
  return fail(errc::bsp_write, fmt::format("{}: {}", made.string(), code ? code.message() : "is in the way"));
}

/// Where the BSP goes. Errors: bsp_exists, bsp_incomplete, bsp_write.
Result<fs::path> target_of(const fs::path& workspace, CpuType cpu, std::string_view name) {
  if (!is_name(name)) return fail(errc::bsp_incomplete, fmt::format("'{}' cannot be the name of a BSP", name));
  const std::string_view arch = cpu == CpuType::amd64 ? "x64" : name_of(cpu);
  FL_TRY(const fs::path source, existing_or_new(workspace, fmt::format("Source-{}", arch)));
  FL_TRY(const fs::path folder, existing_or_new(source, "BSP"));
  const auto there = find_input(folder, name);
  if (there || there.error().code != errc::input_missing) {
    return fail(errc::bsp_exists, fmt::format("{} has a BSP {} already", folder.string(), name));
  }
  return folder / name;
}

/// The one file list of that name below `folder`. Errors: bsp_source, bsp_incomplete, bsp_member.
Result<fs::path> find_list(const fs::path& folder, std::string_view name) {
  const std::string wanted = fmt::format("{}{}", name, list_suffix);
  std::vector<fs::path> found;
  std::error_code code;
  auto entries = fs::recursive_directory_iterator{folder, code};
  for (; !code && entries != fs::recursive_directory_iterator{}; entries.increment(code)) {
    if (same_word(entries->path().filename().string(), wanted)) found.push_back(entries->path());
  }
  if (code) return fail(errc::bsp_source, fmt::format("{}: {}", folder.string(), code.message()));
  if (found.empty()) return fail(errc::bsp_incomplete, fmt::format("there is no {}", wanted));
  if (found.size() == 1) return found.front();
  std::ranges::sort(found);
  return fail(errc::bsp_incomplete, fmt::format("{} and {}: which of the two?", found[0].string(), found[1].string()));
}

/// The list lies in the BSP's folder Packages, or in the BSP itself.
fs::path root_of(const fs::path& list) {
  const fs::path folder = list.parent_path();
  return same_word(folder.filename().string(), "Packages") ? folder.parent_path() : folder;
}

/// The leaf of a manifest that the list names: it lies beside the list.
Result<std::string> manifest_name(const XmlDocument& list, const XmlElement& element) {
  FL_TRY(const std::string path, required_attribute(list, element, "Path"));
  const bool has_macro = same_word(std::string_view{path}.substr(0, folder_macro.size()), folder_macro);
  const auto parts = path_parts(has_macro ? std::string_view{path}.substr(folder_macro.size()) : path);
  if (parts.size() == 1 && parts.front() != "..") return parts.front();
  return list.error(errc::bsp_incomplete, element.offset,
                    fmt::format("the manifest '{}' is not beside its list", path));
}

Status check_cpu(const XmlDocument& list, const XmlElement& element, CpuType cpu) {
  const std::string text = attribute_of(element, "CPUType").value_or("");
  const bool capital = std::ranges::none_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
  if (capital && cpu_of(text) == cpu) return {};
  return list.error(errc::bsp_cpu, element.offset, fmt::format("CPUType '{}' where {} is due", text, name_of(cpu)));
}

/// Reads the list and checks that all is there. Returns the names of the manifests, as their files are spelled.
Result<std::vector<std::string>> check_bsp(const fs::path& list_path, CpuType cpu) {
  FL_TRY(const XmlDocument list, read_input_xml(list_path));
  const XmlElement* const manifests = find_child(list.root, "FMs");
  std::vector<std::string> names;
  if (manifests != nullptr) {
    for (const XmlElement& element : manifests->children) {
      FL_CHECK(check_cpu(list, element, cpu));
      FL_TRY(const std::string name, manifest_name(list, element));
      const auto file = find_input(list_path.parent_path(), name);
      if (!file) return list.error(errc::bsp_incomplete, element.offset, file.error().detail);
      names.push_back(file->filename().string());
    }
  }
  if (names.empty()) return list.error(errc::bsp_incomplete, list.root.offset, "the list names no manifest");
  if (const auto sample = find_input(root_of(list_path), "OEMInputSamples\\TestOEMInput.xml"); !sample) {
    return fail(errc::bsp_incomplete, sample.error().detail);
  }
  if (const auto config = find_input(root_of(list_path), "OEMInputSamples\\SMBIOS.CFG")) {
    FL_TRY([[maybe_unused]] const SmbiosConfig read, read_smbios_config(*config));
  }
  return names;
}

/// Takes out what somebody's merger wrote into a manifest. True when it changed.
Result<bool> strip(const fs::path& path) {
  FL_TRY(const XmlDocument manifest, read_input_xml(path));
  FL_TRY(const std::string text, strip_merged(manifest));
  if (text == manifest.source) return false;
  FL_CHECK(write_small_file(path, text));
  return true;
}

/// `source` as a folder: itself, or what was in the zip.
Result<fs::path> opened(const fs::path& source, const ScratchFolder& scratch) {
  std::error_code code;
  const auto kind = fs::status(source, code).type();
  if (kind == fs::file_type::directory) return source;
  if (kind != fs::file_type::regular) {
    return fail(errc::bsp_source, fmt::format("{}: {}", source.string(), code ? code.message() : "no file"));
  }
  FL_TRY(const fs::path unpacked, new_folder(scratch.path(), "unpacked"));
  detail::ForeignTree tree{unpacked};
  FL_CHECK(detail::unpack_zip(source, tree));
  return unpacked;
}

}  // namespace

Result<ImportedBsp> import_bsp(const fs::path& source, const fs::path& workspace, CpuType cpu, std::string_view name) {
  FL_TRY(const fs::path target, target_of(workspace, cpu, name));
  // Beside its place, so that the last step is a rename.
  std::error_code ignored;
  fs::create_directories(target.parent_path(), ignored);
  FL_TRY(const ScratchFolder scratch, ScratchFolder::make(target.parent_path()));
  FL_TRY(const fs::path folder, opened(source, scratch));
  FL_TRY(const fs::path list, find_list(folder, name));
  ImportedBsp imported{.folder = target, .feature_manifests = {}};
  FL_TRY(imported.feature_manifests, check_bsp(list, cpu));
  FL_TRY(const fs::path copy, new_folder(scratch.path(), "bsp"));
  detail::ForeignTree tree{copy};
  FL_CHECK(detail::copy_folder(root_of(list), tree));
  imported.files = tree.files();
  const fs::path manifests = copy / list.parent_path().lexically_relative(root_of(list));
  for (const std::string& manifest : imported.feature_manifests) {
    FL_TRY(const bool stripped, strip(manifests / manifest));
    imported.stripped += stripped ? 1 : 0;
  }
  std::error_code code;
  fs::rename(copy, target, code);
  if (code) return fail(errc::bsp_write, fmt::format("{}: {}", target.string(), code.message()));
  return imported;
}

}  // namespace flashline::imaging
