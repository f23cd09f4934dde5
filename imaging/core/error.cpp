#include "imaging/core/error.h"

#include <algorithm>
#include <array>

namespace flashline {
namespace {

struct Row {
  Errc errc;
  std::string_view code;
  std::string_view advice;
};

// No std::array: deducing its size fails past 256 rows.
constexpr Row table[] = {
#define FL_ERROR(name, code, advice) Row{errc_of(code), code, advice},
#include "imaging/core/errors/board.def"
#include "imaging/core/errors/build.def"
#include "imaging/core/errors/config.def"
#include "imaging/core/errors/device.def"
#include "imaging/core/errors/fastboot.def"
#include "imaging/core/errors/feature.def"
#include "imaging/core/errors/filesystem.def"
#include "imaging/core/errors/image.def"
#include "imaging/core/errors/layout.def"
#include "imaging/core/errors/package.def"
#include "imaging/core/errors/record.def"
#include "imaging/core/errors/rpiboot.def"
#include "imaging/core/errors/sahara.def"
#include "imaging/core/errors/sdp.def"
#include "imaging/core/errors/station.def"
#include "imaging/core/errors/target.def"
#include "imaging/core/errors/trust.def"
#include "imaging/core/errors/unit.def"
#include "imaging/core/errors/usage.def"
#include "imaging/core/errors/usb.def"
#undef FL_ERROR
};

const Row& row_of(Errc errc) { return *std::ranges::find(table, errc, &Row::errc); }

struct AreaExit {
  std::string_view prefix;
  int exit_code;
};

constexpr std::array area_exits{AreaExit{"FL-DEV", 1}, AreaExit{"FL-USB", 1}, AreaExit{"FL-BRD", 1},
                                AreaExit{"FL-RPI", 1}, AreaExit{"FL-FBT", 1}, AreaExit{"FL-SDP", 1},
                                AreaExit{"FL-EDL", 1}, AreaExit{"FL-USE", 2}, AreaExit{"FL-TRU", 4},
                                AreaExit{"FL-TGT", 5}, AreaExit{"FL-CFG", 6}, AreaExit{"FL-STA", 7}};

}  // namespace

std::string_view code_of(Errc errc) { return row_of(errc).code; }

std::string_view advice_of(Errc errc) { return row_of(errc).advice; }

bool find_errc(std::string_view code, Errc& errc) {
  for (const Row& row : table) {
    if (row.code != code) continue;
    errc = row.errc;
    return true;
  }
  return false;
}

int exit_code_of(Errc errc) {
  for (const AreaExit& area : area_exits) {
    if (code_of(errc).starts_with(area.prefix)) return area.exit_code;
  }
  return 3;
}

std::string to_text(const Error& error) {
  std::string text = "error[";
  text.append(code_of(error.code)).append("]: ").append(error.detail);
  // A list has a line an entry; what to do about it is not one of them.
  const bool list = error.detail.contains('\n');
  if (!advice_of(error.code).empty()) text.append(list ? "\n" : "; ").append(advice_of(error.code));
  return text;
}

Error in_context(std::string_view where, Error error) {
  error.detail.insert(0, std::string{where} + ": ");
  return error;
}

}  // namespace flashline
