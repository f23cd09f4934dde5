#include "imaging/filesystem/registry/upcase.h"

#include <gtest/gtest.h>

#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"
#include "tests/imaging/filesystem/registry/hives.h"

namespace flashline::imaging {
namespace {

TEST(Upcase, is_the_table_that_ntfs_volumes_carry) {
  const flashline::fakes::TempFolder folder;
  const auto volume = folder.sparse("volume", 2 << 20).string();
  ASSERT_EQ(run_tool("mkntfs -q -F -s 512 " + volume).code, 0);
  ASSERT_EQ(run_tool("ntfscat -i 10 " + volume + " > " + (folder / "upcase").string()).code, 0);
  const auto table = imaging::fakes::file_bytes(folder / "upcase");
  ASSERT_EQ(table.size(), 2 * 65536U);
  std::string wrong;
  for (std::size_t unit = 0; unit < 65536; ++unit) {
    const auto expected = std::to_integer<unsigned>(table[2 * unit]) | std::to_integer<unsigned>(table[2 * unit + 1])
                                                                           << 8U;
    if (upcased(static_cast<char16_t>(unit)) != expected) wrong += " " + std::to_string(unit);
  }
  EXPECT_EQ(wrong, "");
}

TEST(Upcase, works_on_whole_names) { EXPECT_EQ(upcased(u"aZ_\u00FF\u0436\u0131"), u"AZ_\u0178\u0416\u0131"); }

}  // namespace
}  // namespace flashline::imaging
