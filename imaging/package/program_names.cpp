#include "imaging/package/program_names.h"

#include <algorithm>
#include <array>

#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {

bool is_program_name(std::string_view path) {
  constexpr std::array<std::string_view, 4> endings{".sys", ".dll", ".exe", ".efi"};
  const std::string name = folded(path);
  return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

bool is_hal_extension(std::string_view path) {
  return folded(path.substr(path.find_last_of("/\\") + 1)).starts_with("halext");
}

}  // namespace flashline::imaging
