#include "imaging/package/inf_driver.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/digest.h"
#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/package_content.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_inf = 4UL * 1024 * 1024;  ///< bytes; more is no INF

struct FolderRow {
  std::string_view number;
  std::string_view below_windows;  ///< what follows \Windows
};

constexpr std::array windows_folders{
    FolderRow{"10", ""},
    FolderRow{"11", R"(\System32)"},
    FolderRow{"12", R"(\System32\drivers)"},
    FolderRow{"17", R"(\INF)"},
    FolderRow{"18", R"(\Help)"},
    FolderRow{"20", R"(\Fonts)"},
    FolderRow{"21", R"(\System32)"},
    FolderRow{"50", R"(\System)"},
};

struct RootRow {
  std::string_view number;
  std::string_view path;  ///< from the partition's root
};

constexpr std::array root_folders{RootRow{"24", ""}, RootRow{"30", ""}, RootRow{"16419", R"(\ProgramData)"},
                                  RootRow{"16422", R"(\Program Files)"},
                                  RootRow{"16427", R"(\Program Files\Common Files)"}};

Result<std::vector<std::byte>> read_inf(const fs::path& path) {
  std::error_code code;
  if (!fs::is_regular_file(path, code)) return fail(errc::payload_unreadable, path.string() + " is no file");
  if (fs::file_size(path, code) > max_inf)
    return fail(errc::payload_unreadable, path.string() + " is no INF: over 4 MiB");
  std::ifstream in{path, std::ios::binary};
  std::vector<char> text(fs::file_size(path, code));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  const auto count = static_cast<std::size_t>(in.gcount());
  if (in.bad() || code) return fail(errc::payload_unreadable, path.string() + " cannot be read");
  const auto bytes = std::as_bytes(std::span{text}.first(count));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

class DriverReader {
 public:
  DriverReader(const DriverSources& sources, InfFile inf, std::string store)
      : sources_{sources}, inf_{std::move(inf)}, store_{std::move(store)} {}

  Result<DriverContent> run() {
    FL_TRY(PackageFile file, read_payload(sources_.inf, store_ + "\\" + sources_.inf_name));
    content_.files.push_back(std::move(file));
    FL_CHECK(add_catalog());
    FL_TRY(const auto sections, install_sections(inf_, sources_.cpu));
    for (const std::string& section : sections) FL_CHECK(add_section(section));
    return std::move(content_);
  }

 private:
  /// A driver that is not signed yet has no catalog: normal.
  Status add_catalog() {
    for (const std::string& key : {fmt::format("CatalogFile.NT{}", name_of(sources_.cpu)),
                                   std::string{"CatalogFile.NT"}, std::string{"CatalogFile"}}) {
      const InfLine* const line = inf_.find("Version", key);
      if (line == nullptr || line->value(0).empty()) continue;
      FL_TRY(const std::string name, inside(*line, inf_.text(*line, 0)));
      const auto found = find_input(sources_.inf.parent_path(), name);
      if (!found && found.error().code == errc::input_missing) return {};
      return add(*line, sources_.inf.parent_path(), name, store_ + "\\" + leaf_of(name));
    }
    return {};
  }

  Status add_section(const std::string& section) {
    for (const InfLine& line : *inf_.section(section)) {
      if (same_word(line.key, "CopyFiles")) FL_CHECK(copy_files(line));
      if (same_word(line.key, "AddReg")) FL_CHECK(add_registry(line));
    }
    FL_TRY(auto services, inf_services(inf_, section + ".Services", store_));
    for (RegistryKey& key : services) add_key(std::move(key));
    return {};
  }

  /// Several devices of one INF share their services: said once is enough.
  void add_key(RegistryKey key) {
    const auto same = [&](const RegistryKey& known) {
      return same_word(known.path, key.path) &&
             std::ranges::equal(known.values, key.values, [](const RegistryValue& a, const RegistryValue& b) {
               return a.name == b.name && a.type == b.type && a.data == b.data && a.append == b.append;
             });
    };
    if (std::ranges::none_of(content_.registry, same)) content_.registry.push_back(std::move(key));
  }

  Status add_registry(const InfLine& line) {
    const auto folder = [&](std::string_view number) { return inf_folder(number, store_, FolderForm::drive); };
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      const std::string name = inf_.text(line, i);
      if (name.empty()) continue;
      FL_TRY(auto keys, inf_registry(inf_, line, name, "", folder));
      for (RegistryKey& key : keys) add_key(std::move(key));
    }
    return {};
  }

  Status copy_files(const InfLine& line) {
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      const std::string name = inf_.text(line, i);
      if (name.starts_with('@')) {
        FL_CHECK(copy(line, "DefaultDestDir", name.substr(1), name.substr(1)));
        continue;
      }
      if (name.empty()) continue;
      const auto* const section = inf_.section(name);
      if (section == nullptr) return inf_.error(errc::inf_section, line, fmt::format("there is no [{}]", name));
      for (const InfLine& file : *section) {
        const std::string to = inf_.text(file, 0);
        const std::string from = file.value(1).empty() ? to : inf_.text(file, 1);
        FL_CHECK(copy(file, name, to, from));
      }
    }
    return {};
  }

  /// Puts file `from` into the driver store and, called `to`, where [DestinationDirs] sends files of `section`.
  Status copy(const InfLine& line, const std::string& section, const std::string& to, const std::string& from) {
    FL_TRY(const std::string name, inside(line, to));
    FL_TRY(const std::string folder, destination(line, section));
    FL_TRY(const auto source, source_of(line, from));
    if (source.empty()) return {};
    const std::string stored = store_ + "\\" + source;
    const std::string wanted = folder + "\\" + name;
    FL_CHECK(add(line, sources_.folder, source, stored));
    if (same_word(stored, wanted)) return {};
    return add(line, sources_.folder, source, wanted);
  }

  Status add(const InfLine& line, const fs::path& folder, const std::string& source, const std::string& place) {
    if (!places_.insert(folded(place)).second) return {};
    FL_TRY(const std::string where_to, at(line, device_path(place)));
    const auto replaced = sources_.replaced.find(folded(leaf_of(source)));
    const bool elsewhere = replaced != sources_.replaced.end();
    if (elsewhere) content_.used.insert(replaced->first);
    FL_TRY(const fs::path path, at(line, elsewhere ? Result<fs::path>{replaced->second} : find_input(folder, source)));
    FL_TRY(PackageFile file, at(line, read_payload(path, where_to)));
    content_.files.push_back(std::move(file));
    return {};
  }

  template <class T>
  Result<T> at(const InfLine& line, Result<T> result) const {
    if (!result) return std::unexpected{in_context(inf_.where(line), std::move(result).error())};
    return result;
  }

  /// A relative path that stays below its folder, without a backslash at its front.
  Result<std::string> inside(const InfLine& line, const std::string& path) const {
    FL_TRY(const std::string checked, at(line, device_path(path)));
    if (checked.size() < 2) return inf_.error(errc::inf_value, line, "a file without a name");
    return checked.substr(1);
  }

  Result<std::string> destination(const InfLine& asked_by, const std::string& section) const {
    const InfLine* line = inf_.find("DestinationDirs", section);
    if (line == nullptr) line = inf_.find("DestinationDirs", "DefaultDestDir");
    if (line == nullptr) {
      return inf_.error(errc::inf_destination, asked_by, fmt::format("[DestinationDirs] says nothing of {}", section));
    }
    const std::string number = inf_.text(*line, 0);
    const auto folder = inf_folder(number, store_, FolderForm::device);
    if (!folder) {
      return inf_.error(errc::inf_destination, *line, fmt::format("'{}' is no folder of an image", number));
    }
    if (line->value(1).empty()) return *folder;
    FL_TRY(const std::string below, inside(*line, inf_.text(*line, 1)));
    return *folder + "\\" + below;
  }

  std::string decorated(std::string_view section) const {
    return inf_.first_section({fmt::format("{}.{}", section, name_of(sources_.cpu)), std::string{section}});
  }

  /// Where `name` lies below the driver's folder, by [SourceDisksFiles] and [SourceDisksNames]; empty: with Windows.
  Result<std::string> source_of(const InfLine& asked_by, const std::string& name) const {
    FL_TRY(const std::string checked, inside(asked_by, name));
    const InfLine* file = inf_.find(decorated("SourceDisksFiles"), name);
    if (file == nullptr) file = inf_.find("SourceDisksFiles", name);
    if (file == nullptr) {
      const InfLine* const layout = inf_.find("Version", "LayoutFile");
      if (layout != nullptr) return std::string{};
      return inf_.error(errc::inf_source, asked_by, fmt::format("[SourceDisksFiles] does not list '{}'", name));
    }
    const std::string disk_number = inf_.text(*file, 0);
    const InfLine* disk = inf_.find(decorated("SourceDisksNames"), disk_number);
    if (disk == nullptr) disk = inf_.find("SourceDisksNames", disk_number);
    if (disk == nullptr) {
      return inf_.error(errc::inf_source, *file, fmt::format("[SourceDisksNames] has no disk '{}'", disk_number));
    }
    std::string path;
    for (const auto& [line, index] : {std::pair{disk, 3UL}, std::pair{file, 1UL}}) {
      const std::string folder = inf_.text(*line, index);
      if (path_parts(folder).empty()) continue;
      FL_TRY(const std::string below, inside(*line, folder));
      path += below + "\\";
    }
    return path + checked;
  }

  const DriverSources& sources_;
  InfFile inf_;
  std::string store_;
  DriverContent content_;
  std::set<std::string> places_;
};

}  // namespace

