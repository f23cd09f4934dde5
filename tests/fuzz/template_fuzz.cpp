// Templates and serial patterns: the first line is a pattern, the rest a template.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "imaging/provisioning/identity.h"
#include "imaging/provisioning/text_template.h"

namespace {

using namespace flashline::imaging;

void try_template(std::string_view text) {
  const auto names = template_fields(text, "t");
  UnitFields fields;
  const auto without = render_template(text, fields, "t");
  if (!names) {
    if (without) std::abort();
    return;
  }
  if (without.has_value() != names->empty()) std::abort();
  for (const auto& name : *names) fields[name] = "$";
  // All fields are there now; values are never looked into again.
  if (!render_template(text, fields, "t")) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const std::size_t end = std::min(text.find('\n'), text.size());
  for (const CheckDigit check : {CheckDigit::none, CheckDigit::luhn, CheckDigit::mod11}) {
    const auto serial = serial_of(text.substr(0, end), size, check);
    if (serial && !check_serial(*serial)) std::abort();
  }
  (void)check_hostname(text.substr(0, end));
  try_template(text.substr(std::min(end + 1, text.size())));
  return 0;
}
