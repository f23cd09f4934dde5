#pragma once
// Dates and times as FAT packs them: years from 1980, two seconds' steps.

#include <chrono>

#include "imaging/filesystem/fat/folder.h"

namespace flashline::imaging::fat {

/// The nearest stamp that FAT can say.
Stamp stamp_of(std::chrono::sys_seconds time);
/// 1980-01-01 when the stamp is no date.
std::chrono::sys_seconds time_of(Stamp stamp);

}  // namespace flashline::imaging::fat
