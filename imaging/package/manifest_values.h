#pragma once
// Words and numbers that package manifests are made of.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// Windows file attributes as words with spaces between: "ReadOnly Archive". Bits without a word fall away.
std::string attribute_words(std::uint32_t attributes);
/// Words in any case, spaces or commas between them. nullopt: a word that is none.
std::optional<std::uint32_t> attributes_of(std::string_view words);

/// In any case; nullopt: none of them.
std::optional<ReleaseType> release_type_of(std::string_view text);
std::optional<OwnerType> owner_type_of(std::string_view text);

/// 64 hex digits of any case.
std::optional<Sha256> digest_of_hex(std::string_view text);

/// How a package is called that does not say it: "Owner.Component.SubComponent", then "_Lang_..", "_Res_..".
std::string name_from_parts(const PackageIdentity& identity);
/// A name that a file of a package may have: one part of a device path, and no more.
bool is_file_name(std::string_view name);

/// `text` as a device path. Errors: cab_manifest at that place.
Result<std::string> checked_path(const XmlDocument& document, std::size_t offset, std::string_view text);

/// A wrong value of a manifest is a wrong manifest: nobody wrote it by hand.
template <class T>
Result<T> as_manifest_error(Result<T> result) {
  if (!result) return fail(errc::cab_manifest, std::move(result).error().detail);
  return result;
}

}  // namespace flashline::imaging
