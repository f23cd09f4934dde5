#include "imaging/filesystem/fat/fat_name.h"

#include <algorithm>

#include "imaging/core/errors/image.h"
#include "imaging/core/little_endian.h"
#include "imaging/core/unicode.h"

namespace flashline::imaging::fat {
namespace {

constexpr std::size_t units_per_slot = 13;
constexpr unsigned last_slot_flag = 0x40;
constexpr unsigned most_long_slots = 20;
constexpr std::uint32_t most_aliases = 999'999;

/// Where the characters of a long name lie in its entry.
constexpr std::array<std::size_t, units_per_slot> unit_at{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};

bool in(char16_t c, char16_t first, char16_t last) { return c >= first && c <= last; }

char16_t upper(char16_t c) {
  const auto down = [c](int by) { return static_cast<char16_t>(c - by); };
  if (in(c, u'a', u'z')) return down(32);
  if (in(c, 0x00E0, 0x00FE) && c != 0x00F7) return down(32);
  if (c == 0x00FF) return 0x0178;
  const bool odd_is_small = in(c, 0x0100, 0x012F) || in(c, 0x0132, 0x0137) || in(c, 0x014A, 0x0177) ||
                            in(c, 0x0460, 0x0481) || in(c, 0x048A, 0x04BF) || in(c, 0x04D0, 0x04FF);
  if (odd_is_small) return c % 2 == 1 ? down(1) : c;
  const bool even_is_small = in(c, 0x0139, 0x0148) || in(c, 0x0179, 0x017E);
  if (even_is_small) return c % 2 == 0 ? down(1) : c;
  if (in(c, 0x03B1, 0x03C9) && c != 0x03C2) return down(32);
  if (in(c, 0x0430, 0x044F)) return down(32);
  if (in(c, 0x0450, 0x045F)) return down(80);
  return c;
}

/// A character that may stand in a short name as it is.
bool fits_short(char16_t c) {
  return in(c, u'A', u'Z') || in(c, u'0', u'9') || (c < 0x80 && std::u16string_view{u"!#$%&'()-@^_`{}~"}.contains(c));
}

bool forbidden(char16_t c) { return c < 0x20 || std::u16string_view{u"\"*/:<>?\\|"}.contains(c); }

struct Parts {
  std::string base;
  std::string extension;
  bool exact = true;  ///< nothing was dropped or replaced but the case
};

std::string short_text(std::u16string_view text, std::size_t most, bool& exact) {
  std::string out;
  for (const char16_t c : text) {
    if (c == u' ' || c == u'.') {
      exact = false;
      continue;
    }
    const char16_t big = c < 0x80 ? upper(c) : c;
    exact &= fits_short(big) && out.size() < most;
    if (out.size() < most) out.push_back(fits_short(big) ? static_cast<char>(big) : '_');
  }
  return out;
}

Parts short_parts(std::u16string_view name) {
  Parts parts;
  const std::size_t start = std::min(name.find_first_not_of(u". "), name.size());
  parts.exact = start == 0;
  name.remove_prefix(start);
  const std::size_t dot = name.rfind(u'.');
  parts.base = short_text(name.substr(0, dot), 8, parts.exact);
  if (dot != std::u16string_view::npos) parts.extension = short_text(name.substr(dot + 1), 3, parts.exact);
  if (parts.base.empty()) {
    parts.base = "_";
    parts.exact = false;
  }
  return parts;
}

ShortName packed(std::string_view base, std::string_view extension) {
  ShortName name;
  name.fill(' ');
  std::ranges::copy(base, name.begin());
  std::ranges::copy(extension, name.begin() + 8);
  return name;
}

/// A number that `is_taken` says no to: the lowest where numbers were given out in order. Doubles and halves, since a
/// folder may hold thousands of names that begin alike.
template <class IsTaken>
std::optional<std::uint32_t> free_number(IsTaken is_taken) {
  std::uint32_t low = 0;
  std::uint32_t high = 1;
  while (is_taken(high)) {
    if (high == most_aliases) return std::nullopt;
    low = high;
    high = std::min(high * 2, most_aliases);
  }
  while (high - low > 1) {
    const std::uint32_t middle = low + (high - low) / 2;
    (is_taken(middle) ? low : high) = middle;
  }
  return high;
}

/// Code page 437, from 0x80 on.
constexpr std::u16string_view code_page_437 =
    u"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ"
    u"áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
    u"└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
    u"αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0";
static_assert(code_page_437.size() == 128);

void append_shown(std::u16string& out, std::string_view field, bool lower) {
  field = field.substr(0, field.find_last_not_of(' ') + 1);
  for (const char c : field) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) {
      out.push_back(code_page_437[byte - 0x80U]);
    } else {
      out.push_back(static_cast<char16_t>(lower && byte >= 'A' && byte <= 'Z' ? byte + 32 : byte));
    }
  }
}

}  // namespace

