#pragma once
// Text files that a person can review, below tests/golden.

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace flashline::tests {

/// The text of tests/golden/NAME; with FLASHLINE_NEW_GOLDEN set it is first written anew as `made`.
inline std::string golden(const std::string& name, const std::string& made) {
  const std::string path = FLASHLINE_SOURCE_DIR "/tests/golden/" + name;
  if (std::getenv("FLASHLINE_NEW_GOLDEN") != nullptr) std::ofstream{path} << made;
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

}  // namespace flashline::tests
