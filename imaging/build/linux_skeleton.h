#pragma once
// The texts of a board and of an app for Linux products; skeleton.h is the way in.

#include <string>
#include <utility>
#include <vector>

#include "imaging/build/product.h"

namespace flashline::imaging {

/// A path below the skeleton's folder, and what is written there.
using SkeletonFile = std::pair<std::string, std::string>;

/// A board: manifest, a disk of boot, root and data partition (GPT for PCs, MBR for others), OEMInput samples.
/// `common`: the workspace has a CommonFM.xml, which the samples list.
std::vector<SkeletonFile> linux_bsp(const std::string& name, CpuType cpu, bool common);

/// An app in the background: a script and the systemd service that runs it.
std::vector<SkeletonFile> linux_package(const std::string& space, const std::string& name);

}  // namespace flashline::imaging
