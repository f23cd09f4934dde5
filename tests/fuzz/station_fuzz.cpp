// station.xml and recipe.xml: any bytes give a value or an error, never a fault.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "station-config/recipe.h"
#include "station-config/station.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto station = flashline::config::parse_station(text, "/f/station.xml");
  if (station && (station->slots.empty() || station->listen.address != "127.0.0.1")) std::abort();
  if (!station && !station.error().detail.starts_with("/f/station.xml:")) std::abort();
  const auto recipe = flashline::config::parse_recipe(text, "/f/recipe.xml");
  if (recipe && recipe->macs && recipe->macs->first > recipe->macs->last) std::abort();
  return 0;
}
