#pragma once
// The cabs that one entry of a manifest stands for, and its text with names replaced.

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/feature/feature_manifest.h"
#include "imaging/workspace/variables.h"

namespace flashline::imaging::detail {

/// The base part unless there is none, then one cab a matching language ("X_Lang_de-DE.cab"), then one a matching
/// resolution ("X_Res_1024x768.cab"). `name` is the entry's, expanded.
std::vector<std::string> part_names(const FmPackage& package, std::string_view name,
                                    const std::vector<std::string>& languages,
                                    const std::vector<std::string>& resolutions);

/// Replaces %NAME% and $(name) of manifests.
class Expander {
 public:
  Expander(const Variables& percents, Variables dollars) : percents_{percents}, dollars_{std::move(dollars)} {}

  /// Errors: those of Variables, at `where`.
  Result<std::string> expand(const std::string& text, const std::string& where) const;

 private:
  const Variables& percents_;
  Variables dollars_;
};

/// `a` and `b` are one folder, case and kind of slash aside.
bool same_folder(std::string_view a, std::string_view b);

/// The cab in its folder. Empty: it is not there. Errors: input_ambiguous, at `where`.
Result<std::filesystem::path> find_cab(const std::filesystem::path& base, const std::string& folder,
                                       const std::string& cab, const std::string& where);

}  // namespace flashline::imaging::detail
