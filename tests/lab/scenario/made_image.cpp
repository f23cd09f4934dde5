#include "tests/lab/scenario/made_image.h"

#include <algorithm>
#include <fstream>
#include <spdlog/fmt/fmt.h>

#include "tests/fakes/command.h"
#include "tests/lab/emulators/boot_images.h"

namespace flashline::lab {
namespace {

constexpr std::uint64_t mib = 1U << 20U;
constexpr std::uint64_t esp_at = 1 * mib;
constexpr std::uint64_t esp_size = 4 * mib;
constexpr std::uint64_t data_at = esp_at + esp_size;

std::string run(const std::vector<std::string>& words) {
  const auto result = fakes::run_command(words);
  return result.exit_code == 0 ? std::string{} : fmt::format("{}: {}", words.front(), result.err);
}

}  // namespace

std::string make_disk(const std::filesystem::path& out, std::uint64_t size, std::uint64_t data) {
  if (size < data_at + 2 * mib) return "an image needs 7 MiB or more";
  std::ofstream{out};
  std::filesystem::resize_file(out, size);
  const std::filesystem::path layout = out.native() + ".layout";
  std::ofstream{layout}
      << "label: gpt\nlabel-id: 6F0C4A5B-2E52-4D5B-9C1D-0A8B5F7C1E11\nstart=1MiB, size=4MiB, type=U, name=ESP, "
         "uuid=6F0C4A5B-2E52-4D5B-9C1D-0A8B5F7C1E12\nstart=5MiB, type=L, name=Data, "
         "uuid=6F0C4A5B-2E52-4D5B-9C1D-0A8B5F7C1E13\n";
  // sfdisk reads its layout from standard input.
  if (auto why = run({"sh", "-c", "PATH=$PATH:/sbin:/usr/sbin exec sfdisk -q \"$0\" < \"$1\"", out, layout});
      !why.empty())
    return why;
  const std::filesystem::path esp = out.native() + ".esp";
  std::ofstream{esp};
  std::filesystem::resize_file(esp, esp_size);
  if (auto why = run({"sh", "-c", "PATH=$PATH:/sbin:/usr/sbin exec mkfs.fat -i 1234abcd -n ESP \"$0\"", esp});
      !why.empty())
    return why;

  std::fstream disk{out, std::ios::binary | std::ios::in | std::ios::out};
  const std::string file_system = fakes::slurp(esp);
  disk.seekp(static_cast<std::streamoff>(esp_at));
  disk.write(file_system.data(), static_cast<std::streamsize>(file_system.size()));
  disk.seekp(static_cast<std::streamoff>(data_at));
  for (std::uint64_t done = 0, room = std::min(data, size - data_at - mib); done < room; done += mib) {
    const Bytes piece =
        pattern(static_cast<std::size_t>(std::min(mib, room - done)), static_cast<std::uint32_t>(done / mib + 1));
    disk.write(reinterpret_cast<const char*>(piece.data()), static_cast<std::streamsize>(piece.size()));
  }
  std::filesystem::remove(layout);
  std::filesystem::remove(esp);
  return disk.flush() ? std::string{} : "no space for the image";
}

}  // namespace flashline::lab