Result<DriverContent> read_driver(const DriverSources& sources) {
  FL_TRY(const auto bytes, read_inf(sources.inf));
  FL_TRY(InfFile inf, parse_inf(bytes, sources.inf.string(), sources.cpu));
  return DriverReader{sources, std::move(inf), driver_store_folder(sources.inf_name, sources.cpu, bytes)}.run();
}

std::string driver_store_folder(std::string_view inf_name, CpuType cpu, std::span<const std::byte> inf_bytes) {
  const Sha256 digest = sha256(inf_bytes);
  return fmt::format(R"(\Windows\System32\DriverStore\FileRepository\{}_{}_{})", folded(inf_name), name_of(cpu),
                     to_hex(std::span{digest}.first(8)));
}

std::optional<std::string> inf_folder(std::string_view number, const std::string& driver_store, FolderForm form) {
  constexpr std::string_view windows = R"(\Windows)";
  std::string path;
  const auto below = std::ranges::find(windows_folders, number, &FolderRow::number);
  const auto root = std::ranges::find(root_folders, number, &RootRow::number);
  if (number == "13") {
    path = driver_store;
  } else if (below != windows_folders.end()) {
    path = fmt::format("{}{}", windows, below->below_windows);
  } else if (root != root_folders.end()) {
    path = root->path;
  } else {
    return std::nullopt;
  }
  if (form == FolderForm::device) return path;
  const bool in_windows = path.starts_with(windows);
  if (form == FolderForm::kernel && in_windows) return R"(\SystemRoot)" + path.substr(windows.size());
  if (form == FolderForm::expandable && in_windows) return "%SystemRoot%" + path.substr(windows.size());
  return (form == FolderForm::kernel ? R"(\??\C:)" : form == FolderForm::expandable ? "%SystemDrive%" : "C:") + path;
}

}  // namespace flashline::imaging
