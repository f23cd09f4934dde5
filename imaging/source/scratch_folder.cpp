#include "imaging/source/scratch_folder.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/image.h"
#include "imaging/source/output_file.h"

namespace flashline::imaging {

namespace fs = std::filesystem;

Result<ScratchFolder> ScratchFolder::make(const fs::path& parent) {
  std::string name = (parent / ".flashline-XXXXXX").string();
  if (::mkdtemp(name.data()) != nullptr) return ScratchFolder{name};
  return fail(errc::image_write, fmt::format("{}: {}", parent.string(), std::strerror(errno)));
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept : path_{std::exchange(other.path_, {})} {}

namespace {

bool holds(const fs::path& path, std::span<const std::byte> bytes) {
  std::error_code code;
  if (!fs::is_regular_file(fs::symlink_status(path, code)) || fs::file_size(path, code) != bytes.size()) return false;
  std::ifstream in{path, std::ios::binary};
  std::vector<char> there(bytes.size());
  return in.read(there.data(), static_cast<std::streamsize>(there.size())) &&
         std::ranges::equal(std::as_bytes(std::span{there}), bytes);
}

}  // namespace

Status write_small_file(const fs::path& path, std::span<const std::byte> bytes) {
  if (holds(path, bytes)) return {};  // spares a disk two flushes
  std::error_code code;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), code);
  if (code) return fail(errc::image_write, fmt::format("{}: {}", path.parent_path().string(), code.message()));
  FL_TRY(OutputFile file, OutputFile::create(path));
  FL_CHECK(file.write(ByteOffset{0}, bytes));
  return file.commit();
}

Status write_small_file(const fs::path& path, std::string_view text) {
  return write_small_file(path, std::as_bytes(std::span{text}));
}

}  // namespace flashline::imaging