Result<std::u16string> checked_name(std::string_view name) {
  const auto bad = [&](const char* why) { return fail(errc::fat_bad_name, "\"" + std::string{name} + "\" " + why); };
  auto units = utf16_of(name);
  if (!units) return fail(errc::fat_bad_name, "a name is not valid UTF-8");
  if (units->empty()) return bad("is empty");
  if (units->size() > most_long_name_units) return bad("is longer than 255 UTF-16 units");
  if (std::ranges::any_of(*units, forbidden)) return bad("has a character that FAT forbids");
  if (units->back() == u'.' || units->back() == u' ') return bad("ends with a dot or a space");
  return std::move(*units);
}

bool same_name(std::u16string_view a, std::u16string_view b) { return std::ranges::equal(a, b, {}, upper, upper); }

std::u16string capitals(std::u16string_view name) {
  std::u16string out{name};
  std::ranges::transform(out, out.begin(), upper);
  return out;
}

Result<NewName> new_name(std::u16string_view name, const std::set<ShortName>& taken) {
  const Parts parts = short_parts(name);
  const ShortName plain = packed(parts.base, parts.extension);
  if (parts.exact && !taken.contains(plain)) return NewName{plain, shown_name(plain, 0) != name};
  const auto alias = [&](std::uint32_t n) {
    const std::string tail = "~" + std::to_string(n);
    return packed(parts.base.substr(0, 8 - tail.size()) + tail, parts.extension);
  };
  if (const auto n = free_number([&](std::uint32_t tried) { return taken.contains(alias(tried)); })) {
    return NewName{alias(*n), true};
  }
  return fail(errc::fat_bad_name, "no short alias is left for \"" + utf8_of(name) + "\"");
}

std::u16string shown_name(const ShortName& name, std::uint8_t case_flags) {
  std::string text(name.begin(), name.end());
  if (text[0] == '\x05') text[0] = '\xE5';  // 0xE5 itself marks a deleted entry
  std::u16string out;
  append_shown(out, std::string_view{text}.substr(0, 8), (case_flags & 0x08U) != 0);
  if (std::string_view{text}.substr(8) == "   ") return out;
  out.push_back(u'.');
  append_shown(out, std::string_view{text}.substr(8), (case_flags & 0x10U) != 0);
  return out;
}

std::string shown_label(const ShortName& field) {
  std::u16string out;
  append_shown(out, std::string_view{field.data(), field.size()}, false);
  return utf8_of(out);
}

std::uint8_t checksum_of(const ShortName& name) {
  std::uint8_t sum = 0;
  for (const char c : name) {
    const unsigned turned = (sum & 1U) << 7U | unsigned{sum} >> 1U;
    sum = static_cast<std::uint8_t>(turned + static_cast<unsigned char>(c));
  }
  return sum;
}

std::vector<Slot> long_slots(std::u16string_view name, std::uint8_t checksum) {
  const std::size_t count = (name.size() + units_per_slot - 1) / units_per_slot;
  std::vector<Slot> slots(count);
  for (std::size_t i = 0; i < count; ++i) {
    Slot& slot = slots[count - 1 - i];
    slot[0] = static_cast<std::byte>((i + 1) | (i + 1 == count ? last_slot_flag : 0));
    slot[11] = std::byte{0x0F};
    slot[13] = std::byte{checksum};
    for (std::size_t k = 0; k < units_per_slot; ++k) {
      const std::size_t at = i * units_per_slot + k;
      // A name that does not fill its entries ends with 0000 and goes on with FFFF.
      const std::uint32_t unit = at < name.size() ? name[at] : at == name.size() ? 0 : 0xFFFF;
      store16(std::span{slot}.subspan(unit_at[k]), unit);
    }
  }
  return slots;
}

void LongNameReader::take(std::span<const std::byte> slot) {
  const unsigned sequence = std::to_integer<unsigned>(slot[0]);
  const unsigned number = sequence & 0x3FU;
  const auto checksum = std::to_integer<std::uint8_t>(slot[13]);
  if ((sequence & last_slot_flag) != 0) {
    units_.assign(std::size_t{number} * units_per_slot, u'\0');
    checksum_ = checksum;
  } else if (number != expected_ || checksum != checksum_) {
    return drop();
  }
  if (number == 0 || number > most_long_slots) return drop();
  for (std::size_t k = 0; k < units_per_slot; ++k) {
    units_[(number - 1) * units_per_slot + k] = static_cast<char16_t>(load16(slot.subspan(unit_at[k])));
  }
  expected_ = number - 1;
}

std::optional<std::u16string> LongNameReader::finish(const ShortName& short_name) {
  std::u16string name = expected_ == 0 ? units_.substr(0, units_.find(u'\0')) : std::u16string{};
  const bool ours = checksum_ == checksum_of(short_name);
  drop();
  if (name.empty() || !ours) return std::nullopt;
  return name;
}

}  // namespace flashline::imaging::fat
