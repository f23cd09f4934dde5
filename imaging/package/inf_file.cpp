#include "imaging/package/inf_file.h"

#include <algorithm>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view blanks = " \t\r";

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// What a driver's build replaces by the CPU's name.
std::string with_architecture(std::string_view text, CpuType cpu) {
  constexpr std::string_view mark = "$arch$";
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    if (same_word(text.substr(at, mark.size()), mark)) {
      result += name_of(cpu);
      at += mark.size();
    } else {
      result += text[at++];
    }
  }
  return result;
}

}  // namespace

/// Cuts an INF's text into sections, lines and values.
class InfParser {
 public:
  InfParser(std::string text, std::string file) : text_{std::move(text)} { inf_.file_ = std::move(file); }

  Result<InfFile> run() {
    while (at_ < text_.size()) {
      FL_CHECK(line());
    }
    read_strings();
    FL_CHECK(check_signature());
    return std::move(inf_);
  }

 private:
  std::unexpected<Error> bad(std::string_view what) const {
    return fail(errc::inf_syntax, fmt::format("{}:{}:{}: {}", inf_.file_, line_, column(), what));
  }

  std::size_t column() const {
    const auto part = std::string_view{text_}.substr(line_start_, at_ - line_start_);
    return 1 + static_cast<std::size_t>(std::ranges::count_if(
                   part, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
  }

  bool at_line_end() const { return at_ >= text_.size() || text_[at_] == '\n'; }
  bool at_comment() const { return at_ < text_.size() && text_[at_] == ';'; }

  void skip_blanks() {
    while (at_ < text_.size() && blanks.contains(text_[at_])) ++at_;
  }

  void next_line() {
    at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1;
    line_start_ = at_;
    ++line_;
  }

  Status line() {
    skip_blanks();
    if (at_line_end() || at_comment()) {
      next_line();
      return {};
    }
    if (text_[at_] == '[') return header();
    if (section_ == nullptr) return bad("text before the first section");
    InfLine read{{}, {}, line_, column()};
    FL_CHECK(values(read));
    section_->push_back(std::move(read));
    return {};
  }

  Status header() {
    const std::size_t end = text_.find_first_of("]\n", at_);
    if (end == std::string::npos || text_[end] != ']') return bad("']' is missing");
    std::string_view name = trimmed(std::string_view{text_}.substr(at_ + 1, end - at_ - 1));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
    if (name.empty()) return bad("a section without a name");
    section_ = &inf_.sections_[folded(name)];
    at_ = end + 1;
    skip_blanks();
    if (!at_line_end() && !at_comment()) return bad("text behind a section's name");
    next_line();
    return {};
  }

  /// The values of a line and of those that it goes on in.
  Status values(InfLine& read) {
    std::string value;
    bool quoted = false;
    const auto finish = [&] {
      // Blanks that stood in quotes are content.
      read.values.push_back(quoted ? value : std::string{trimmed(value)});
      value.clear();
      quoted = false;
    };
    while (!at_line_end() && !at_comment()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!quoted) value = std::string{trimmed(value)};
        quoted = true;
        FL_CHECK(quotation(value));
      } else if (c == ',') {
        finish();
        ++at_;
      } else if (c == '=' && read.values.empty() && read.key.empty()) {
        read.key = quoted ? value : std::string{trimmed(value)};
        if (read.key.empty()) return bad("nothing stands before '='");
        value.clear();
        quoted = false;
        ++at_;
      } else if (c == '\\' && goes_on()) {
        next_line();
        skip_blanks();
      } else {
        if (!quoted || !blanks.contains(c)) value += c;
        ++at_;
      }
    }
    if (quoted || !trimmed(value).empty() || !read.values.empty()) finish();
    next_line();
    return {};
  }

  /// Whether the backslash here is the last of its line, blanks and a comment aside.
  bool goes_on() const {
    const std::size_t next = text_.find_first_not_of(blanks, at_ + 1);
    return next != std::string::npos && (text_[next] == '\n' || text_[next] == ';') &&
           text_.find('\n', next) != std::string::npos;
  }

