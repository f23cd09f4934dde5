#pragma once
// Expected failures are values. Every error has a stable code that stands in log, API, record and page alike.

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace flashline {

/// What went wrong: a number made of its stable code. Errors of one area (FL-IMG, FL-TGT ...) are named in
/// errors/<area>.h as errc::<name>, so that a new code rebuilds only who uses its area; error.cpp has them all.
enum class Errc : std::uint32_t {};

/// The Errc of a well-formed code, "FL-AAA-nnn". Different codes give different values.
consteval Errc errc_of(std::string_view code) {
  std::uint32_t value = 0;
  for (const char letter : code.substr(3, 3)) value = value * 26 + static_cast<std::uint32_t>(letter - 'A');
  for (const char digit : code.substr(7, 3)) value = value * 10 + static_cast<std::uint32_t>(digit - '0');
  return Errc{value};
}

/// Stable code, such as "FL-IMG-017".
std::string_view code_of(Errc errc);
/// What the user can do about it: one short sentence.
std::string_view advice_of(Errc errc);
/// The Errc whose stable code is `code`, or false when there is none. Used to show codes read back from records.
bool find_errc(std::string_view code, Errc& errc);
/// Exit code of the command line contract for this error: 1 a unit failed, 2 usage, 3 image or input, 4 not trusted,
/// 5 target, 6 configuration, 7 station.
int exit_code_of(Errc errc);

/// A failure: its code, and what happened where (file:line:column, slot, block, offset) in one clause.
/// `detail` never holds a secret.
struct Error {
  Errc code;
  std::string detail;
};

/// "error[FL-IMG-017]: detail; advice", the form for standard error.
std::string to_text(const Error& error);
/// The same error with what the caller knows put before the detail: "slot 3: ..." .
Error in_context(std::string_view where, Error error);

/// A value or an Error. Own name, since std::expected is not [[nodiscard]].
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

/// Success or an Error.
using Status = Result<void>;

inline std::unexpected<Error> fail(Errc code, std::string detail) {
  return std::unexpected<Error>{Error{code, std::move(detail)}};
}

}  // namespace flashline

// A row of errors/<area>.def as a constant.
#define FL_DEFINE_ERRC(name, code, advice) inline constexpr Errc name = errc_of(code);

// The early return that every layer needs. FL_TRY declares `var` from the value of `expr`; FL_CHECK is for a Status.
// The CO forms are for coroutines.
#define FL_CONCAT_INNER(a, b) a##b
#define FL_CONCAT(a, b) FL_CONCAT_INNER(a, b)
#define FL_TRY_IMPL(tmp, ret, var, ...)                  \
  auto tmp = (__VA_ARGS__);                              \
  if (!tmp) ret std::unexpected{std::move(tmp).error()}; \
  var = std::move(*tmp)
#define FL_TRY(var, ...) FL_TRY_IMPL(FL_CONCAT(fl_try_, __LINE__), return, var, __VA_ARGS__)
#define FL_CO_TRY(var, ...) FL_TRY_IMPL(FL_CONCAT(fl_try_, __LINE__), co_return, var, __VA_ARGS__)
#define FL_CHECK(...)                                                      \
  if (auto fl_status = (__VA_ARGS__); !fl_status) return std::unexpected { \
      std::move(fl_status).error()                                         \
    }
#define FL_CO_CHECK(...)                                                      \
  if (auto fl_status = (__VA_ARGS__); !fl_status) co_return std::unexpected { \
      std::move(fl_status).error()                                            \
    }
