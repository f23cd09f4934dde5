#include "imaging/core/error.h"

#include <array>
#include <cstddef>

namespace flashline {
namespace {

struct Row {
  Errc errc;
  std::string_view code;
  std::string_view advice;
};

constexpr std::array table{
#define FL_ERROR(name, code, advice) Row{Errc::name, code, advice},
#include "imaging/core/error_codes.def"
#undef FL_ERROR
};

struct AreaExit {
  std::string_view prefix;
  int exit_code;
};

constexpr std::array area_exits{AreaExit{"FL-DEV", 1}, AreaExit{"FL-USE", 2}, AreaExit{"FL-TRU", 4},
                                AreaExit{"FL-TGT", 5}, AreaExit{"FL-CFG", 6}, AreaExit{"FL-STA", 7}};

}  // namespace

std::string_view code_of(Errc errc) { return table[static_cast<std::size_t>(errc)].code; }

std::string_view advice_of(Errc errc) { return table[static_cast<std::size_t>(errc)].advice; }

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
  if (!advice_of(error.code).empty()) text.append("; ").append(advice_of(error.code));
  return text;
}

Error in_context(std::string_view where, Error error) {
  error.detail.insert(0, std::string{where} + ": ");
  return error;
}

}  // namespace flashline
