#include "flasher/version.h"

namespace flashline::line {

std::string_view version() { return FLASHLINE_VERSION; }

}  // namespace flashline::line
