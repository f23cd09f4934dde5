#include "transport/fastboot/sparse_file.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"
#include "tests/transport/fastboot/board_pair.h"

namespace flashline::transport {
namespace {

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> whole(const SparseFile& sparse, std::size_t piece) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(sparse.size()));
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    sparse.read(at, std::span{bytes}.subspan(at, std::min(piece, bytes.size() - at)));
  }
  return bytes;
}

TEST(SparseFile, IsTheSameInPiecesOfAnySize) {
  const auto data = noise(8192, 1);
  SparseFile sparse{512};
  sparse.skip(3);
  sparse.raw(data);
  sparse.zeros(5);
  EXPECT_EQ(sparse.size(), 28U + 12 + 12 + 8192 + 16);
  const auto at_once = whole(sparse, 100'000);
  for (const std::size_t piece : {1U, 11U, 28U, 512U, 4096U}) EXPECT_EQ(whole(sparse, piece), at_once) << piece;
}

TEST(SparseFile, IsReadByAndroidsOwnTool) {
  if (run_tool("which simg2img").code != 0) GTEST_SKIP() << "simg2img is not installed";
  for (const std::uint32_t block : {512U, 4096U}) {
    const fakes::TempFolder folder;
    const auto first = noise(block * 3ULL, 1);
    const auto second = noise(block * 50ULL, 2);
    SparseFile sparse{block};
    sparse.skip(7);
    sparse.raw(first);
    sparse.zeros(9);
    sparse.raw(second);
    const auto image = folder.file("sparse.img", text_of(whole(sparse, 65536)));
    const auto run = run_tool("simg2img " + image.string() + " " + (folder / "raw.img").string());
    ASSERT_EQ(run.code, 0) << run.output;
    std::ifstream raw{folder / "raw.img", std::ios::binary};
    const std::string made{std::istreambuf_iterator<char>{raw}, {}};
    EXPECT_EQ(made,
              std::string(block * 7ULL, '\0') + text_of(first) + std::string(block * 9ULL, '\0') + text_of(second));
  }
}

}  // namespace
}  // namespace flashline::transport
