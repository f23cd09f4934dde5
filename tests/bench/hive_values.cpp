// hive_values VALUES OUT: how long it takes to merge so many registry values and to write them as a hive. Prints
// seconds and bytes as JSON; the hive goes to OUT.

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "imaging/filesystem/registry/build_hive.h"

using namespace flashline::imaging;

namespace {

constexpr unsigned values_a_key = 10;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto count = static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10));
  std::vector<RegistryKey> keys;
  for (unsigned at = 0; at < count; ++at) {
    if (at % values_a_key == 0) {
      const unsigned key = at / values_a_key;
      keys.push_back({"Microsoft\\Group " + std::to_string(key % 97) + "\\Component " + std::to_string(key), {}});
    }
    const std::vector<std::byte> data(4 + at % 60, static_cast<std::byte>(at & 0xFFU));
    keys.back().values.push_back({"Setting " + std::to_string(at), RegistryType::binary, data});
  }
  const auto start = std::chrono::steady_clock::now();
  RegistryTree tree;
  for (const RegistryKey& key : keys) {
    if (!tree.merge(key.path, key.values, "bench")) return 1;
  }
  const double merged = seconds_since(start);
  const auto hive = build_hive(tree, "SOFTWARE", 0);
  if (!hive) return 1;
  const double written = seconds_since(start) - merged;
  std::ofstream{argv[2], std::ios::binary}.write(reinterpret_cast<const char*>(hive->data()),
                                                 static_cast<std::streamsize>(hive->size()));
  std::cout << "{\"values\": " << count << ", \"merge_s\": " << merged << ", \"write_s\": " << written
            << ", \"bytes\": " << hive->size() << "}\n";
}
