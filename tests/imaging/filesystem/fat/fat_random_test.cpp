// Random edits against a model: a map from path to contents. fsck.fat looks on, mtools has the last word.

#include <gtest/gtest.h>
#include <map>
#include <random>

#include "imaging/core/errors/image.h"
#include "tests/imaging/filesystem/fat/fat_image.h"

namespace flashline::imaging {
namespace {

struct Case {
  const char* name;
  const char* options;
  std::uint64_t kib;
  unsigned seed;
};

std::ostream& operator<<(std::ostream& out, const Case& row) { return out << row.name; }

class RandomEdits : public ::testing::TestWithParam<Case> {
 protected:
  std::string a_path() {
    static const std::vector<std::string> folders{"", "boot/", "boot/loader entries/", "data/", "data/very/deep/"};
    static const std::vector<std::string> names{"A.TXT",
                                                "b.txt",
                                                "a much longer name than that",
                                                "ünïcode",
                                                "x.tar.gz",
                                                "config-one.json",
                                                "config-two.json",
                                                "config-three.json"};
    return folders[random() % folders.size()] + names[random() % names.size()] + std::to_string(random() % 4);
  }
  void one_edit() {
    const std::string path = a_path();
    if (random() % 4 == 0) {
      const auto removed = volume.remove(path);
      ASSERT_EQ(removed.has_value(), model.erase(path) == 1) << path;
      return;
    }
    const auto bytes =
        pattern(random() % 20 == 0 ? random() % 60'000 : random() % 3000, static_cast<unsigned>(random()));
    const auto written = volume.write_file(path, bytes, test_time);
    if (written) {
      model[path] = bytes;
    } else {
      ASSERT_TRUE(written.error().code == errc::fat_full || written.error().code == errc::fat_folder_full)
          << written.error().detail;
      ++refused;
    }
  }
  void compare_with_mtools() {
    const std::string out = (image.folder() / "out").string();
    std::filesystem::create_directory(out);
    if (!model.empty()) {
      const ToolRun run = image.mtools("mcopy -s -n -Q -i " + image.path() + " '::*' " + out);
      ASSERT_EQ(run.code, 0) << run.output;
    }
    std::size_t files = 0;
    for (const auto& found : std::filesystem::recursive_directory_iterator{out}) {
      files += found.is_regular_file() ? 1 : 0;
    }
    EXPECT_EQ(files, model.size());
    for (const auto& [path, bytes] : model) {
      EXPECT_TRUE(FatImage::file(out + "/" + path) == as_text(bytes)) << path;
    }
  }

  FatImage image{GetParam().options, GetParam().kib};
  FileView view{image.path()};
  FatVolume volume = FatVolume::open(view).value();
  std::map<std::string, std::vector<std::byte>> model;
  std::mt19937 random{GetParam().seed};
  int refused = 0;
};

INSTANTIATE_TEST_SUITE_P(
    Fat, RandomEdits,
    ::testing::Values(Case{"fat12", "-F 12 -s 1", 1440, 1}, Case{"fat12_tight", "-F 12 -s 1 -r 64", 200, 2},
                      Case{"fat12_4k", "-F 12 -S 4096 -s 1", 2048, 3}, Case{"fat16", "-F 16 -s 1", 8192, 4},
                      Case{"fat16_4k", "-F 16 -S 4096 -s 1", 65536, 5}, Case{"fat32", "-F 32 -s 1", 65536, 6},
                      Case{"fat32_4k", "-F 32 -S 4096 -s 1", 524288, 7}),
    [](const auto& row) { return row.param.name; });

TEST_P(RandomEdits, agree_with_the_model) {
  for (int step = 1; step <= 400; ++step) {
    one_edit();
    if (HasFatalFailure()) return;
    if (step % 20 == 0) {
      ASSERT_EQ(image.findings(), "") << "after step " << step;
    }
  }
  for (const auto& [path, bytes] : model) EXPECT_TRUE(volume.read_file(path).value() == bytes) << path;
  compare_with_mtools();
  if (std::string_view{GetParam().name} == "fat12_tight") {
    EXPECT_GT(refused, 0) << "this volume is meant to be too small at times";
  }
}

}  // namespace
}  // namespace flashline::imaging
