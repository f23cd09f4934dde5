#include "imaging/catalog/member_catalog.h"

#include <algorithm>
#include <map>
#include <set>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/object_ids.h"
#include "imaging/catalog/trust_list.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/unicode.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

/// `tag` is UTF-16LE, with or without its NUL.
Result<std::string> name_of(std::span<const std::byte> tag) {
  std::u16string units;
  for (std::size_t i = 0; i + 1 < tag.size(); i += 2) {
    units.push_back(
        static_cast<char16_t>(std::to_integer<unsigned>(tag[i]) | std::to_integer<unsigned>(tag[i + 1]) << 8));
  }
  if (!units.empty() && units.back() == 0) units.pop_back();
  std::string name = utf8_of(units);
  const bool same = tag.size() % 2 == 0 && utf16_of(name) == units;
  if (same && !name.empty() && name.find('\0') == std::string::npos) return name;
  return fail(errc::catalog_member_name, "a member's tag is not a file name");
}

Status take_name(const std::string& name, std::set<std::string>& taken) {
  if (taken.insert(folded(name)).second) return {};
  return fail(errc::catalog_member_name, fmt::format("{} is a member twice", name));
}

}  // namespace

Result<std::vector<std::byte>> build_member_catalog(std::span<const CatalogMember> members, std::time_t this_update) {
  if (members.empty()) return fail(errc::catalog_member, "a catalog needs one member at least");
  std::vector<std::vector<std::byte>> tags;
  tags.reserve(members.size());  // the list's spans point into it
  std::vector<ListMember> list;
  std::set<std::string> taken;
  for (const CatalogMember& member : members) {
    const auto name = utf16_of(member.name);
    if (!name || name->empty() || name->find(u'\0') != std::u16string::npos) {
      return fail(errc::catalog_member_name, fmt::format("'{}' is not a file name", member.name));
    }
    FL_CHECK(take_name(member.name, taken));
    tags.push_back(tag_of(*name));
    list.push_back({.tag = tags.back(), .kind = MemberDigest::sha256, .digest = member.digest});
  }
  return build_trust_list(list, this_update);
}

Result<MemberCatalog> parse_member_catalog(std::span<const std::byte> der) {
  MemberCatalog catalog;
  FL_TRY(static_cast<SignedMessage&>(catalog), parse_signed_message(der, oid::ctl));
  FL_TRY(const auto list, parse_trust_list(catalog));
  std::set<std::string> taken;
  for (const ListMember& member : list) {
    CatalogMember& added = catalog.members.emplace_back();
    FL_TRY(added.name, name_of(member.tag));
    FL_CHECK(take_name(added.name, taken));
    if (member.kind != MemberDigest::sha256) {
      return fail(errc::catalog_member, fmt::format("{} has no SHA-256", added.name));
    }
    std::ranges::copy(member.digest, added.digest.begin());
  }
  return catalog;
}

Status check_members(const MemberCatalog& catalog, std::span<const CatalogMember> files) {
  std::map<std::string, const CatalogMember*> missing;
  for (const CatalogMember& member : catalog.members) missing.emplace(folded(member.name), &member);
  for (const CatalogMember& file : files) {
    const auto member = missing.find(folded(file.name));
    if (member == missing.end()) {
      return fail(errc::not_in_catalog, fmt::format("the catalog does not name {}", file.name));
    }
    if (member->second->digest != file.digest) {
      return fail(errc::catalog_file_digest, fmt::format("{} is not the file that the catalog names", file.name));
    }
    missing.erase(member);
  }
  if (missing.empty()) return {};
  return fail(errc::not_in_catalog,
              fmt::format("{}, which the catalog names, is not there", missing.begin()->second->name));
}

}  // namespace flashline::imaging
