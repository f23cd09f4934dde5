#include "imaging/package/build_filter.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>
#include <string>

#include "imaging/core/errors/package.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr unsigned max_nesting = 64;

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

class FilterParser {
 public:
  FilterParser(std::string_view text, const BuildFacts& facts) : text_{text}, facts_{facts} { next(); }

  Result<bool> run() {
    FL_TRY(const bool value, alternatives(0));
    if (!token_.empty()) return bad(fmt::format("'{}' is not expected there", token_));
    return value;
  }

 private:
  std::unexpected<Error> bad(std::string_view what) const {
    return fail(errc::build_filter, fmt::format("'{}': {}", text_, what));
  }

  /// The next word, quoted text or sign; empty at the end.
  void next() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
    std::size_t end = at_;
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
      end = std::min(text_.find(text_[at_], at_ + 1), text_.size() - 1) + 1;
    } else if (text_.substr(at_).starts_with("!=")) {
      end += 2;
    } else {
      while (end < text_.size() && is_word_char(text_[end])) ++end;
      if (end == at_ && end < text_.size()) ++end;
    }
    token_ = text_.substr(at_, end - at_);
    at_ = end;
  }

  bool take(std::string_view word) {
    if (!same_word(token_, word)) return false;
    next();
    return true;
  }

  Result<bool> alternatives(unsigned depth) {
    FL_TRY(bool value, conjunction(depth));
    while (take("or")) {
      FL_TRY(const bool other, conjunction(depth));
      value = value || other;
    }
    return value;
  }

  Result<bool> conjunction(unsigned depth) {
    FL_TRY(bool value, term(depth));
    while (take("and")) {
      FL_TRY(const bool other, term(depth));
      value = value && other;
    }
    return value;
  }

  Result<bool> term(unsigned depth) {
    if (depth > max_nesting) return bad("too deep");
    if (take("not")) {
      FL_TRY(const bool value, term(depth + 1));
      return !value;
    }
    if (take("(")) {
      FL_TRY(const bool value, alternatives(depth + 1));
      if (!take(")")) return bad("')' is missing");
      return value;
    }
    return comparison();
  }

  Result<bool> comparison() {
    const std::string name{token_};
    FL_TRY(const std::string fact, fact_of(name));
    next();
    const bool equal = token_ == "=";
    if (!equal && token_ != "!=") {
      if (fact == "true" || fact == "false") return fact == "true";
      return bad(fmt::format("{} must be compared", name));
    }
    next();
    FL_TRY(const std::string value, value_for(name));
    next();
    return same_word(fact, value) == equal;
  }

  Result<std::string> fact_of(std::string_view name) const {
    if (same_word(name, "build.arch")) return std::string{name_of(facts_.cpu)};
    if (same_word(name, "build.isWow")) return std::string{facts_.is_wow ? "true" : "false"};
    if (same_word(name, "build.buildType")) return std::string{facts_.build_type};
    if (name.empty()) return bad("something is missing at its end");
    return bad(fmt::format("'{}' is nothing to compare", name));
  }

  /// The token as a value that `name` can have.
  Result<std::string> value_for(std::string_view name) const {
    std::string_view word = token_;
    if (word.size() >= 2 && (word.front() == '\'' || word.front() == '"') && word.back() == word.front()) {
      word = word.substr(1, word.size() - 2);
    }
    bool known = true;
    if (same_word(name, "build.arch")) {
      known = cpu_of(word).has_value();
    } else if (same_word(name, "build.isWow")) {
      known = same_word(word, "true") || same_word(word, "false");
    } else {
      known = same_word(word, "fre") || same_word(word, "chk");
    }
    if (!known) return bad(fmt::format("{} is never '{}'", name, word));
    if (same_word(name, "build.arch")) return std::string{name_of(cpu_of(word).value_or(facts_.cpu))};
    return std::string{word};
  }

  std::string_view text_;
  const BuildFacts& facts_;
  std::size_t at_ = 0;
  std::string_view token_;
};

}  // namespace

Result<bool> passes_filter(std::string_view filter, const BuildFacts& facts) {
  if (trimmed(filter).empty()) return true;
  return FilterParser{filter, facts}.run();
}

}  // namespace flashline::imaging
