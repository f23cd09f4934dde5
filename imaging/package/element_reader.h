#pragma once
// What all elements of a package definition have in common: filters, macros in attributes, payload.

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "imaging/core/xml_document.h"
#include "imaging/package/build_filter.h"
#include "imaging/package/macro_scope.h"
#include "imaging/package/package.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {

class ElementReader {
 public:
  /// `folder` is where sources are looked for; `document` outlives the reader.
  ElementReader(const XmlDocument& document, std::filesystem::path folder, const BuildFacts& facts)
      : document_{document}, folder_{std::move(folder)}, facts_{facts} {}

  const XmlDocument& document() const { return document_; }
  const BuildFacts& facts() const { return facts_; }

  /// Errors: definition_repeated, at a second child of that name.
  Status check_once(const XmlElement& parent, std::string_view name) const;
  /// Errors: definition_unsupported, at the first of these attributes that is there.
  Status refuse(const XmlElement& element, std::initializer_list<std::string_view> names) const;

  /// Whether an element's buildFilter lets it in.
  Result<bool> included(const XmlElement& element, const MacroScope& scope) const;

  /// Calls `act` with the children of `parent` that are called `name` and are for this build.
  template <class Act>
  Status each(const XmlElement& parent, std::string_view name, const MacroScope& scope, Act act) const {
    for (const XmlElement& child : parent.children) {
      if (!same_word(local_name(child.name), name)) continue;
      FL_TRY(const bool wanted, included(child, scope));
      if (wanted) FL_CHECK(act(child));
    }
    return {};
  }

  /// A required attribute with its macros expanded.
  Result<std::string> text_of(const XmlElement& element, std::string_view name, const MacroScope& scope) const;
  /// The file that an attribute names by `source`.
  Result<std::filesystem::path> source(const XmlElement& element, std::string_view attribute,
                                       std::string_view source) const;
  /// The same, read as payload for `place`.
  Result<PackageFile> payload(const XmlElement& element, std::string_view attribute, std::string_view source,
                              std::string place) const;

 private:
  const XmlDocument& document_;
  std::filesystem::path folder_;
  BuildFacts facts_;
};

}  // namespace flashline::imaging
