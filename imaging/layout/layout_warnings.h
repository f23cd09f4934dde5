#pragma once
// What is legal in a layout and yet will not do on known boards.

#include <span>
#include <string>
#include <vector>

#include "imaging/layout/device_layout.h"
#include "imaging/layout/lay_out.h"

namespace flashline::imaging {

/// One line a finding, with file, line and column. `features` are the selected Microsoft features: the boot
/// configuration among them has to fit the table (IOT_EFIESP_BCD: GPT, IOT_EFIESP_BCD_MBR: MBR).
std::vector<std::string> layout_warnings(const DeviceLayout& layout, const DiskLayout& placed,
                                         std::span<const std::string> features);

}  // namespace flashline::imaging
