#include "transport/usb/descriptors.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/usb.h"
#include "tests/lab/emulators/descriptors.h"

namespace flashline::transport {
namespace {

lab::DevicePlan two_interfaces() {
  return {.vendor = 0x0a5c,
          .product = 0x2764,
          .serial_index = 3,
          .strings = {{3, "10000000abcdef\n\x01"}},
          .interfaces = {{.class_code = 8, .subclass = 6, .protocol = 0x50, .endpoints = {{0x81}, {0x01}}},
                         {.class_code = 0xff, .endpoints = {{0x03}, {0x84, 3, 64}}}}};
}

TEST(UsbDescriptors, AreReadAsTheDeviceSentThem) {
  const UsbFacts facts = lab::facts_of(lab::describe(two_interfaces()), {"c", {1}});
  EXPECT_EQ(id_text(facts), "0a5c:2764");
  EXPECT_EQ(facts.serial_index, 3);
  EXPECT_EQ(facts.serial, "10000000abcdef??");
  ASSERT_EQ(facts.interfaces.size(), 2U);
  EXPECT_EQ(facts.interfaces[1].endpoints[0].address, 0x03);
  EXPECT_EQ(facts.interfaces[1].endpoints[1].kind, UsbEndpoint::Kind::interrupt);
  EXPECT_TRUE(facts.interfaces[1].endpoints[1].is_in());
  EXPECT_EQ(facts.find(8, 6, 0x50), &facts.interfaces[0]);
  EXPECT_EQ(facts.find(8, 6, 0x62), nullptr);
}

TEST(UsbDescriptors, ThatAnnounceMoreThanTheySendAreTakenAsFarAsTheyGo) {
  lab::Descriptors lying = lab::describe({.interfaces = {{.endpoints = {{0x01}, {0x82}}}}});
  lying.configuration[2] = std::byte{55};
  const auto interfaces = read_configuration(lying.configuration);
  ASSERT_TRUE(interfaces);
  EXPECT_EQ(interfaces->at(0).endpoints.size(), 2U);

  lying.configuration.resize(lying.configuration.size() - 1);
  EXPECT_EQ(read_configuration(lying.configuration)->at(0).endpoints.size(), 1U);
}

TEST(UsbDescriptors, WithNoLengthEndTheReading) {
  lab::Descriptors endless = lab::describe({.interfaces = {{.endpoints = {{0x01}}}}});
  endless.configuration[9] = std::byte{0};
  const auto interfaces = read_configuration(endless.configuration);
  ASSERT_FALSE(interfaces);
  EXPECT_EQ(interfaces.error().code, errc::usb_descriptor);
}

TEST(UsbDescriptors, OfAnotherSortAreRefused) {
  const auto descriptors = lab::describe(two_interfaces());
  EXPECT_FALSE(read_device_descriptor(descriptors.configuration));
  EXPECT_FALSE(read_device_descriptor({}));
  EXPECT_FALSE(read_configuration(descriptors.device));
  EXPECT_FALSE(read_configuration({}));
}

}  // namespace
}  // namespace flashline::transport
