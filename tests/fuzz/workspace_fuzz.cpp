// Workspace files: any bytes as IoTWorkspace.xml, as a product's settings or as an answer file give a value or an
// error that says where.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "imaging/build/workspace.h"
#include "imaging/core/errors/build.h"
#include "imaging/provisioning/answer_file.h"
#include "imaging/workspace/input_xml.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

void must_say_where(const Error& error) {
  if (!error.detail.starts_with("input.xml")) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = parse_input_xml(std::as_bytes(std::span{data, size}), "input.xml");
  if (!document) return 0;
  const auto workspace = parse_workspace(*document, "/workspace");
  if (!workspace) must_say_where(workspace.error());
  const auto answers = read_answer_file(*document);
  if (!answers) {
    must_say_where(answers.error());
  } else {
    (void)check_startup_apps({{.package = "a", .foreground = answers->foreground, .background = answers->background}});
  }
  return 0;
}
