#include "transport/rpiboot/boot_files.h"

#include <algorithm>
#include <fstream>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/rpiboot.h"
#include "imaging/core/units.h"
#include "transport/rpiboot/boot_bundle.h"

namespace flashline::transport {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_bytes = 1_GiB;
constexpr std::size_t most_files = 10'000;

std::string small(std::string_view name) {
  std::string text{name};
  std::ranges::transform(text, text.begin(), [](char each) {
    return each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
  });
  return text;
}

/// Reads files as long as they are few and small enough to be kept.
class Loader {
 public:
  Result<std::vector<std::byte>> read(const fs::path& path) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) return fail(errc::rpi_boot_files, fmt::format("{}: {}", path.string(), error.message()));
    if (size > most_bytes - bytes_) return fail(errc::rpi_boot_files, path.string() + ": more than 1 GiB in all");
    bytes_ += size;
    std::vector<std::byte> content(static_cast<std::size_t>(size));
    std::ifstream file{path, std::ios::binary};
    file.read(reinterpret_cast<char*>(content.data()), static_cast<std::streamsize>(size));
    if (!file) return fail(errc::rpi_boot_files, path.string() + ": cannot be read");
    return content;
  }

  /// Every file below `folder` by its name from there. `wanted` says which.
  template <class Wanted>
  Status read_below(const fs::path& folder, BootFiles& into, Wanted wanted) {
    FL_TRY(const auto paths, paths_below(folder));
    for (const auto& path : paths) {
      const std::string name = path.lexically_relative(folder).generic_string();
      if (!is_inside_name(name) || !wanted(name)) continue;
      FL_TRY(auto content, read(path));
      into.put(name, std::move(content));
    }
    return {};
  }

 private:
  static Result<std::vector<fs::path>> paths_below(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> paths;
    for (fs::recursive_directory_iterator each{folder, error}; !error && each != fs::recursive_directory_iterator{};
         each.increment(error)) {
      if (each->is_regular_file(error) && !error) paths.push_back(each->path());
      if (paths.size() > most_files) return fail(errc::rpi_boot_files, folder.string() + ": more than 10000 files");
    }
    if (error) return fail(errc::rpi_boot_files, fmt::format("{}: {}", folder.string(), error.message()));
    std::ranges::sort(paths);
    return paths;
  }

  std::uint64_t bytes_ = 0;
};

std::optional<fs::path> bundle_of(const BootSources& sources) {
  if (sources.bundle) return sources.bundle;
  const fs::path usual = sources.folder / "bootfiles.bin";
  std::error_code ignored;
  return fs::is_regular_file(usual, ignored) ? std::optional{usual} : std::nullopt;
}

Status add_bundle(Loader& loader, const fs::path& path, const std::string& chip_folder, BootFiles& into) {
  FL_TRY(const auto bytes, loader.read(path));
  auto files = read_bundle(bytes);
  if (!files) return std::unexpected{in_context(path.string(), files.error())};
  const std::string wanted = small(chip_folder) + "/";
  for (const auto& file : *files) {
    if (!small(file.name).starts_with(wanted)) continue;
    into.put(std::string_view{file.name}.substr(wanted.size()),
             std::vector<std::byte>{file.content.begin(), file.content.end()});
  }
  return {};
}

bool anything(std::string_view) { return true; }

}  // namespace

void BootFiles::put(std::string_view name, Content content) {
  files_.insert_or_assign(small(name), std::move(content));
}

BootFiles::Content BootFiles::find(std::string_view name) const {
  const auto found = files_.find(small(name));
  return found == files_.end() ? nullptr : found->second;
}

std::vector<std::string> BootFiles::names() const {
  std::vector<std::string> names;
  for (const auto& [name, content] : files_) names.push_back(name);
  return names;
}

Result<BootFiles> load_boot_files(const BootSources& sources) {
  BootFiles files;
  Loader loader;
  const auto bundle = bundle_of(sources);
  FL_CHECK(loader.read_below(sources.folder, files,
                             [&](const std::string& name) { return bundle != sources.folder / name; }));
  if (bundle) FL_CHECK(add_bundle(loader, *bundle, sources.chip_folder, files));
  const fs::path of_chip = sources.folder / sources.chip_folder;
  std::error_code ignored;
  if (!sources.chip_folder.empty() && fs::is_directory(of_chip, ignored)) {
    FL_CHECK(loader.read_below(of_chip, files, anything));
  }
  return files;
}

Result<BootFiles> with_overlay(BootFiles files, const fs::path& overlay) {
  std::error_code ignored;
  if (!fs::is_directory(overlay, ignored)) return files;
  Loader loader;
  FL_CHECK(
      loader.read_below(overlay, files, [](const std::string& name) { return !small(name).starts_with("bootcode"); }));
  return files;
}

}  // namespace flashline::transport
