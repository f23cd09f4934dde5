#include "imaging/core/text_places.h"

#include <algorithm>

namespace flashline {
namespace {

constexpr std::size_t step = 1024;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

}  // namespace

void TextPlaces::Place::pass(char c) {
  if (c == '\n') {
    ++line;
    column = 1;
  } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {
    ++column;
  }
}

TextPlaces::TextPlaces(std::string_view text) {
  Place place;
  if (text.starts_with(byte_order_mark)) --place.column;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % step == 0) marks_.push_back(place);
    place.pass(text[i]);
  }
}

std::string TextPlaces::at(std::string_view text, std::size_t offset) const {
  offset = std::min(offset, text.size());
  Place place;
  std::size_t from = 0;
  if (!marks_.empty()) {
    const std::size_t mark = std::min(offset / step, marks_.size() - 1);
    place = marks_[mark];
    from = mark * step;
  }
  for (const char c : text.substr(from, offset - from)) place.pass(c);
  return std::to_string(place.line) + ":" + std::to_string(std::max<std::size_t>(place.column, 1));
}

}  // namespace flashline
