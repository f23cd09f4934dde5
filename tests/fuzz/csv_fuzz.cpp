// Unit lists: any text gives rows that fit their header, or an error that names a place.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "imaging/provisioning/unit_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace flashline::imaging;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto list = parse_unit_list(text, "u.csv");
  if (!list) {
    if (!list.error().detail.starts_with("u.csv:")) std::abort();
    return 0;
  }
  std::set<std::string> serials;
  std::set<MacAddress> macs;
  if (list->units.empty()) std::abort();
  for (const ListedUnit& unit : list->units) {
    if (!check_serial(unit.serial) || !serials.insert(unit.serial).second) std::abort();
    for (const std::string& column : list->columns) {
      if (!unit.fields.contains(column)) std::abort();
    }
    for (const MacAddress mac : unit.macs) {
      const auto again = parse_mac_address(to_text(mac));
      if (!again || *again != mac || !macs.insert(mac).second) std::abort();
    }
  }
  return 0;
}
