#include "imaging/filesystem/registry/registry_tree.h"

#include <algorithm>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/filesystem.h"
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
  if (is_new) {
    kept.name = *name;
  } else if (kept.writer != writer && (kept.type != value.type || kept.data != value.data)) {
    conflicts_.push_back({std::string{path}, value.name, writers_[kept.writer], writers_[writer]});
  }
  kept.type = value.type;
  kept.data = value.data;
  kept.writer = writer;
  return {};
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
