#pragma once
// Lines and columns of a text, however long it and its lines are.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace flashline {

/// Where the bytes of one text stand. Made in one pass, asked in constant time.
class TextPlaces {
 public:
  TextPlaces() = default;
  explicit TextPlaces(std::string_view text);

  /// "line:column" of a byte of `text`, the one this was made of: both count from 1, columns in characters of UTF-8; a
  /// byte order mark is none. Past the end: the end.
  std::string at(std::string_view text, std::size_t offset) const;

 private:
  struct Place {
    std::size_t line = 1, column = 1;
    void pass(char c);
  };
  std::vector<Place> marks_;  // of every 1024th byte
};

}  // namespace flashline
