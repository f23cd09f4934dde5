// fill_ext4 FOLDER OUT MIB [SUMS]: makes an ext4 of that size of a folder, for tests/bench. With the output of
// sha256sum (run inside the folder) every content is checked on its way, as it is when it comes from a package.

#include <charconv>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <map>
#include <string>
#include <unistd.h>

#include "imaging/filesystem/file_block_view.h"
#include "imaging/filesystem/make_ext4.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

Sha256 digest_of(const std::string& hex) {
  Sha256 digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    unsigned value = 0;
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, value, 16);
    digest[i] = static_cast<std::byte>(value);
  }
  return digest;
}

/// "<64 digits>  ./path"
std::map<std::string, Sha256> read_sums(const char* path) {
  std::map<std::string, Sha256> sums;
  std::ifstream in{path};
  for (std::string line; std::getline(in, line);) {
    if (line.size() > 68) sums.emplace(line.substr(68), digest_of(line));
  }
  return sums;
}

Status run(const char* folder, const char* out, std::uint64_t mib, const char* sums_file) {
  FL_TRY(FileTree found, tree_of_folder(folder));
  FileTree tree{NameCase::exact};
  const auto sums = sums_file == nullptr ? std::map<std::string, Sha256>{} : read_sums(sums_file);
  for (auto [key, entry] : found.entries()) {
    if (const auto sum = sums.find(entry.path); sum != sums.end()) entry.digest = sum->second;
    if (!entry.path.empty()) FL_CHECK(tree.add(std::move(entry)));
  }
  const int fd = ::open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::uint64_t size = mib << 20U;
  if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(size)) != 0) std::perror(out);
  FileBlockView view{fd, ByteOffset{0}, ByteCount{size}};
  const Status made = make_ext4(view, {.label = "bench", .seed = "bench"}, tree, std::chrono::sys_seconds{});
  ::close(fd);
  return made;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const Status made = run(argv[1], argv[2], std::stoull(argv[3]), argc > 4 ? argv[4] : nullptr);
  if (!made) std::fprintf(stderr, "%s\n", to_text(made.error()).c_str());
  return made ? 0 : 1;
}
