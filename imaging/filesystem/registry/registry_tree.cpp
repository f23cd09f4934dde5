#include "imaging/filesystem/registry/registry_tree.h"

#include <algorithm>
#include <optional>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/little_endian.h"
#include "imaging/core/unicode.h"
#include "imaging/filesystem/registry/upcase.h"

namespace flashline::imaging {
namespace {

/// The first part of `path`, which is cut off it.
std::string_view next_part(std::string_view& path) {
  const std::size_t end = path.find('\\');
  const std::string_view part = path.substr(0, end);
  path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  return part;
}

/// The texts of a list: each ends with a NUL, the list with an empty one or with its data.
std::vector<std::u16string> list_parts(std::span<const std::byte> data) {
  std::vector<std::u16string> parts;
  std::u16string part;
  for (std::size_t at = 0; at + 1 < data.size(); at += 2) {
    const auto unit = static_cast<char16_t>(load16(data.subspan(at)));
    if (unit != 0) {
      part += unit;
    } else if (part.empty()) {
      return parts;
    } else {
      parts.push_back(std::exchange(part, {}));
    }
  }
  if (!part.empty()) parts.push_back(std::move(part));
  return parts;
}

std::vector<std::byte> list_data(std::span<const std::u16string> parts) {
  std::vector<std::byte> data;
  const auto put = [&data](char16_t unit) {
    data.push_back(static_cast<std::byte>(unit & 0xFFU));
    data.push_back(static_cast<std::byte>(unit >> 8U));
  };
  for (const std::u16string& part : parts) {
    std::ranges::for_each(part, put);
    put(0);
  }
  put(0);
  return data;
}

/// Each part that the list does not have yet comes to its end.
void add_parts(TreeValue& list, std::span<const AddedPart> added) {
  std::vector<std::u16string> parts = list_parts(list.data);
  std::set<std::u16string> known;
  for (const std::u16string& part : parts) known.insert(upcased(part));
  for (const AddedPart& one : added) {
    if (!known.insert(upcased(one.text)).second) continue;
    parts.push_back(one.text);
    list.added.push_back(one);
  }
  if (!list.added.empty() || list.data.empty()) list.data = list_data(parts);
}

std::unexpected<Error> bad_key(std::string_view path, std::string_view why) {
  return fail(errc::registry_name, fmt::format("key '{}': {}", path, why));
}

}  // namespace

RegistryTree::RegistryTree(KeyReaders readers) : descriptors_{key_security(readers)} { root_.name = u"ROOT"; }

RegistryTree::RegistryTree(TreeKey root, std::vector<std::vector<std::byte>> descriptors, std::string writer)
    : root_{std::move(root)}, descriptors_{std::move(descriptors)}, writers_{std::move(writer)} {}

Result<TreeKey*> RegistryTree::make(std::string_view path) {
  TreeKey* key = &root_;
  std::size_t depth = 0;
  for (std::string_view rest = path; !rest.empty(); ++depth) {
    const bool trailing = rest.find('\\') == rest.size() - 1;
    const auto name = utf16_of(next_part(rest));
    if (!name) return bad_key(path, "no valid UTF-8");
    if (name->empty() || trailing) return bad_key(path, "two backslashes in a row, or one at an end");
    if (name->size() > max_key_name) return bad_key(path, fmt::format("a part has {} characters", name->size()));
    if (depth == max_key_depth) return bad_key(path, fmt::format("more than {} keys deep", max_key_depth));
    auto& child = key->keys[upcased(*name)];
    if (!child) {
      child = std::make_unique<TreeKey>();
      child->name = *name;
      child->security = key->security;
    }
    key = child.get();
  }
  return key;
}

std::uint32_t RegistryTree::number_of(std::string_view writer) {
  const auto found = std::ranges::find(writers_, writer);
  const auto number = static_cast<std::uint32_t>(found - writers_.begin());
  if (found == writers_.end()) writers_.emplace_back(writer);
  return number;
}

Status RegistryTree::set(TreeKey& key, std::string_view path, const RegistryValue& value, std::uint32_t writer) {
  const auto name = utf16_of(value.name);
  if (!name) return bad_key(path, fmt::format("the name of value '{}' is no valid UTF-8", value.name));
  if (name->size() > max_value_name)
    return bad_key(path, fmt::format("a value's name has {} characters", name->size()));
  const auto [at, is_new] = key.values.try_emplace(upcased(*name));
  TreeValue& kept = at->second;
  const bool joins = value.append && value.type == RegistryType::multi_sz;
  if (is_new) {
    kept = {.name = *name, .type = value.type, .data = {}, .writer = writer};
    if (!joins) kept.data = value.data;
  }
  if (joins) {
    join(kept, path, value, writer);
  } else if (!is_new) {
    replace(kept, path, value, writer);
  }
  return {};
}

void RegistryTree::replace(TreeValue& kept, std::string_view path, const RegistryValue& value, std::uint32_t writer) {
  std::vector<std::u16string> parts;
  if (!kept.added.empty()) parts = list_parts(kept.data);
  const bool only_added = !kept.added.empty() && parts.size() == kept.added.size();
  parts.resize(parts.size() - std::min(parts.size(), kept.added.size()));
  const bool same =
      kept.type == value.type && (kept.added.empty() ? kept.data == value.data : parts == list_parts(value.data));
  const bool lists = kept.type == value.type && only_added;  // nobody set it yet
  if (kept.writer != writer && !same && !lists) {
    conflicts_.push_back({std::string{path}, value.name, writers_[kept.writer], writers_[writer]});
  }
  const std::vector<AddedPart> added = std::exchange(kept.added, {});
  kept.type = value.type;
  kept.data = value.data;
  kept.writer = writer;
  if (value.type == RegistryType::multi_sz) add_parts(kept, added);
}

void RegistryTree::join(TreeValue& kept, std::string_view path, const RegistryValue& value, std::uint32_t writer) {
  if (kept.type != RegistryType::multi_sz) {
    if (kept.writer != writer) {
      conflicts_.push_back({std::string{path}, value.name, writers_[kept.writer], writers_[writer]});
    }
    kept = {.name = kept.name, .type = value.type, .data = {}, .writer = writer};
  }
  std::vector<AddedPart> added;
  for (std::u16string& part : list_parts(value.data)) added.push_back({std::move(part), writer});
  add_parts(kept, added);
}

std::vector<std::string> RegistryTree::writers(const TreeValue& value) const {
  std::vector<std::string> names{writer(value)};
  for (const AddedPart& part : value.added) {
    const std::string& name = writers_[part.writer];
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

Status RegistryTree::merge(std::string_view path, std::span<const RegistryValue> values, std::string_view writer) {
  FL_TRY(TreeKey* const key, make(path));
  const std::uint32_t number = number_of(writer);
  for (const RegistryValue& value : values) FL_CHECK(set(*key, path, value, number));
  return {};
}

const TreeKey* RegistryTree::find(std::string_view path) const {
  const TreeKey* key = &root_;
  while (!path.empty()) {
    const auto name = utf16_of(next_part(path));
    const auto child = name ? key->keys.find(upcased(*name)) : key->keys.end();
    if (child == key->keys.end()) return nullptr;
    key = child->second.get();
  }
  return key;
}

const TreeValue* RegistryTree::find(std::string_view path, std::string_view name) const {
  const TreeKey* const key = find(path);
  const auto wide = utf16_of(name);
  if (key == nullptr || !wide) return nullptr;
  const auto found = key->values.find(upcased(*wide));
  return found != key->values.end() ? &found->second : nullptr;
}

}  // namespace flashline::imaging
