#include "transport/firehose/firehose_xml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/sahara.h"
#include "imaging/core/xml_escape.h"

namespace flashline::transport {
namespace {

constexpr std::size_t attribute_limit = 32;
constexpr std::string_view filling{" \t\r\n\0", 5};

bool same_name(std::string_view one, std::string_view other) {
  const auto low = [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter; };
  return std::ranges::equal(one, other, {}, low, low);
}

bool is_name(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') ||
         letter == '_' || letter == '-' || letter == '.' || letter == ':';
}

std::string resolved(std::string_view raw) {
  constexpr std::array<std::pair<std::string_view, char>, 5> entities{
      {{"&quot;", '"'}, {"&apos;", '\''}, {"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}}};
  std::string text;
  while (!raw.empty()) {
    const auto entity = std::ranges::find_if(entities, [&](const auto& each) { return raw.starts_with(each.first); });
    text += entity == entities.end() ? raw.front() : entity->second;
    raw.remove_prefix(entity == entities.end() ? 1 : entity->first.size());
  }
  return text;
}

std::unexpected<Error> bad(std::string_view what) { return fail(errc::firehose_reply, std::string{what}); }

/// Walks over the text. Where it ends too early there may be more to come: that is no error but the end of the walk.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_{text} {}

  Result<FirehoseText> run() {
    for (;;) {
      skip_filling();
      if (!inside_) out_.used = at_;
      if (at_ == text_.size()) return std::move(out_);
      FL_TRY(const bool whole, step());
      if (!whole) return std::move(out_);
    }
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }
  void skip_filling() { at_ = std::min(text_.find_first_not_of(filling, at_), text_.size()); }

  /// Past `end`, or false when it is not there yet.
  bool skip_past(std::string_view end) {
    const auto found = text_.find(end, at_);
    if (found == std::string_view::npos) return false;
    at_ = found + end.size();
    return true;
  }

  /// One tag. False: it is not all there.
  Result<bool> step() {
    if (rest().starts_with("<?")) return skip_past("?>");
    if (rest().starts_with("<!--")) return skip_past("-->");
    if (rest().starts_with("</")) return end_tag();
    if (rest().starts_with('<') && rest().size() > 1 && is_name(rest()[1])) return start_tag();
    // Cut off within its first letters, or no XML at all.
    if (rest() == "<" || std::string_view{"<!--"}.starts_with(rest())) return false;
    return bad("the programmer's answer is no XML");
  }

  Result<bool> end_tag() {
    const auto name = rest().substr(2, rest().find('>') == std::string_view::npos ? 0 : rest().find('>') - 2);
    if (!skip_past(">")) return false;
    if (same_name(name, "data")) {
      keep_document();
      inside_ = false;
    }
    return true;
  }

  Result<bool> start_tag() {
    const std::size_t start = at_++;
    FirehoseElement element{.name = name(), .attributes = {}};
    FL_TRY(const bool whole, attributes(element));
    if (!whole) {
      at_ = start;
      return false;
    }
    if (same_name(element.name, "data")) {
      inside_ = true;
    } else if (inside_) {
      if (out_.elements.size() + pending_.size() >= firehose_element_limit)
        return bad("the programmer says too much at once");
      pending_.push_back(std::move(element));
    }
    return true;
  }

  std::string name() {
    const std::size_t start = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    return std::string{text_.substr(start, at_ - start)};
  }

  Result<bool> attributes(FirehoseElement& element) {
    for (;;) {
      skip_filling();
      if (at_ == text_.size()) return false;
      if (rest().starts_with('>') || rest().starts_with("/>")) return skip_past(">");
      if (rest() == "/") return false;
      if (element.attributes.size() >= attribute_limit || !is_name(text_[at_]))
        return bad("the programmer's answer has a broken tag");
      FL_TRY(const bool whole, attribute(element));
      if (!whole) return false;
    }
  }

  Result<bool> attribute(FirehoseElement& element) {
    FirehoseAttribute made{.name = name(), .value = {}};
    skip_filling();
    if (at_ == text_.size()) return false;
    if (text_[at_] != '=') return bad("the programmer's answer has an attribute without value");
    ++at_;
    skip_filling();
    if (at_ == text_.size()) return false;
    const char quote = text_[at_];
    if (quote != '"' && quote != '\'') return bad("the programmer's answer has a value without quotes");
    const std::size_t start = ++at_;
    const std::size_t end = same_name(element.name, "log") ? end_of_logged(quote) : text_.find(quote, at_);
    if (end == std::string_view::npos) return false;
    made.value = resolved(text_.substr(start, end - start));
    at_ = end + 1;
    element.attributes.push_back(std::move(made));
    return true;
  }

  /// A logged value ends with the quote that the tag's end follows: what it quotes itself is not escaped.
  std::size_t end_of_logged(char quote) const {
    for (std::size_t end = text_.find(quote, at_); end != std::string_view::npos; end = text_.find(quote, end + 1)) {
      const auto after = std::min(text_.find_first_not_of(filling, end + 1), text_.size());
      if (text_.substr(after).starts_with("/>") || text_.substr(after).starts_with('>')) return end;
      if (after == text_.size()) break;
    }
    return std::string_view::npos;
  }

  void keep_document() {
    std::ranges::move(pending_, std::back_inserter(out_.elements));
    pending_.clear();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool inside_ = false;
  std::vector<FirehoseElement> pending_;
  FirehoseText out_;
};

}  // namespace

const std::string* FirehoseElement::find(std::string_view wanted) const {
  const auto found = std::ranges::find_if(attributes, [&](const auto& each) { return same_name(each.name, wanted); });
  return found == attributes.end() ? nullptr : &found->value;
}

std::optional<std::uint64_t> FirehoseElement::number(std::string_view wanted) const {
  const std::string* const text = find(wanted);
  return text == nullptr ? std::nullopt : whole_number(*text);
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<FirehoseText> read_firehose(std::string_view text) {
  if (text.size() > firehose_text_limit) return bad("the programmer's answer does not end");
  return Walk{text}.run();
}

std::string firehose_command(std::string_view verb, const std::vector<FirehoseAttribute>& attributes) {
  std::string text = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\" ?><data><{}", verb);
  for (const auto& [name, value] : attributes) text += fmt::format(" {}=\"{}\"", name, xml_escaped(value));
  return text + " /></data>";
}

}  // namespace flashline::transport