  /// Text in quotes; two of them are one.
  Status quotation(std::string& value) {
    for (++at_; !at_line_end(); ++at_) {
      if (text_[at_] != '"') {
        if (text_[at_] != '\r') value += text_[at_];
      } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
        value += text_[at_++];
      } else {
        ++at_;
        return {};
      }
    }
    return bad("a quotation mark is missing");
  }

  /// [Strings] first, then what only a language has: [Strings.0409].
  void read_strings() {
    for (const auto& [name, lines] : inf_.sections_) {
      if (name != "strings" && !name.starts_with("strings.")) continue;
      for (const InfLine& one : lines) {
        if (!one.key.empty()) inf_.strings_.try_emplace(folded(one.key), one.value(0));
      }
    }
  }

  Status check_signature() const {
    const InfLine* const signature = inf_.find("Version", "Signature");
    if (signature == nullptr) return fail(errc::inf_syntax, inf_.file_ + ": [Version] has no Signature");
    const std::string text = inf_.text(*signature, 0);
    for (const std::string_view known : {"$Windows NT$", "$Chicago$", "$Windows 95$"}) {
      if (same_word(text, known)) return {};
    }
    return inf_.error(errc::inf_syntax, *signature, fmt::format("'{}' is no signature of Windows", text));
  }

  std::string text_;
  InfFile inf_;
  std::vector<InfLine>* section_ = nullptr;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_start_ = 0;
};

const std::vector<InfLine>* InfFile::section(std::string_view name) const {
  const auto found = sections_.find(folded(name));
  return found != sections_.end() ? &found->second : nullptr;
}

std::string InfFile::first_section(const std::vector<std::string>& names) const {
  const auto found = std::ranges::find_if(names, [&](const std::string& name) { return section(name) != nullptr; });
  return found != names.end() ? *found : std::string{};
}

const InfLine* InfFile::find(std::string_view section_name, std::string_view key) const {
  const auto* const lines = section(section_name);
  if (lines == nullptr) return nullptr;
  const auto found = std::ranges::find_if(*lines, [&](const InfLine& line) { return same_word(text(line.key), key); });
  return found != lines->end() ? &*found : nullptr;
}

std::string InfFile::text(std::string_view raw) const {
  return text(raw, [](std::string_view) { return std::nullopt; });
}

std::string InfFile::text(std::string_view raw, const FolderOfNumber& folder) const {
  std::string result;
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t start = std::min(raw.find('%', at), raw.size());
    result.append(raw.substr(at, start - at));
    const std::size_t end = raw.find('%', std::min(start + 1, raw.size()));
    if (end == std::string_view::npos) return result.append(raw.substr(start));
    const std::string_view name = raw.substr(start + 1, end - start - 1);
    at = end + 1;
    const auto found = strings_.find(folded(name));
    std::optional<std::string> replacement;
    if (name.empty()) {
      replacement = "%";
    } else if (found != strings_.end()) {
      replacement = found->second;
    } else if (is_number(name)) {
      replacement = folder(name);
    }
    if (replacement) {
      result += *replacement;
    } else {
      // No name of this file: text, and its second percent sign may begin a name.
      result.append(raw.substr(start, end - start));
      at = end;
    }
  }
  return result;
}

Result<std::uint32_t> InfFile::number(const InfLine& line, std::size_t index) const {
  const std::string whole = text(line, index);
  std::string_view digits = trimmed(whole);
  if (digits.empty()) return 0U;
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  if (hex) digits.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (code == std::errc{} && end == digits.data() + digits.size()) return value;
  return error(errc::inf_value, line, fmt::format("'{}' is no number of 32 bits", whole));
}

std::string InfFile::where(const InfLine& line) const { return fmt::format("{}:{}:{}", file_, line.line, line.column); }

std::unexpected<Error> InfFile::error(Errc code, const InfLine& line, std::string_view what) const {
  return fail(code, fmt::format("{}: {}", where(line), what));
}

Result<InfFile> parse_inf(std::span<const std::byte> bytes, std::string file, CpuType cpu) {
  FL_TRY(const std::string text, inf_text(bytes, file));
  return InfParser{with_architecture(text, cpu), std::move(file)}.run();
}

}  // namespace flashline::imaging
