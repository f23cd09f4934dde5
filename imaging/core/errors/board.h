#pragma once
#include "imaging/core/error.h"

namespace flashline::errc {
#define FL_ERROR FL_DEFINE_ERRC
#include "imaging/core/errors/board.def"
#undef FL_ERROR
}  // namespace flashline::errc
