#include "imaging/catalog/der_writer.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <spdlog/fmt/fmt.h>

namespace flashline::imaging::der {
namespace {

void append(Bytes& to, std::span<const std::byte> from) { to.insert(to.end(), from.begin(), from.end()); }

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

void append_length(Bytes& to, std::size_t length) {
  if (length < 0x80) return to.push_back(static_cast<std::byte>(length));
  Bytes digits;
  for (std::size_t rest = length; rest != 0; rest >>= 8) digits.push_back(static_cast<std::byte>(rest & 0xFF));
  to.push_back(static_cast<std::byte>(0x80 | digits.size()));
  to.insert(to.end(), digits.rbegin(), digits.rend());
}

void append_arc(Bytes& to, std::uint32_t arc) {
  Bytes groups{static_cast<std::byte>(arc & 0x7F)};
  while ((arc >>= 7) != 0) groups.push_back(static_cast<std::byte>(0x80 | (arc & 0x7F)));
  to.insert(to.end(), groups.rbegin(), groups.rend());
}

}  // namespace

Bytes value(std::uint8_t tag, std::span<const std::byte> content) {
  Bytes out{static_cast<std::byte>(tag)};
  append_length(out, content.size());
  append(out, content);
  return out;
}

Bytes group(std::uint8_t tag, std::initializer_list<Bytes> children) {
  Bytes content;
  for (const Bytes& child : children) append(content, child);
  return value(tag, content);
}

Bytes set_of(std::vector<Bytes> children, std::uint8_t tag) {
  std::ranges::sort(children);
  Bytes content;
  for (const Bytes& child : children) append(content, child);
  return value(tag, content);
}

Bytes integer(std::uint32_t number) {
  Bytes content;
  do {
    content.insert(content.begin(), static_cast<std::byte>(number & 0xFF));
    number >>= 8;
  } while (number != 0);
  // A leading one bit would make it negative.
  if ((content.front() & std::byte{0x80}) != std::byte{}) content.insert(content.begin(), std::byte{});
  return value(integer_tag, content);
}

Bytes null() { return value(null_tag, {}); }

Bytes octets(std::span<const std::byte> content) { return value(octets_tag, content); }

Bytes oid(std::string_view dotted) {
  std::vector<std::uint32_t> arcs;
  for (const char* at = dotted.data(); at < dotted.data() + dotted.size(); ++at) {
    std::uint32_t arc = 0;
    const auto [end, bad] = std::from_chars(at, dotted.data() + dotted.size(), arc);
    assert(bad == std::errc{});
    arcs.push_back(arc);
    at = end;
  }
  assert(arcs.size() >= 2);
  Bytes content;
  append_arc(content, arcs[0] * 40 + arcs[1]);
  for (std::size_t i = 2; i < arcs.size(); ++i) append_arc(content, arcs[i]);
  return value(oid_tag, content);
}

Bytes bmp(std::string_view ascii) {
  Bytes content;
  for (const char letter : ascii) {
    content.push_back(std::byte{});
    content.push_back(static_cast<std::byte>(letter));
  }
  return value(bmp_tag, content);
}

Bytes time(std::time_t when) {
  std::tm utc{};
  gmtime_r(&when, &utc);
  const std::string rest =
      fmt::format("{:02}{:02}{:02}{:02}{:02}Z", utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  const int year = utc.tm_year + 1900;
  if (year >= 1950 && year < 2050) return value(utc_time_tag, bytes_of(fmt::format("{:02}{}", year % 100, rest)));
  return value(generalized_time_tag, bytes_of(fmt::format("{:04}{}", year, rest)));
}

}  // namespace flashline::imaging::der
