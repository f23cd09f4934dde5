#pragma once
// What $(name) means inside a package definition.

#include <filesystem>
#include <string>
#include <string_view>

#include "imaging/core/error.h"
#include "imaging/package/definition.h"
#include "imaging/workspace/variables.h"

namespace flashline::imaging {

/// The macros of a build, of the device's folders ($(runtime...), $(env...)), of its registry ($(hklm...)) and of the
/// definition itself. It knows which text came from which of them, so that each is refused where it means nothing.
class MacroScope {
 public:
  explicit MacroScope(const DefinitionInputs& in);

  /// A macro of the definition's own. Errors: macro_name (its form, or known already).
  Status define(std::string_view id, std::string_view value);
  /// What a part of the package is read with: langid, resid.
  void set(std::string_view name, std::string value) { variables_.set(name, std::move(value)); }

  /// Text without $(env...). Errors: macro_place, those of Variables::expand, as for all below.
  Result<std::string> text(std::string_view raw) const;
  /// Text with $(env...): what a REG_EXPAND_SZ value holds.
  Result<std::string> expandable(std::string_view raw) const;
  /// A folder or file on the device. Errors: destination_folder (no $(runtime...) at its front), path_escapes.
  Result<std::string> device_place(std::string_view raw) const;
  /// A key, as `registry_path` gives it. Errors: registry_key.
  Result<std::string> key(std::string_view raw) const;

 private:
  Variables variables_;
};

}  // namespace flashline::imaging
