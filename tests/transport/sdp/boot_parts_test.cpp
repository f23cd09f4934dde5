// What of a boot image goes where: tables and containers, one mistake at a time.
#include <functional>
#include <gtest/gtest.h>

#include "imaging/core/errors/sdp.h"
#include "imaging/core/little_endian.h"
#include "tests/lab/emulators/boot_images.h"
#include "transport/sdp/boot_container.h"
#include "transport/sdp/ivt.h"

namespace flashline::transport {
namespace {

using lab::Bytes;

TEST(ImageVectorTable, IsFoundWhereverItStands) {
  for (const std::size_t at : {0U, 4U, 0x400U}) {
    const Bytes file = lab::ivt_image({.table_at = at, .rest = 100});
    const auto ivt = find_ivt(file);
    ASSERT_TRUE(ivt) << to_text(ivt.error());
    EXPECT_EQ(ivt->self, 0x277ff400U);
    EXPECT_EQ(ivt->image.at, at);
    EXPECT_EQ(ivt->image.length, 5000U);
    EXPECT_EQ(ivt->dcd.at, at + 64);
    EXPECT_EQ(ivt->dcd.length, 40U);
    EXPECT_FALSE(ivt->is_signed);
  }
}

TEST(ImageVectorTable, EndsWhereTheFileEndsThatLeavesPaddingOut) {
  Bytes file = lab::ivt_image({});
  file.resize(4000);
  EXPECT_EQ(find_ivt(file)->image.length, 4000U);
}

TEST(ImageVectorTable, OfHdmiFirmwareIsPassedOver) {
  Bytes file = lab::ivt_image({.header = 0x412000d1, .dcd_length = 0, .plugin = 0x40000});
  const Bytes own = lab::ivt_image({.header = 0x412000d1, .self = 0x007e1000, .length = 3000, .dcd_length = 0});
  file.insert(file.end(), own.begin(), own.end());
  const auto ivt = find_ivt(file);
  ASSERT_TRUE(ivt);
  EXPECT_EQ(ivt->image.at, 5000U);
  EXPECT_EQ(ivt->self, 0x007e1000U);
}

TEST(ImageVectorTable, SaysWhetherItIsSigned) {
  EXPECT_TRUE(find_ivt(lab::ivt_image({.is_signed = true}))->is_signed);
  Bytes file = lab::ivt_image({.is_signed = true});
  store32(std::span{file}.subspan(24), 0xfffffff0);
  EXPECT_FALSE(find_ivt(file)->is_signed) << "a pointer to nowhere is no signature";
}

struct Mistake {
  const char* name;
  std::size_t at;
  std::uint32_t value;
  const char* says;
};

class BadTable : public testing::TestWithParam<Mistake> {};

TEST_P(BadTable, IsRefused) {
  Bytes file = lab::ivt_image({});
  store32(std::span{file}.subspan(GetParam().at), GetParam().value);
  const auto ivt = find_ivt(file);
  ASSERT_FALSE(ivt);
  EXPECT_EQ(ivt.error().code, errc::sdp_image);
  EXPECT_NE(ivt.error().detail.find(GetParam().says), std::string::npos) << ivt.error().detail;
}

INSTANTIATE_TEST_SUITE_P(Ivt, BadTable,
                         testing::Values(Mistake{"header", 0, 0x402100d1, "no image vector table"},
                                         Mistake{"boot_data_before_file", 16, 0, "boot data"},
                                         Mistake{"boot_data_behind_file", 16, 0xffffffff, "boot data"},
                                         Mistake{"self_far_off", 20, 0xffffffff, "boot data"},
                                         Mistake{"start_behind_table", 32, 0x277ff404, "outside of its own image"},
                                         Mistake{"length_0", 36, 0, "outside of its own image"},
                                         Mistake{"length_ends_before_table", 36, 0x400, "outside of its own image"},
                                         Mistake{"length_ends_in_table", 36, 0x410, "ends inside of the table"},
                                         Mistake{"dcd_nowhere", 12, 0x10, "leads to no DCD"},
                                         Mistake{"dcd_of_another_tag", 12, 0x277ff400, "leads to no DCD"},
                                         Mistake{"dcd_too_long", 64, 0x40ffffd2, "does not end inside"},
                                         Mistake{"dcd_too_short", 64, 0x400300d2, "does not end inside"}),
                         [](const auto& row) { return std::string{row.param.name}; });

TEST(ImageVectorTable, IsNotThereInEmptyAndCutFiles) {
  EXPECT_FALSE(find_ivt({}));
  const Bytes file = lab::ivt_image({.length = 200});
  for (std::size_t size = 0; size < file.size(); ++size) (void)find_ivt(std::span{file}.first(size));
  EXPECT_FALSE(find_ivt(std::span{file}.first(40)));
}

TEST(BootContainer, EndsBehindTheLastImageOfItsSet) {
  for (const lab::ContainerPlan& plan :
       {lab::ContainerPlan{}, lab::ContainerPlan{.images = {1, 5000, 1024}}, lab::ContainerPlan{.firmware = false},
        lab::ContainerPlan{.version = 2}, lab::ContainerPlan{.rest = 0}}) {
    const auto size = first_container_set(lab::container_image(plan));
    ASSERT_TRUE(size) << to_text(size.error());
    EXPECT_EQ(*size, lab::container_set_size(plan));
  }
}

TEST(BootContainer, ThatLiesIsRefused) {
  const auto changed = [](const std::function<void(Bytes&)>& change) {
    Bytes file = lab::container_image({});
    change(file);
    const auto size = first_container_set(file);
    return size ? std::string{} : size.error().detail;
  };
  EXPECT_EQ(changed([](Bytes&) {}), "");
  EXPECT_NE(changed([](Bytes& file) { file[3] = std::byte{0}; }), "");
  EXPECT_NE(changed([](Bytes& file) { file[11] = std::byte{255}; }), "");
  EXPECT_NE(changed([](Bytes& file) { store32(std::span{file}.subspan(16), 0xffffffff); }), "");
  EXPECT_NE(changed([](Bytes& file) { store32(std::span{file}.subspan(0x400 + 20), 0xfffffff0); }), "");
  EXPECT_NE(changed([](Bytes& file) { file.resize(17); }), "");
  EXPECT_NE(changed([](Bytes& file) { file.clear(); }), "");
}

}  // namespace
}  // namespace flashline::transport
