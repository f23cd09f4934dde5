# Writes OUT, a .cpp with the bytes of each file of FILES (a list of "served path|content type|file"), for flasher/api/web_files.h.
set(rows "")
set(arrays "")
set(number 0)
foreach(entry ${FILES})
  string(REPLACE "|" ";" parts "${entry}")
  list(GET parts 0 path)
  list(GET parts 1 type)
  list(GET parts 2 file)
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(APPEND arrays "constexpr unsigned char bytes_${number}[] = {${bytes}0};\n")
  string(APPEND rows "    {\"${path}\", \"${type}\", {reinterpret_cast<const char*>(bytes_${number}), sizeof(bytes_${number}) - 1}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUT}" "// Made by cmake/embed.cmake.
#include <array>

#include \"flasher/api/web_files.h\"

namespace flashline::line {
namespace {

${arrays}
const std::array files{std::to_array<WebFile>({
${rows}})};

}  // namespace

std::span<const WebFile> web_files() { return files; }

}  // namespace flashline::line
")
