#include "transport/discovery/port_path.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/usb.h"

namespace flashline::transport {
namespace {

TEST(PortPathText, GoesThereAndBack) {
  for (const char* text : {"pci-0000:00:14.0/2", "pci-0000:00:14.0/2.3.1", "platform-vhci_hcd.0/15#0",
                           "platform-fd500000.pcie-pci-0000:01:00.0/1.4#7"}) {
    const auto port = parse_port_path(text);
    ASSERT_TRUE(port) << text;
    EXPECT_EQ(to_text(*port), text);
  }
}

TEST(PortPathText, IsRefusedWhereItIsNone) {
  for (const char* text : {"", "/", "1-2.3", "pci-0000:00:14.0/", "/2.3", "pci/0", "pci/256", "pci/2..3", "pci/2.",
                           "pci/02", "pci/2#", "pci/2#x", "pci/2#256", "p ci/2", "pci/-1"}) {
    const auto port = parse_port_path(text);
    ASSERT_FALSE(port) << text;
    EXPECT_EQ(port.error().code, errc::port_path);
  }
}

TEST(PortPath, OfACardSlotLiesOnASocket) {
  const PortPath slot = parse_port_path("pci-0000:00:14.0/2.3#1").value();
  EXPECT_EQ(to_text(slot.socket()), "pci-0000:00:14.0/2.3");
}

}  // namespace
}  // namespace flashline::transport
