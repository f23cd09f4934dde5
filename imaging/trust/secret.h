#pragma once
// A passphrase or a PIN in memory: wiped when it goes, and nothing that could print it.

#include <memory>
#include <string>

namespace flashline::imaging {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text);
  ~Secret();
  Secret(Secret&&) noexcept = default;
  Secret& operator=(Secret&& other) noexcept;

  bool empty() const { return !text_ || text_->empty(); }
  /// For the one call that needs it.
  const std::string& reveal() const;

 private:
  std::unique_ptr<std::string> text_;  // in one place: moving a string would leave a copy behind
};

}  // namespace flashline::imaging
