#include "imaging/catalog/der_reader.h"

#include <spdlog/fmt/fmt.h>
#include <string_view>

#include "imaging/catalog/der_writer.h"
#include "imaging/core/errors/image.h"

namespace flashline::imaging::der {
namespace {

constexpr std::uint8_t constructed_bit = 0x20;
constexpr std::uint8_t class_bits = 0xC0;
constexpr std::uint8_t number_bits = 0x1F;
constexpr std::uint8_t boolean_tag = 0x01;
constexpr int max_depth = 32;

std::uint8_t number(std::byte byte) { return std::to_integer<std::uint8_t>(byte); }

std::unexpected<Error> broken(const char* what, std::size_t at, std::string_view why) {
  return fail(errc::catalog_der, fmt::format("DER offset {}: {}: {}", at, what, why));
}

bool minimal_integer(std::span<const std::byte> content) {
  if (content.empty()) return false;
  if (content.size() == 1) return true;
  const bool sign = (number(content[1]) & 0x80) != 0;
  return !(number(content[0]) == 0 && !sign) && !(number(content[0]) == 0xFF && sign);
}

bool valid_oid(std::span<const std::byte> content) {
  if (content.empty() || (number(content.back()) & 0x80) != 0) return false;
  bool first = true;
  for (const std::byte byte : content) {
    if (first && number(byte) == 0x80) return false;
    first = (number(byte) & 0x80) == 0;
  }
  return true;
}

/// Rules that DER adds for values of the universal class.
Status check_universal(const Value& value) {
  if ((value.tag & class_bits) != 0) return {};
  const bool constructed = (value.tag & constructed_bit) != 0;
  const std::uint8_t kind = value.tag | constructed_bit;
  const bool container = kind == sequence_tag || kind == set_tag;
  if (constructed != container) return broken("value", value.content_at, "wrong constructed bit");
  const bool good = value.tag == integer_tag   ? minimal_integer(value.content)
                    : value.tag == oid_tag     ? valid_oid(value.content)
                    : value.tag == null_tag    ? value.content.empty()
                    : value.tag == boolean_tag ? value.content.size() == 1 &&
                                                     (number(value.content[0]) == 0 || number(value.content[0]) == 0xFF)
                                               : true;
  if (!good) return broken("value", value.content_at, fmt::format("not DER for tag {:#04x}", value.tag));
  return {};
}

Status check_children(Reader children, int depth, std::size_t& values_left) {
  while (!children.done()) {
    FL_TRY(const Value child, children.next("value"));
    if (values_left-- == 0) return broken("value", child.content_at, "too many of them");
    FL_CHECK(check_universal(child));
    if ((child.tag & constructed_bit) == 0) continue;
    if (depth == max_depth) return broken("value", child.content_at, "nested deeper than 32 levels");
    FL_CHECK(check_children(Reader{child}, depth + 1, values_left));
  }
  return {};
}

}  // namespace

Result<std::size_t> Reader::length(const char* what) {
  const auto truncated = [&] { return broken(what, base_ + at_, "the length goes past the end"); };
  if (done()) return truncated();
  const std::uint8_t first = number(bytes_[at_++]);
  if (first < 0x80) return first;
  const std::size_t digits = first & 0x7F;
  if (digits == 0) return broken(what, base_ + at_, "indefinite length");
  if (digits > 4) return broken(what, base_ + at_, "length of more than four bytes");
  if (digits > bytes_.size() - at_) return truncated();
  std::size_t length = 0;
  for (std::size_t i = 0; i < digits; ++i) length = length << 8 | number(bytes_[at_ + i]);
  const std::size_t shortest = length < 0x80        ? 0
                               : length < 0x100     ? 1
                               : length < 0x10000   ? 2
                               : length < 0x1000000 ? 3
                                                    : 4;
  if (digits != shortest) return broken(what, base_ + at_, "length not in its shortest form");
  at_ += digits;
  return length;
}

Result<Value> Reader::next(const char* what) {
  if (done()) return fail(errc::catalog_structure, fmt::format("DER offset {}: {} is missing", base_ + at_, what));
  const std::size_t start = at_;
  const std::uint8_t tag = number(bytes_[at_++]);
  if ((tag & number_bits) == number_bits) return broken(what, base_ + start, "tag number above 30");
  FL_TRY(const std::size_t size, length(what));
  if (size > bytes_.size() - at_) return broken(what, base_ + start, "it ends past its parent");
  const Value value{tag, bytes_.subspan(at_, size), bytes_.subspan(start, at_ + size - start), base_ + at_};
  at_ += size;
  return value;
}

Result<Value> Reader::expect(std::uint8_t tag, const char* what) {
  const std::size_t start = base_ + at_;
  FL_TRY(const Value value, next(what));
  if (value.tag == tag) return value;
  return fail(errc::catalog_structure,
              fmt::format("DER offset {}: {} has tag {:#04x}, not {:#04x}", start, what, value.tag, tag));
}

Result<Reader> Reader::enter(std::uint8_t tag, const char* what) {
  FL_TRY(const Value value, expect(tag, what));
  return Reader{value};
}

Result<std::string> Reader::oid(const char* what) {
  FL_TRY(const Value value, expect(oid_tag, what));
  if (!valid_oid(value.content)) return broken(what, value.content_at, "not an object identifier");
  std::string text;
  std::uint64_t arc = 0;
  for (const std::byte byte : value.content) {
    if (arc >> 56 != 0) return broken(what, value.content_at, "object identifier out of range");
    arc = arc << 7 | (number(byte) & 0x7F);
    if ((number(byte) & 0x80) != 0) continue;
    if (text.empty()) {
      const std::uint64_t root = arc < 80 ? arc / 40 : 2;
      text = fmt::format("{}.{}", root, arc - root * 40);
    } else {
      text += fmt::format(".{}", arc);
    }
    arc = 0;
  }
  return text;
}

Status Reader::expect_oid(std::string_view dotted, const char* what) {
  FL_TRY(const std::string found, oid(what));
  if (found == dotted) return {};
  return fail(errc::catalog_structure, fmt::format("{} is {}, not {}", what, found, dotted));
}

Status Reader::end(const char* what) const {
  if (done()) return {};
  return fail(errc::catalog_structure,
              fmt::format("DER offset {}: {} bytes too many in {}", base_ + at_, bytes_.size() - at_, what));
}

Status check_tree(std::span<const std::byte> bytes, std::size_t max_values) {
  Reader reader{bytes};
  FL_TRY(const Value root, reader.next("value"));
  if (!reader.done()) return broken("value", root.whole.size(), "bytes follow its end");
  return check_children(Reader{bytes}, 0, max_values);
}

Result<std::string> parse_algorithm(Reader& in, const char* what) {
  FL_TRY(Reader algorithm, in.enter(sequence_tag, what));
  FL_TRY(std::string id, algorithm.oid(what));
  if (algorithm.next_is(null_tag)) FL_CHECK(algorithm.next(what));
  FL_CHECK(algorithm.end(what));
  return id;
}

}  // namespace flashline::imaging::der
