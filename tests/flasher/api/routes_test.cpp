// The routes and openapi.yaml name the same paths and methods.
#include <fstream>
#include <gmock/gmock.h>
#include <regex>
#include <set>

#include "flasher/api/station_api.h"

namespace flashline::line {
namespace {

TEST(Routes, are_those_of_the_description) {
  std::ifstream in{FLASHLINE_SOURCE_DIR "/flasher/api/openapi.yaml"};
  const std::regex path_line{"  /(.*):"};
  const std::regex method_line{"    (get|post|put|patch|delete):"};
  std::set<std::string> described;
  std::string path;
  std::smatch found;
  for (std::string line; std::getline(in, line) && line != "components:";) {
    if (std::regex_match(line, found, path_line)) path = found[1];
    if (std::regex_match(line, found, method_line)) described.insert((found[1] == "get" ? "GET " : "POST ") + path);
  }
  std::set<std::string> there;
  for (const RouteName& route : route_names())
    there.insert(std::string{route.method} + " " + std::string{route.pattern});
  EXPECT_THAT(described, ::testing::Not(::testing::IsEmpty()));
  EXPECT_EQ(there, described);
}

}  // namespace
}  // namespace flashline::line
